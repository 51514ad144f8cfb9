"""Files of messages in a subsession, good and bad."""

from primitives import ed25519
from wire import messages, packets
from wire.framing import Refused

from .tally import Mismatch, data, datas, expect, name

TAG_WINDOW = 64
MAX_SKIP = 256


class Room:
    """A subsession as a file lists it; `opened` remembers who wrote what at which position."""

    def __init__(self, listed):
        self.sid, self.seeds, authors = data(listed["sid"]), {}, {}
        self.places = []
        for author in listed["authors"]:
            who, seed = name(author["name"]), data(author["seed"])
            expect("public", author["public"], ed25519.public(seed))
            self.seeds[who], authors[who] = seed, data(author["public"])
            self.places.append(who)
        self.inner = messages.Subsession(self.sid, data(listed["root"]), authors)
        # By author: the first position that nothing has passed, and how many before it are missing
        self.opened = {}
        self.next, self.missing = dict.fromkeys(self.places, 0), dict.fromkeys(self.places, 0)

    def receive(self, packet):
        """What is said of a packet: `accept`, `copy`, `fork`, or the class of reason."""
        fields = packets.decode(packet)
        if fields["kind"] != "message":
            raise Refused("header")
        limit = max(self.next.values()) + TAG_WINDOW
        author, seq = self.inner.position(fields["tag"], limit)
        if seq >= self.next[author] + TAG_WINDOW:
            raise Refused("tag")
        _, _, mid, content, _ = self.inner.open(fields, limit)
        is_new = (author, seq) not in self.opened
        before = self.opened.setdefault((author, seq), mid)
        if before != mid:
            return "fork", author, seq, mid, content
        if is_new and seq < self.next[author]:
            self.missing[author] -= 1
        self._move(author)
        return "accept", author, seq, mid, content

    def _move(self, author):
        """Passes what was used, and what is missing before it as long as that is not too much."""
        used = {seq for who, seq in self.opened if who == author}
        while self.missing[author] < MAX_SKIP and max(used) >= self.next[author]:
            self.missing[author] += self.next[author] not in used
            self.next[author] += 1


def _message(room, listed):
    author, seq = name(listed["author"]), listed["seq"]
    content, packet = data(listed["content"]), data(listed["packet"])
    tag, key, nonce_key = room.inner.chains[author].keys(seq)
    expect("tag", listed["tag"], tag)
    expect("key", listed["key"], key)
    expect("nonce_key", listed["nonce_key"], nonce_key)
    body = data(listed["body"])
    parents, chain = datas(listed["parents"]), data(listed["chain"])
    again = messages.encode_content(parents, listed["number"], chain, listed["kind"], body)
    expect("content", content, again)
    mid, sealed = room.inner.seal(author, room.seeds[author], seq, content)
    expect("mid", listed["mid"], mid)
    expect("packet", packet, sealed)
    expect("nonce", listed["nonce"], packets.decode(packet)["nonce"])


def run_file(file, tally):
    def check(case):
        room = Room(case["subsession"])
        for listed in case["messages"]:
            _message(room, listed)
        for i in case["arrival"]:
            listed = case["messages"][i]
            found = room.receive(data(listed["packet"]))
            expected = ("accept", name(listed["author"]), listed["seq"], data(listed["mid"]))
            expect("received", expected, found[:4])
        expect("arrivals", list(range(len(case["messages"]))), sorted(case["arrival"]))
        for listed in case.get("publications", []):
            expect("publication", listed["expect"], _publication(room, data(listed["packet"])))
        tally.detail("messages", len(case["messages"]))

    tally.each("cases", file["cases"], check)


def _publication(room, packet):
    fields = packets.decode(packet)
    if fields["kind"] != "publication":
        raise Mismatch("is no publication")
    if fields["sid"] != room.sid or fields["place"] >= len(room.places):
        return "refuse"
    author = room.places[fields["place"]]
    return "accept" if ed25519.public(fields["seed"]) == room.inner.authors[author] else "refuse"


def negative_file(file, tally):
    def check(case):
        listed = file["rooms"][case["room"]]
        room = Room(listed["subsession"])
        for i in case["delivered"]:
            room.receive(data(listed["messages"][i]["packet"]))
        try:
            found = room.receive(data(case["packet"]))[0]
        except Refused as refused:
            expect("expect", case["expect"], "refuse")
            expect("reason", case["reason"], refused.reason)
        else:
            expect("expect", case["expect"], found)

    def base(listed):
        room = Room(listed["subsession"])
        for message in listed["messages"]:
            _message(room, message)

    tally.each("rooms", file["rooms"], base)
    tally.each("cases", file["cases"], check)
