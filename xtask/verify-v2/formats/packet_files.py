"""Files of packets, of contents of messages, and of content in parts."""

from primitives import ed25519
from wire import framing, messages, packets

from .tally import Mismatch, data, datas, expect, expect_refusal, name


def fields_of(kind, case):
    """The fields that a file lists, as our decoder names them."""
    if kind == "initial":
        entries = [
            {
                "name": name(entry["name"]),
                "flags": (1 if entry["previous"] else 0) | (2 if entry["key"] else 0),
                "key": data(entry["key"]) if entry["key"] else None,
            }
            for entry in case["entries"]
        ]
        three = case["contribution"]
        return {
            "label": data(case["label"]),
            "instance": data(case["instance"]),
            "place": case["place"],
            "entries": entries,
            "prev_final": data(case["prev_final"]),
            "prev_chain": data(case["prev_chain"]),
            "heads": datas(case["heads"]),
            "contribution": three and {what: data(three[what]) for what in three},
        }
    return {
        what: data(value) if isinstance(value, str) else value for what, value in case.items()
    }


def packet_file(file, tally):
    def check(case):
        packet = data(case["packet"])
        if case["expect"] == "refuse":
            expect_refusal(case, lambda: packets.decode(packet))
            return
        expect("expect", "accept", case["expect"])
        found = packets.decode(packet)
        kind = found["kind"]
        expect("kind", case["kind"], kind)
        expected = {"kind": kind, **fields_of(kind, case["fields"])}
        if "signature" in found:
            seed, ctx = data(case["signer"]), data(case.get("ctx", ""))
            label, content = packets.signed_data(found, ctx)
            expected["signature"] = framing.sign(seed, label, content)
            key = ed25519.public(seed)
            if not framing.verifies(key, label, content, found["signature"]):
                raise Mismatch("signature does not hold")
        for what, value in expected.items():
            expect(what, value, found[what])
        expect("encoding", packet, packets.encode(expected))
        if kind == "initial":
            expect("op", case["op"], packets.operation_id(packet))

    tally.each("cases", file["cases"], check)


def content_file(file, tally):
    def content(case):
        encoded = data(case["content"])
        if case["expect"] == "refuse":
            expect_refusal(case, lambda: messages.decode_content(encoded))
            return
        expect("expect", "accept", case["expect"])
        found = messages.decode_content(encoded)
        parents, chain, body = datas(case["parents"]), data(case["chain"]), data(case["body"])
        expect("parents", parents, found["parents"])
        for what, value in [("number", case["number"]), ("chain", chain), ("kind", case["kind"])]:
            expect(what, value, found[what])
        expect("body", body, found["body"])
        says = {
            what: value.hex() if isinstance(value, bytes) else value
            for what, value in found["says"].items()
        }
        expect("says", case["says"], says)
        again = messages.encode_content(parents, case["number"], chain, case["kind"], body)
        expect("encoding", encoded, again)

    def plaintext(case):
        encoded = data(case["plaintext"])
        if case["expect"] == "refuse":
            expect_refusal(case, lambda: messages.split_plaintext(encoded))
            return
        expect("expect", "accept", case["expect"])
        signature, content = messages.split_plaintext(encoded)
        expect("signature", case["signature"], signature)
        expect("content", case["content"], content)
        expect("encoding", encoded, messages.plaintext(signature, content))

    tally.each("contents", file["contents"], content)
    tally.each("plaintexts", file["plaintexts"], plaintext)


def repeated(runs):
    """Long bodies are written as [hex, how often] pieces."""
    return b"".join(data(piece) * count for piece, count in runs)


def parts_file(file, tally):
    def check(case):
        bodies = [repeated(body) for body in case["bodies"]]
        if case["expect"] == "incomplete":
            expect_refusal({"reason": "incomplete"}, lambda: messages.joined(bodies))
            return
        expect("expect", "complete", case["expect"])
        whole = messages.joined(bodies)
        expect("whole", repeated(case["whole"]), whole)
        expect("digest", case["digest"], framing.hash32("content", whole))

    tally.each("cases", file["cases"], check)
