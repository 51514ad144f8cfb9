"""Files of whole sessions, as somebody reads them who knows all secrets."""

from primitives import ed25519
from wire import messages, packets

from .greeting_files import Group, play
from .tally import Mismatch, data, datas, expect, name

PAYLOAD, ORDER_CONFIRMATION, PART = 0, 4, 7
# More positions than anybody in a file uses
POSITIONS = 1_000


class Room:
    """A subsession: who has written what in it, and the chain of operations since."""

    def __init__(self, operation, pid, chain):
        seeds = {name(one["name"]): data(one["e"]) for one in operation["secrets"]}
        keys = {who: ed25519.public(seed) for who, seed in seeds.items()}
        sid, root = data(operation["result"]["sid"]), data(operation["result"]["root"])
        self.inner = messages.Subsession(sid, root, keys)
        self.counts = dict.fromkeys(keys, 0)
        self.known = set()
        self.texts = []
        self.parts = {}
        # (place in the log, chain hash, last final packet) by number
        self.points = [(-1, chain, pid)]
        self.over = False

    def accept(self, at, chain, pid, role, complete):
        """An operation packet since; the final packet that ends the subsession is the last."""
        if not self.over:
            last = pid if role in ("final", "both") else self.points[-1][2]
            self.points.append((at, chain, last))
            self.over = complete


def _operations(file, log):
    """All operations; returns rooms by operation, and who was where in the log."""
    group, rooms, used = Group(file), {}, set()
    for i, operation in enumerate(file["operations"]):
        if operation["heads"]:
            previous = rooms[max(rooms)]
            if not set(datas(operation["heads"])) <= previous.known_later:
                raise Mismatch(f"operation {i} names heads that nobody wrote")
        play(group, operation)
        expect("number of packets", len(operation["packets"]), len(operation["at"]))
        complete = operation["result"]["outcome"] in ("complete", "alone")
        for at, step in zip(operation["at"], operation["packets"]):
            for what in ("from", "packet"):
                expect(f"log[{at}].{what}", log[at][what], step[what])
            expect(f"log[{at}].channel", operation["channel"], log[at]["channel"])
            used.add(at)
            if step.get("role"):
                final = complete and step["role"] in ("final", "both")
                for room in rooms.values():
                    room.accept(at, data(step["chain"]), data(step["pid"]), step["role"], final)
        left = operation.get("left")
        if left:
            expect("leavers", left["leavers"], log[left["at"]]["leave"])
            expect("remaining", left["remaining"], log[left["at"]]["channel"])
            for room in rooms.values():
                room.accept(left["at"], data(left["chain"]), data(left["pid"]), "final", False)
        if operation["result"]["outcome"] == "complete":
            last = operation["packets"][-1]
            rooms[i] = Room(operation, data(last["pid"]), data(last["chain"]))
            rooms[i].points[0] = (operation["at"][-1],) + rooms[i].points[0][1:]
            rooms[i].known_later = {
                data(message["mid"]) for message in file["messages"] if message["operation"] == i
            }
    return rooms, used


def _late(file, log, at):
    """A packet of an operation that had ended before."""
    op = packets.decode(data(log[at]["packet"]))["op"]
    for operation in file["operations"]:
        if data(operation["result"]["op"]) == op:
            end = operation["left"]["at"] if operation.get("left") else operation["at"][-1]
            if end < at:
                return
    raise Mismatch(f"log[{at}] is not late")


def _message(listed, entry, room):
    packet = data(entry["packet"])
    found = room.inner.open(packets.decode(packet), POSITIONS)
    author, seq, mid, _, content = found
    expect("author", name(listed["author"]), author)
    expect("from", name(entry["from"]), author)
    expect("seq", listed["seq"], seq)
    expect("seq of the author", room.counts[author], seq)
    room.counts[author] += 1
    expect("mid", listed["mid"], mid)
    expect("parents", datas(listed["parents"]), content["parents"])
    if not set(content["parents"]) <= room.known:
        raise Mismatch("has parents that nobody wrote before")
    room.known.add(mid)
    for what in ("number", "kind"):
        expect(what, listed[what], content[what])
    expect("body", listed["body"], content["body"])
    expect("chain", listed["chain"], content["chain"])
    at, chain, last_final = room.points[content["number"]]
    expect("chain at its number", chain, content["chain"])
    if at >= listed["at"]:
        raise Mismatch("knows an operation packet before it was sent")
    if content["kind"] == ORDER_CONFIRMATION:
        expect("confirmed final packet", last_final, content["says"]["packet"])
    if content["kind"] == PAYLOAD:
        room.texts.append(content["says"]["text"])
    if content["kind"] == PART:
        parts = room.parts.setdefault(author, [])
        parts.append(content["body"])
        if len(parts) == content["says"]["count"]:
            room.texts.append(messages.joined(room.parts.pop(author)).decode("utf-8"))


