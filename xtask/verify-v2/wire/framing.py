"""Sections 1 and 2: names, framed hashes and derivations, signatures, order of operations."""

from primitives import ed25519, hashing

PROFILE = bytes([0x02])
SUITE = bytes([0x02, 0x01])

MAX_PACKET_LEN = 262_144
MAX_MEMBERS = 512

# Section 1.4
HASHES = {
    "session-label", "operation", "contributions", "proof", "transcript", "sid", "fingerprint",
    "packet", "leave", "chain-start", "chain", "hedging-key", "message-id", "message", "nonce",
    "content",
}
DERIVATIONS = {
    "key-check", "exporter", "messages", "author-chain", "message-id-key", "chain-step",
    "message-keys", "request-keys", "hedged",
}
# Section 1.3
SIGNATURES = {
    "mpENC-2 initial", "mpENC-2 contribution", "mpENC-2 share", "mpENC-2 confirmation",
    "mpENC-2 abort", "mpENC-2 message", "mpENC-2 hedging",
}


class Refused(Exception):
    """The bytes are not what the document allows; `args[0]` is the class of the reason."""

    @property
    def reason(self):
        return self.args[0]


def number(value, size):
    return value.to_bytes(size, "big")


def frame(label, *parts):
    label = label.encode("ascii")
    out = PROFILE + SUITE + number(len(label), 1) + label + number(len(parts), 4)
    for part in parts:
        out += number(len(part), 4) + part
    return out


def hash32(label, *parts):
    assert label in HASHES
    return hashing.blake2b(frame(label, *parts), 32)


def hash64(label, *parts):
    assert label in HASHES
    return hashing.blake2b(frame(label, *parts), 64)


def expand(prk, label, *parts, size):
    assert label in DERIVATIONS and len(prk) == 64
    return hashing.hkdf_expand(prk, frame(label, *parts), size)


extract = hashing.hkdf_extract


def signed(label, data):
    assert label in SIGNATURES
    return label.encode("ascii") + b"\0" + data


def sign(seed, label, data):
    return ed25519.sign(seed, signed(label, data))


def verifies(key, label, data, signature):
    return ed25519.verify(key, signed(label, data), signature)


def name_allowed(name):
    """MOD-013: 1 to 255 bytes of UTF-8 without control characters."""
    if not 1 <= len(name) <= 255:
        return False
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F for c in text)


def name_list(names):
    """A list of names as one part."""
    return b"".join(number(len(name), 1) + name for name in names)


# Section 2

ROLES = {"final": b"\x01", "initial": b"\x02", "both": b"\x03", "leave": b"\x04"}


def packet_id(sender, channel, packet):
    others = sorted(name for name in channel if name != sender)
    return hash32("packet", sender, name_list(others), packet)


def leave_id(remaining, prev_initial, leavers):
    return hash32("leave", name_list(sorted(remaining)), prev_initial, name_list(sorted(leavers)))


def chain_start(prev_final):
    return hash32("chain-start", prev_final)


def chain(previous, pid, role):
    return hash32("chain", previous, pid, ROLES[role])


def session_label(label):
    return hash32("session-label", label.encode("utf-8"))
