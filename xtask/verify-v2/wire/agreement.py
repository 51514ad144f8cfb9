"""Section 3: context, shares, proofs, keys. Lists are in the order of places."""

from primitives import ristretto
from primitives.ristretto import BASE, Q, add, decode, encode, multiply, subtract

from .framing import expand, extract, hash32, hash64, number

ZEROS = bytes(32)


def context(op, members):
    """`members`: (u, S, k, E, Z) of each place."""
    parts = [op]
    for u, identity, nonce, ephemeral, point in members:
        parts += [u, identity, nonce, ephemeral, point]
    return hash32("contributions", *parts)


def bases(points):
    """D of each place, from the encoded Z."""
    points = [decode(point) for point in points]
    n = len(points)
    return [encode(subtract(points[(i + 1) % n], points[i - 1])) for i in range(n)]


def challenge(ctx, place, z, d, x, a, b):
    return ristretto.reduce(hash64("proof", ctx, number(place, 2), z, d, x, a, b))


def prove(ctx, place, z, d, x, secret, w):
    """(c, s)"""
    a = encode(multiply(w, BASE))
    b = encode(multiply(w, decode(d)))
    c = challenge(ctx, place, z, d, x, a, b)
    return ristretto.scalar_bytes(c), ristretto.scalar_bytes((w + c * secret) % Q)


def proof_holds(ctx, place, z, d, x, c, s):
    zp, dp, xp = decode(z), decode(d), decode(x)
    cn, sn = ristretto.scalar(c), ristretto.scalar(s)
    if None in (zp, dp, xp, cn, sn):
        return False
    a = encode(subtract(multiply(sn, BASE), multiply(cn, zp)))
    b = encode(subtract(multiply(sn, dp), multiply(cn, xp)))
    return challenge(ctx, place, z, d, x, a, b) == cn


def share_is_good(ctx, place, z, d, x, c, s, n):
    """A canonical X that is the identity exactly if n = 2, and a proof that holds."""
    element = decode(x)
    if element is None or ristretto.is_identity(element) != (n == 2):
        return False
    return proof_holds(ctx, place, z, d, x, c, s)


def group_secret(place, secret, points, shares):
    """K as the member at `place` computes it, encoded."""
    n = len(points)
    total = multiply(n * secret, decode(points[place - 1]))
    for j in range(n - 1):
        total = add(total, multiply(n - 1 - j, decode(shares[(place + j) % n])))
    return encode(total)


def group_secret_of_all(secrets):
    """The same from everybody's secrets: the sum of r_j r_{j+1} around the ring."""
    n = len(secrets)
    return encode(multiply(sum(secrets[j] * secrets[(j + 1) % n] for j in range(n)), BASE))


def transcript(ctx, shares):
    return hash32("transcript", ctx, *shares)


def keys(k, t, salt):
    prk = extract(salt, k)
    return {
        "sid": hash32("sid", t),
        "kc": expand(prk, "key-check", t, size=32),
        "exporter": expand(prk, "exporter", t, size=32),
        "root": expand(prk, "messages", t, size=32),
    }


def fingerprint(t, members):
    """`members`: (u, S) of each place."""
    parts = [part for member in members for part in member]
    return hash32("fingerprint", t, *parts)


def digits(f):
    groups = (int.from_bytes(f[4 * j : 4 * j + 4], "big") % 100_000 for j in range(8))
    return " ".join(f"{group:05}" for group in groups)
