"""Sections 1.1, 4, 5, 5.6 and 6: packets as bytes. Decoding is strict: what is read is what was written."""

from .framing import (
    MAX_MEMBERS, MAX_PACKET_LEN, PROFILE, SUITE, Refused, hash32, name_allowed, number,
)

KINDS = {
    0x01: "initial", 0x02: "contribution", 0x03: "share", 0x04: "confirmation", 0x05: "abort",
    0x10: "message", 0x11: "publication", 0x12: "request",
}
CODES = {name: code for code, name in KINDS.items()}
GREETING = ("initial", "contribution", "share", "confirmation", "abort")
MAX_HEADS = 512
NO_SUBJECT = 0xFFFF
# Bytes of parents, number, chain hash, kind and body of a message (section 5.4)
MAX_PARENTS, MAX_BODY = 512, 16_448
MAX_CONTENT_LEN = 2 + 32 * MAX_PARENTS + 4 + 32 + 1 + MAX_BODY
# Of a request for copies (section 5.6)
MAX_HELD, MAX_WANTED = 128, 32
MAX_REQUEST_LEN = 1 + 2 + 8 * MAX_MEMBERS + 2 + 10 * MAX_HELD + 2 + 32 * MAX_WANTED
REASONS = {0: False, 1: False, 2: True, 3: False, 4: False}  # with a subject or not


def header(kind):
    return PROFILE + SUITE + bytes([CODES[kind]])


def padded_len(length):
    """Of a plaintext of `length` bytes (section 5.2)."""
    if length <= 4096:
        size = 128
        while size < length:
            size *= 2
        return size
    e = length.bit_length() - 1
    s = e.bit_length()
    unit = 1 << (e - s)
    return (length + unit - 1) // unit * unit


