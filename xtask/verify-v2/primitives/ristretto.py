"""The group ristretto255 of RFC 9496: a group of prime order on top of the Edwards curve."""

from . import edwards
from .edwards import D, P, Q, SQRT_M1

BASE = edwards.BASE
IDENTITY = edwards.IDENTITY
add = edwards.add
negate = edwards.negate


def multiply(scalar, element):
    return edwards.multiply(scalar % Q, element)


def subtract(a, b):
    return add(a, negate(b))


def equal(a, b):
    """Equality as elements (RFC 9496, section 4.3.3)."""
    x1, y1, x2, y2 = a[0], a[1], b[0], b[1]
    return (x1 * y2 - y1 * x2) % P == 0 or (y1 * y2 - x1 * x2) % P == 0


def is_identity(element):
    return equal(element, IDENTITY)


def _negative(x):
    return x % P & 1 == 1


def _absolute(x):
    x %= P
    return P - x if _negative(x) else x


def sqrt_ratio(u, v):
    """(True, sqrt(u/v)) or (False, sqrt(SQRT_M1 * u/v)); RFC 9496, section 4.2."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    correct = check == u % P
    flipped = check == -u % P
    flipped_i = check == -u * SQRT_M1 % P
    if flipped or flipped_i:
        r = r * SQRT_M1 % P
    return correct or flipped, _absolute(r)


INVSQRT_A_MINUS_D = sqrt_ratio(1, (-1 - D) % P)[1]


def decode(data):
    """The element of a canonical encoding, the identity included; None for anything else."""
    if len(data) != 32:
        return None
    s = int.from_bytes(data, "little")
    if s >= P or _negative(s):
        return None
    ss = s * s % P
    u1, u2 = (1 - ss) % P, (1 + ss) % P
    u2_sqr = u2 * u2 % P
    v = (-(D * u1 * u1) - u2_sqr) % P
    was_square, invsqrt = sqrt_ratio(1, v * u2_sqr % P)
    den_x = invsqrt * u2 % P
    den_y = invsqrt * den_x * v % P
    x = _absolute(2 * s * den_x)
    y = u1 * den_y % P
    t = x * y % P
    if not was_square or _negative(t) or y == 0:
        return None
    return (x, y, 1, t)


def encode(element):
    x0, y0, z0, t0 = element
    u1 = (z0 + y0) * (z0 - y0) % P
    u2 = x0 * y0 % P
    _, invsqrt = sqrt_ratio(1, u1 * u2 * u2 % P)
    den1, den2 = invsqrt * u1 % P, invsqrt * u2 % P
    z_inv = den1 * den2 * t0 % P
    if _negative(t0 * z_inv):
        x, y = y0 * SQRT_M1 % P, x0 * SQRT_M1 % P
        den_inv = den1 * INVSQRT_A_MINUS_D % P
    else:
        x, y, den_inv = x0, y0, den2
    if _negative(x * z_inv):
        y = -y % P
    return _absolute(den_inv * (z0 - y)).to_bytes(32, "little")


def scalar(data):
    """A canonical scalar of 32 bytes; None for anything else."""
    number = int.from_bytes(data, "little")
    return number if len(data) == 32 and number < Q else None


def scalar_bytes(number):
    return number.to_bytes(32, "little")


def reduce(wide):
    """64 bytes, little-endian, modulo the order."""
    assert len(wide) == 64
    return int.from_bytes(wide, "little") % Q
