"""Files with one kind of calculation each."""

from primitives import chacha20poly1305, ed25519, hashing, ristretto
from wire import agreement, framing, hedging, messages

from .tally import Mismatch, data, datas, expect, name, names


def frame(file, tally):
    def check(case):
        parts = datas(case["parts"])
        if case["name"] not in framing.HASHES | framing.DERIVATIONS:
            raise Mismatch("unknown label")
        framed = framing.frame(case["name"], *parts)
        expect("frame", case["frame"], framed)
        expect("h", case["h"], hashing.blake2b(framed, 32))
        expect("h64", case["h64"], hashing.blake2b(framed, 64))

    tally.each("cases", file["cases"], check)


def kdf(file, tally):
    def check(case):
        prk = framing.extract(data(case["salt"]), data(case["ikm"]))
        expect("prk", case["prk"], prk)
        found = framing.expand(prk, case["name"], *datas(case["parts"]), size=case["size"])
        expect("out", case["out"], found)

    tally.each("cases", file["cases"], check)


def aead(file, tally):
    def check(case):
        key, nonce, aad = (data(case[what]) for what in ("key", "nonce", "aad"))
        sealed = data(case["sealed"])
        found = chacha20poly1305.open_(key, nonce, aad, sealed)
        if case["expect"] == "refuse":
            expect("opened", None, found)
        else:
            expect("plaintext", case["plaintext"], found)
            expect("sealed", sealed, chacha20poly1305.seal(key, nonce, aad, found))

    tally.each("cases", file["cases"], check)


def group(file, tally):
    def imported(case):
        element = ristretto.decode(data(case["input"]))
        if element is None:
            found = "refuse"
        else:
            found = "identity" if ristretto.is_identity(element) else "element"
            expect("encoding", case["input"], ristretto.encode(element))
        expect("expect", case["expect"], found)

    def reduced(case):
        found = ristretto.reduce(data(case["wide"]))
        expect("scalar", case["scalar"], ristretto.scalar_bytes(found) if found else None)

    def product(case):
        scalar, point = ristretto.scalar(data(case["scalar"])), ristretto.decode(data(case["point"]))
        base = ristretto.multiply(scalar, ristretto.BASE)
        expect("base_product", case["base_product"], ristretto.encode(base))
        times = ristretto.multiply(scalar, point)
        expect("product", case["product"], ristretto.encode(times))
        expect("sum", case["sum"], ristretto.encode(ristretto.add(point, base)))
        expect("difference", case["difference"], ristretto.encode(ristretto.subtract(point, base)))

    tally.each("import", file["import"], imported)
    tally.each("reduce", file["reduce"], reduced)
    tally.each("products", file["products"], product)


def proof(file, tally):
    def check(case):
        ctx, place = data(case["ctx"]), case["place"]
        z, d, x, c, s = (data(case[what]) for what in ("z", "d", "x", "c", "s"))
        holds = agreement.proof_holds(ctx, place, z, d, x, c, s)
        expect("expect", case["expect"], "accept" if holds else "refuse")
        if case["expect"] == "accept":
            secret = ristretto.scalar(data(case["secret"]))
            w = ristretto.scalar(data(case["w"]))
            expect("z", z, ristretto.encode(ristretto.multiply(secret, ristretto.BASE)))
            expect("x", x, ristretto.encode(ristretto.multiply(secret, ristretto.decode(d))))
            expect("proof", (c, s), agreement.prove(ctx, place, z, d, x, secret, w))

    tally.each("cases", file["cases"], check)


def signatures(file, tally):
    def check(case):
        key, content, signature = (data(case[what]) for what in ("key", "data", "signature"))
        if case["name"] not in framing.SIGNATURES:
            raise Mismatch("unknown label")
        holds = framing.verifies(key, case["name"], content, signature)
        expect("expect", case["expect"], "accept" if holds else "refuse")
        if case["expect"] == "accept":
            seed = data(case["seed"])
            expect("key", key, ed25519.public(seed))
            expect("signature", signature, framing.sign(seed, case["name"], content))

    tally.each("cases", file["cases"], check)


def padding(file, tally):
    def check(case):
        found = messages.padded_len(68 + case["content_len"])
        expect("plaintext_len", case["plaintext_len"], found)

    tally.each("cases", file["cases"], check)


def order(file, tally):
    def label(case):
        expect("hash", case["hash"], framing.session_label(case["text"]))

    def packet(case):
        sender, channel = name(case["sender"]), names(case["channel"])
        expect("pid", case["pid"], framing.packet_id(sender, channel, data(case["packet"])))

    def leave(case):
        remaining, leavers = names(case["remaining"]), names(case["leavers"])
        found = framing.leave_id(remaining, data(case["prev_initial"]), leavers)
        expect("pid", case["pid"], found)

    def chain(case):
        value = framing.chain_start(data(case["prev_final"]))
        expect("start", case["start"], value)
        for step in case["steps"]:
            value = framing.chain(value, data(step["pid"]), step["role"])
            expect("chain", step["chain"], value)

    tally.each("session_labels", file["session_labels"], label)
    tally.each("packet_ids", file["packet_ids"], packet)
    tally.each("leave_ids", file["leave_ids"], leave)
    tally.each("chains", file["chains"], chain)


def fingerprint(file, tally):
    def check(case):
        members = [(name(member["name"]), data(member["key"])) for member in case["members"]]
        found = agreement.fingerprint(data(case["t"]), members)
        expect("fingerprint", case["fingerprint"], found)
        expect("digits", case["digits"], agreement.digits(found))

    tally.each("cases", file["cases"], check)


def hedged(file, tally):
    def check(case):
        hk = hedging.hedging_key(data(case["seed"]))
        expect("hedging_key", case["hedging_key"], hk)
        fresh, instance = data(case["fresh"]), data(case["instance"])
        of, extra = datas(case["of"]), data(case["extra"])
        found = hedging.draw(hk, fresh, instance, case["number"], case["purpose"], *of, extra=extra)
        expect("value", case["value"], found)

    tally.each("cases", file["cases"], check)


def chain_keys(file, tally):
    def check(case):
        rk = messages.root_key(data(case["sid"]), data(case["root"]))
        expect("message_id_key", case["message_id_key"], messages.id_key(rk))
        author = name(case["author"])
        expect("chain_key", case["chain_key"], messages.first_chain_key(rk, author))
        chain = messages.Author(rk, author)
        for position in case["positions"]:
            found = chain.keys(position["seq"])
            expected = tuple(data(position[what]) for what in ("tag", "key", "nonce_key"))
            expect(f"position {position['seq']}", expected, found)

    tally.each("cases", file["cases"], check)