class Reader:
    """Takes fields from the front; there is nothing that could be skipped."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        part = self.data[self.at : self.at + size]
        if len(part) != size:
            raise Refused("short")
        self.at += size
        return part

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        if self.at != len(self.data):
            raise Refused("long")


def kind_of(packet):
    if len(packet) > MAX_PACKET_LEN:
        raise Refused("limit")
    if len(packet) < 4 or packet[:3] != PROFILE + SUITE or packet[3] not in KINDS:
        raise Refused("header")
    return KINDS[packet[3]]


def ascending(values):
    return all(a < b for a, b in zip(values, values[1:]))


def decode(packet):
    """{kind, signature, content, …fields} of any packet."""
    kind = kind_of(packet)
    reader = Reader(packet)
    reader.take(4)
    fields = {"kind": kind}
    if kind in GREETING:
        fields["signature"] = reader.take(64)
        fields["content"] = packet[reader.at :]
    DECODERS[kind](reader, fields)
    reader.end()
    return fields


def _initial(reader, fields):
    fields["label"] = reader.take(32)
    fields["instance"] = reader.take(16)
    fields["place"] = reader.number(2)
    count = reader.number(2)
    if not 1 <= count <= MAX_MEMBERS:
        raise Refused("limit")
    entries = fields["entries"] = []
    for _ in range(count):
        name = reader.take(reader.number(1))
        if not name_allowed(name):
            raise Refused("name")
        flags = reader.number(1)
        if flags not in (1, 2, 3):
            raise Refused("value")
        key = reader.take(32) if flags & 2 else None
        entries.append({"name": name, "flags": flags, "key": key})
    if not ascending([entry["name"] for entry in entries]):
        raise Refused("order")
    before = [entry["name"] for entry in entries if entry["flags"] & 1]
    after = [entry["name"] for entry in entries if entry["flags"] & 2]
    fields["previous"], fields["members"] = before, after
    if fields["place"] >= len(after) or after[fields["place"]] not in before:
        raise Refused("place")
    if before == after and len(after) == 1:
        raise Refused("members")
    fields["prev_final"] = reader.take(32)
    fields["prev_chain"] = reader.take(32)
    count = reader.number(2)
    if count > MAX_HEADS:
        raise Refused("limit")
    fields["heads"] = [reader.take(32) for _ in range(count)]
    if not ascending(fields["heads"]):
        raise Refused("order")
    fields["contribution"] = None
    if len(after) > 1:
        fields["contribution"] = _three(reader)


def _three(reader):
    return {
        "nonce": reader.take(32),
        "ephemeral": reader.take(32),
        "point": reader.take(32),
    }


def _op_and_place(reader, fields):
    fields["op"] = reader.take(32)
    fields["place"] = _place(reader)


def _place(reader):
    place = reader.number(2)
    if place >= MAX_MEMBERS:
        raise Refused("place")
    return place


def _contribution(reader, fields):
    _op_and_place(reader, fields)
    fields.update(_three(reader))


def _share(reader, fields):
    _op_and_place(reader, fields)
    fields.update(x=reader.take(32), c=reader.take(32), s=reader.take(32))


def _confirmation(reader, fields):
    _op_and_place(reader, fields)
    fields.update(t=reader.take(32), kc=reader.take(32))


def _abort(reader, fields):
    _op_and_place(reader, fields)
    fields["reason"] = reader.number(1)
    subject = reader.number(2)
    if fields["reason"] not in REASONS:
        raise Refused("value")
    if (subject != NO_SUBJECT) != REASONS[fields["reason"]]:
        raise Refused("subject")
    if subject != NO_SUBJECT and subject >= MAX_MEMBERS:
        raise Refused("place")
    fields["subject"] = None if subject == NO_SUBJECT else subject


def _message(reader, fields):
    fields["tag"] = reader.take(16)
    fields["nonce"] = reader.take(12)
    fields["ciphertext"] = reader.rest()
    length = len(fields["ciphertext"]) - 16
    if not 0 < length <= padded_len(68 + MAX_CONTENT_LEN) or length != padded_len(length):
        raise Refused("length")


def _request(reader, fields):
    fields["nonce"] = reader.take(12)
    fields["ciphertext"] = reader.rest()
    length = len(fields["ciphertext"]) - 16
    if not 0 < length <= padded_len(4 + MAX_REQUEST_LEN) or length != padded_len(length):
        raise Refused("length")


def _publication(reader, fields):
    fields["sid"] = reader.take(32)
    fields["place"] = _place(reader)
    fields["seed"] = reader.take(32)


DECODERS = {
    "initial": _initial, "contribution": _contribution, "share": _share,
    "confirmation": _confirmation, "abort": _abort, "message": _message,
    "publication": _publication, "request": _request,
}


def encode_content(fields):
    """The bytes behind header and signature of a greeting packet, behind the header of others."""
    kind = fields["kind"]
    if kind == "initial":
        out = fields["label"] + fields["instance"] + number(fields["place"], 2)
        out += number(len(fields["entries"]), 2)
        for entry in fields["entries"]:
            out += number(len(entry["name"]), 1) + entry["name"] + number(entry["flags"], 1)
            out += entry["key"] or b""
        out += fields["prev_final"] + fields["prev_chain"]
        out += number(len(fields["heads"]), 2) + b"".join(fields["heads"])
        if fields["contribution"]:
            three = fields["contribution"]
            out += three["nonce"] + three["ephemeral"] + three["point"]
        return out
    if kind == "message":
        return fields["tag"] + fields["nonce"] + fields["ciphertext"]
    if kind == "request":
        return fields["nonce"] + fields["ciphertext"]
    if kind == "publication":
        return fields["sid"] + number(fields["place"], 2) + fields["seed"]
    out = fields["op"] + number(fields["place"], 2)
    if kind == "contribution":
        return out + fields["nonce"] + fields["ephemeral"] + fields["point"]
    if kind == "share":
        return out + fields["x"] + fields["c"] + fields["s"]
    if kind == "confirmation":
        return out + fields["t"] + fields["kc"]
    assert kind == "abort"
    subject = NO_SUBJECT if fields["subject"] is None else fields["subject"]
    return out + number(fields["reason"], 1) + number(subject, 2)


def encode(fields):
    return header(fields["kind"]) + fields.get("signature", b"") + encode_content(fields)


def signed_data(fields, ctx=b""):
    """(label, data) of a greeting packet's signature; `ctx` for shares."""
    kind = fields["kind"]
    data = header(kind) + encode_content(fields)
    return "mpENC-2 " + kind, (ctx if kind == "share" else b"") + data


def operation_id(packet):
    return hash32("operation", packet)
