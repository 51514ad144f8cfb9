"""BLAKE2b (RFC 7693) and HKDF (RFC 5869)."""

import hashlib
import hmac


def blake2b(data, size):
    """Output of `size` bytes; the size is a parameter of the function, not a truncation."""
    return hashlib.blake2b(data, digest_size=size).digest()


def hkdf_extract(salt, ikm, digest=hashlib.blake2b):
    """With BLAKE2b-512 unless another function is wanted."""
    return hmac.new(salt, ikm, digest).digest()


def hkdf_expand(prk, info, size, digest=hashlib.blake2b):
    out, last, count = b"", b"", 0
    while len(out) < size:
        count += 1
        assert count < 256
        last = hmac.new(prk, last + info + bytes([count]), digest).digest()
        out += last
    return out[:size]
