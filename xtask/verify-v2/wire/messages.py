"""Section 5: keys, plaintext, identifiers and content of messages."""

from primitives import chacha20poly1305

from .framing import Refused, expand, extract, hash32, number, sign, verifies
from .packets import MAX_BODY, MAX_PARENTS, Reader, ascending, encode, header, padded_len

MAX_TEXT = 16_384
MAX_PARTS = 1_024


# 5.1

def root_key(sid, root):
    return extract(sid, root)


def id_key(rk):
    return expand(rk, "message-id-key", size=32)


def first_chain_key(rk, author):
    return expand(rk, "author-chain", author, size=64)


def step(chain_key):
    """(next chain key, message key)"""
    out = expand(chain_key, "chain-step", size=128)
    return out[:64], out[64:]


def message_keys(message_key):
    """(tag, key, nonce key)"""
    out = expand(message_key, "message-keys", size=80)
    return out[:16], out[16:48], out[48:]


class Author:
    """The chain of one author: keys of any position."""

    def __init__(self, rk, name):
        self._next, self._keys = first_chain_key(rk, name), []

    def keys(self, seq):
        while len(self._keys) <= seq:
            self._next, message_key = step(self._next)
            self._keys.append(message_key)
        return message_keys(self._keys[seq])


# 5.2

def plaintext(signature, content):
    data = signature + number(len(content), 4) + content
    return data + bytes(padded_len(len(data)) - len(data))


def split_plaintext(data):
    """(signature, content)"""
    reader = Reader(data)
    signature = reader.take(64)
    content = reader.take(reader.number(4))
    if len(data) != padded_len(68 + len(content)) or any(reader.rest()):
        raise Refused("padding")
    return signature, content


def nonce(nonce_key, data):
    return hash32("nonce", nonce_key, data)[:12]


# 5.3

def message_id(midkey, sid, author, seq, content):
    return hash32("message-id", midkey, sid, author, number(seq, 8), content)


def signed_hash(sid, author, seq, mid, tag):
    return hash32("message", sid, author, number(seq, 8), mid, tag)


# 5.4

BODY_KINDS = {
    0: "payload", 1: "explicit-ack", 2: "heartbeat", 3: "consistency", 4: "order-confirmation",
    5: "absence", 6: "error", 7: "part", 8: "close",
}


FLAGS = {"explicit-ack": "manual", "consistency": "close", "absence": "away"}


def body_fields(kind, data):
    """What a body says, by the names of the vectors; nothing of a kind or code nobody knows."""
    name = BODY_KINDS.get(kind)
    if name is None or (name == "error" and data[:1] > b"\2"):
        return {}
    if name == "payload":
        if not 1 <= len(data) <= MAX_TEXT:
            raise Refused("body")
        try:
            return {"text": data.decode("utf-8")}
        except UnicodeDecodeError:
            raise Refused("text") from None
    if name in FLAGS:
        if data not in (b"\0", b"\1"):
            raise Refused("body")
        return {FLAGS[name]: data == b"\1"}
    if name in ("heartbeat", "close"):
        if data:
            raise Refused("body")
        return {}
    if name == "order-confirmation":
        if len(data) != 32:
            raise Refused("body")
        return {"packet": data}
    if name == "error":
        if len(data) not in (1, 33):
            raise Refused("body")
        return {"code": data[0], "subject": data[1:] or None}
    return _part(Reader(data))


def _part(reader):
    try:
        index, count = reader.number(2), reader.number(2)
        if not 2 <= count <= MAX_PARTS or index >= count:
            raise Refused("body")
        fields = {"index": index, "count": count}
        if index == 0:
            fields["size"], fields["digest"] = reader.number(4), reader.take(32)
            if (fields["size"] + MAX_TEXT - 1) // MAX_TEXT != count:
                raise Refused("body")
        fields["bytes"] = reader.rest()
    except Refused:
        raise Refused("body") from None
    length = len(fields["bytes"])
    if not 1 <= length <= MAX_TEXT or (index + 1 < count and length != MAX_TEXT):
        raise Refused("body")
    return fields


def decode_content(data):
    reader = Reader(data)
    count = reader.number(2)
    if count > MAX_PARENTS:
        raise Refused("limit")
    parents = [reader.take(32) for _ in range(count)]
    if not ascending(parents):
        raise Refused("order")
    fields = {
        "parents": parents,
        "number": reader.number(4),
        "chain": reader.take(32),
        "kind": reader.number(1),
        "body": reader.rest(),
    }
    if len(fields["body"]) > MAX_BODY:
        raise Refused("limit")
    fields["says"] = body_fields(fields["kind"], fields["body"])
    return fields


def encode_content(parents, count, chain, kind, body):
    out = number(len(parents), 2) + b"".join(parents) + number(count, 4) + chain
    return out + number(kind, 1) + body


def joined(bodies):
    """The whole content of part bodies in their order; Refused("incomplete") if they do not fit."""
    parts = []
    for body in bodies:
        try:
            parts.append(body_fields(7, body))
        except Refused:
            raise Refused("incomplete") from None
    for i, part in enumerate(parts):
        if part["index"] != i or part["count"] != parts[0]["count"]:
            raise Refused("incomplete")
    if not parts or len(parts) != parts[0]["count"]:
        raise Refused("incomplete")
    whole = b"".join(part["bytes"] for part in parts)
    if len(whole) != parts[0]["size"] or hash32("content", whole) != parts[0]["digest"]:
        raise Refused("incomplete")
    try:
        whole.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("incomplete") from None
    return whole


# A whole message

class Subsession:
    def __init__(self, sid, root, authors):
        """`authors`: ephemeral public key by name."""
        self.sid, self.authors = sid, authors
        rk = root_key(sid, root)
        self.midkey = id_key(rk)
        self.chains = {name: Author(rk, name) for name in authors}

    def message_id(self, author, seq, content):
        return message_id(self.midkey, self.sid, author, seq, content)

    def seal(self, author, seed, seq, content):
        """(mId, packet)"""
        tag, key, nonce_key = self.chains[author].keys(seq)
        mid = self.message_id(author, seq, content)
        signature = sign(seed, "mpENC-2 message", signed_hash(self.sid, author, seq, mid, tag))
        data = plaintext(signature, content)
        fields = {"kind": "message", "tag": tag, "nonce": nonce(nonce_key, data)}
        aad = header("message") + tag + fields["nonce"]
        fields["ciphertext"] = chacha20poly1305.seal(key, fields["nonce"], aad, data)
        return mid, encode(fields)

    def position(self, tag, limit):
        """(author, seq) that a tag belongs to, among the first `limit` positions of each author."""
        for author, chain in self.chains.items():
            for seq in range(limit):
                if chain.keys(seq)[0] == tag:
                    return author, seq
        raise Refused("tag")

    def open(self, fields, limit):
        """(author, seq, mId, content, decoded content)"""
        author, seq = self.position(fields["tag"], limit)
        tag, key, nonce_key = self.chains[author].keys(seq)
        aad = header("message") + tag + fields["nonce"]
        data = chacha20poly1305.open_(key, fields["nonce"], aad, fields["ciphertext"])
        if data is None:
            raise Refused("authenticator")
        if nonce(nonce_key, data) != fields["nonce"]:
            raise Refused("nonce")
        signature, content = split_plaintext(data)
        mid = self.message_id(author, seq, content)
        signed = signed_hash(self.sid, author, seq, mid, tag)
        if not verifies(self.authors[author], "mpENC-2 message", signed, signature):
            raise Refused("signature")
        return author, seq, mid, content, decode_content(content)