def _channel(log):
    """Whoever sends is in the channel, and its membership follows from who came and went."""
    channel, time = [], 0
    for at, entry in enumerate(log):
        if entry["t"] < time:
            raise Mismatch(f"log[{at}] is earlier than what is before it")
        time = entry["t"]
        if "packet" in entry:
            if entry["from"] not in channel:
                raise Mismatch(f"log[{at}] is from outside the channel")
        else:
            if set(entry["enter"]) & set(channel) or not set(entry["leave"]) <= set(channel):
                raise Mismatch(f"log[{at}] changes what is so already")
            channel = sorted(set(channel) - set(entry["leave"]) | set(entry["enter"]), key=name)
        expect(f"log[{at}].channel", channel, entry["channel"])


def _orders(file):
    """(prev_pF, CH) at any time, with the members of the last completed operations."""
    first = file["operations"][0]
    orders = {(first["prev_final"], first["prev_chain"]): [first["previous"]]}
    last, members = first["prev_final"], [first["previous"]]
    for operation in file["operations"]:
        for step in operation["packets"]:
            if step.get("role") in ("final", "both"):
                last = step["pid"]
                if operation["result"]["outcome"] in ("complete", "alone"):
                    members = [operation["members"]] + members
            if step.get("role"):
                orders[(last, step["chain"])] = members
        if operation.get("left"):
            last = operation["left"]["pid"]
            orders[(last, operation["left"]["chain"])] = members
    return orders


def _steps(who, file, log, kinds):
    """What a member got, drew, sent and thought fits log and operations."""
    sent, heard, drawn, time = [], [], [], 0
    orders = _orders(file)
    sids = {operation["result"].get("sid") for operation in file["operations"]} | {None}
    for i, step in enumerate(file["steps"][who]):
        if step["t"] < time:
            raise Mismatch(f"step {i} is earlier than what is before it")
        time, kind = step["t"], step["in"]["kind"]
        if kind == "event":
            seq = step["in"]["seq"]
            heard.append(seq)
            if log[seq]["t"] >= step["t"]:
                raise Mismatch(f"step {i} hears what was not yet said")
        elif kind not in ("timeout", "action"):
            raise Mismatch(f"step {i} has the unknown input {kind}")
        greets = False
        for out in step.get("out", []):
            if "packet" in out:
                at = out["packet"]
                expect(f"step {i} sends", (who, step["t"]), (log[at]["from"], log[at]["t"]))
                sent.append(at)
                greets |= kinds[at] in packets.GREETING
            if "lost" in out:
                greets |= packets.kind_of(data(out["lost"])) in packets.GREETING
        if greets:
            drawn += [draw for draw in step.get("rand", []) if isinstance(draw, str)]
        state = step.get("state")
        if state:
            order = state["order"] and tuple(state["order"])
            if order and order not in orders or state["sid"] not in sids:
                raise Mismatch(f"step {i} has a state that nobody can have")
            # Who is excluded stays where it was until it has left.
            agreed = next((m for m in orders.get(order, []) if who in m), None)
            if state["members"] not in ([who], agreed):
                raise Mismatch(f"step {i} has members that nobody agreed on")
    mine = [at for at, entry in enumerate(log) if entry.get("from") == who]
    expect("packets sent", mine, sorted(sent))
    expect("events", sorted(set(heard)), heard)
    present = [
        at for at, entry in enumerate(log)
        if who in entry["channel"] or who in entry.get("leave", [])
    ]
    expect("events heard", present[: len(heard)], heard)
    listed, instance = [], []
    for operation in file["operations"]:
        for draws in operation["draws"]:
            if draws["name"] == who:
                instance = [draws["instance"]]
                listed += draws["fresh"]
    expect("draws", instance + listed, drawn)


def session_file(file, tally):
    log = file["log"]
    kinds = {
        at: packets.kind_of(data(entry["packet"])) for at, entry in enumerate(log) if "packet" in entry
    }
    holder = {}

    def operations(_):
        holder["rooms"], used = _operations(file, log)
        greeting = {at for at, kind in kinds.items() if kind in packets.GREETING}
        late = set(file.get("late", []))
        expect("greeting packets", greeting, used | late)
        for at in late:
            _late(file, log, at)

    tally.each("operation_lists", [{}], operations)
    tally.detail("operations", len(file["operations"]))
    if not holder:
        return
    rooms = holder["rooms"]
    tally.each(
        "messages", file["messages"],
        lambda listed: _message(listed, log[listed["at"]], rooms[listed["operation"]]),
    )

    tally.each("members", sorted(file["steps"]), lambda who: _steps(who, file, log, kinds))

    def everything(_):
        _channel(log)
        sent = {at for at, kind in kinds.items() if kind == "message"}
        expect("messages", sent, {listed["at"] for listed in file["messages"]})
        for who, texts in file["final"].items():
            written = [
                text for room in rooms.values() if name(who) in room.counts for text in room.texts
            ]
            expect(f"texts of {who}", sorted(written), sorted(texts))

    tally.each("whole", [{}], everything)
