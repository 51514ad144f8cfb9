"""Ed25519 of RFC 8032, signing and strict verification."""

import functools
import hashlib

from . import edwards
from .edwards import BASE, IDENTITY, P, Q


def _clamped(seed):
    wide = hashlib.sha512(seed).digest()
    number = int.from_bytes(wide[:32], "little")
    return number & (2**254 - 8) | 2**254, wide[32:]


def encode(point):
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data):
    """A point in canonical encoding; None for anything else."""
    number = int.from_bytes(data, "little")
    y, odd = number & (2**255 - 1), number >> 255
    return edwards.from_y(y, odd) if y < P else None


def _small_order(point):
    for _ in range(3):
        point = edwards.double(point)
    return edwards.same(point, IDENTITY)


def public(seed):
    return encode(edwards.multiply(_clamped(seed)[0], BASE))


def _challenge(r, key, message):
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % Q


def sign(seed, message):
    secret, prefix = _clamped(seed)
    key = encode(edwards.multiply(secret, BASE))
    nonce = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % Q
    r = encode(edwards.multiply(nonce, BASE))
    s = (nonce + _challenge(r, key, message) * secret) % Q
    return r + s.to_bytes(32, "little")


@functools.lru_cache(maxsize=None)
def key_point(key):
    """The point of a usable public key: canonical, of the prime-order subgroup, not the identity."""
    point = decode(key) if len(key) == 32 else None
    if point is None or _small_order(point):
        return None
    return point if edwards.same(edwards.multiply(Q, point), IDENTITY) else None


def verify(key, message, signature):
    """Canonical encodings, no small order, S < q, and S*B = R + k*A without a cofactor."""
    if len(signature) != 64:
        return False
    a, r = key_point(bytes(key)), decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q or _small_order(r):
        return False
    k = _challenge(signature[:32], key, message)
    left = edwards.multiply(s, BASE)
    return edwards.same(left, edwards.add(r, edwards.multiply(k, a)))
