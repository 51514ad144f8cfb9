"""The AEAD of RFC 8439, section 2.8."""

import hmac
import struct


def _rotate(x, n):
    return (x << n | x >> 32 - n) & 0xFFFFFFFF


def _quarter(s, a, b, c, d):
    s[a] = s[a] + s[b] & 0xFFFFFFFF
    s[d] = _rotate(s[d] ^ s[a], 16)
    s[c] = s[c] + s[d] & 0xFFFFFFFF
    s[b] = _rotate(s[b] ^ s[c], 12)
    s[a] = s[a] + s[b] & 0xFFFFFFFF
    s[d] = _rotate(s[d] ^ s[a], 8)
    s[c] = s[c] + s[d] & 0xFFFFFFFF
    s[b] = _rotate(s[b] ^ s[c], 7)


def block(key, counter, nonce):
    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
    s = start[:]
    for _ in range(10):
        _quarter(s, 0, 4, 8, 12)
        _quarter(s, 1, 5, 9, 13)
        _quarter(s, 2, 6, 10, 14)
        _quarter(s, 3, 7, 11, 15)
        _quarter(s, 0, 5, 10, 15)
        _quarter(s, 1, 6, 11, 12)
        _quarter(s, 2, 7, 8, 13)
        _quarter(s, 3, 4, 9, 14)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start)))


def _stream(key, nonce, data):
    out = bytearray()
    for i in range(0, len(data), 64):
        part = data[i : i + 64]
        out += bytes(a ^ b for a, b in zip(part, block(key, i // 64 + 1, nonce)))
    return bytes(out)


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    s = int.from_bytes(key[16:], "little")
    total = 0
    for i in range(0, len(data), 16):
        part = int.from_bytes(data[i : i + 16] + b"\x01", "little")
        total = (total + part) * r % (2**130 - 5)
    return ((total + s) % 2**128).to_bytes(16, "little")


def _authenticator(key, nonce, aad, ciphertext):
    def padded(part):
        return part + bytes(-len(part) % 16)

    lengths = struct.pack("<QQ", len(aad), len(ciphertext))
    return poly1305(block(key, 0, nonce)[:32], padded(aad) + padded(ciphertext) + lengths)


def seal(key, nonce, aad, plaintext):
    """The ciphertext with the authenticator of 16 bytes at its end."""
    ciphertext = _stream(key, nonce, plaintext)
    return ciphertext + _authenticator(key, nonce, aad, ciphertext)


def open_(key, nonce, aad, data):
    """The plaintext; None if it is not authentic."""
    if len(data) < 16:
        return None
    ciphertext, tag = data[:-16], data[-16:]
    if not hmac.compare_digest(tag, _authenticator(key, nonce, aad, ciphertext)):
        return None
    return _stream(key, nonce, ciphertext)
