"""Section 5.6: requests for copies."""

from primitives import chacha20poly1305

from .framing import MAX_MEMBERS, Refused, expand, number
from .messages import nonce, root_key
from .packets import MAX_HELD, MAX_WANTED, Reader, ascending, decode, encode, header, padded_len


def keys(sid, root):
    """(key, nonce key)"""
    out = expand(root_key(sid, root), "request-keys", size=64)
    return out[:32], out[32:]


def plaintext(fields):
    content = number(fields["attempt"], 1)
    content += number(len(fields["accepted"]), 2)
    content += b"".join(number(count, 8) for count in fields["accepted"])
    content += number(len(fields["held"]), 2)
    content += b"".join(number(place, 2) + number(seq, 8) for place, seq in fields["held"])
    content += number(len(fields["wanted"]), 2) + b"".join(fields["wanted"])
    data = number(len(content), 4) + content
    return data + bytes(padded_len(len(data)) - len(data))


def _list(reader, least, most, entry):
    count = reader.number(2)
    if not least <= count <= most:
        raise Refused("limit")
    return [entry() for _ in range(count)]


def split_plaintext(data):
    outer = Reader(data)
    content = outer.take(outer.number(4))
    if len(data) != padded_len(4 + len(content)) or any(outer.rest()):
        raise Refused("padding")
    reader = Reader(content)
    fields = {"attempt": reader.number(1)}
    fields["accepted"] = _list(reader, 0, MAX_MEMBERS, lambda: reader.number(8))
    fields["held"] = _list(reader, 0, MAX_HELD, lambda: (reader.number(2), reader.number(8)))
    if not ascending(fields["held"]):
        raise Refused("order")
    if any(place >= len(fields["accepted"]) for place, _ in fields["held"]):
        raise Refused("place")
    fields["wanted"] = _list(reader, 0, MAX_WANTED, lambda: reader.take(32))
    if not ascending(fields["wanted"]):
        raise Refused("order")
    reader.end()
    return fields


def seal(sid, root, fields):
    key, nonce_key = keys(sid, root)
    data = plaintext(fields)
    packet = {"kind": "request", "nonce": nonce(nonce_key, data)}
    aad = header("request") + packet["nonce"]
    packet["ciphertext"] = chacha20poly1305.seal(key, packet["nonce"], aad, data)
    return encode(packet)


def open_(sid, root, members, packet):
    """The plaintext and what it says, for a subsession of so many members."""
    found = decode(packet)
    if found["kind"] != "request":
        raise Refused("header")
    key, nonce_key = keys(sid, root)
    aad = header("request") + found["nonce"]
    data = chacha20poly1305.open_(key, found["nonce"], aad, found["ciphertext"])
    if data is None:
        raise Refused("authenticator")
    if nonce(nonce_key, data) != found["nonce"]:
        raise Refused("nonce")
    fields = split_plaintext(data)
    if len(fields["accepted"]) != members:
        raise Refused("members")
    return data, fields
