"""The twisted Edwards curve of RFC 8032 and RFC 9496: -x^2 + y^2 = 1 + d x^2 y^2 over 2^255 - 19.

Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
"""

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)

IDENTITY = (0, 1, 1, 0)


def add(a, b):
    """Complete addition (RFC 8032, section 5.1.4)."""
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    aa = (y1 - x1) * (y2 - x2) % P
    bb = (y1 + x1) * (y2 + x2) % P
    cc = 2 * t1 * t2 * D % P
    dd = 2 * z1 * z2 % P
    e, f, g, h = bb - aa, dd - cc, dd + cc, bb + aa
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def double(a):
    x1, y1, z1, _ = a
    aa = x1 * x1 % P
    bb = y1 * y1 % P
    cc = 2 * z1 * z1 % P
    h = aa + bb
    e = h - (x1 + y1) * (x1 + y1)
    g = aa - bb
    f = cc + g
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def negate(a):
    x, y, z, t = a
    return (-x % P, y, z, -t % P)


def multiply(scalar, point):
    """Four bits at a time."""
    table = [IDENTITY]
    for _ in range(15):
        table.append(add(table[-1], point))
    result = IDENTITY
    for shift in range((scalar.bit_length() + 3) // 4 * 4 - 4, -1, -4):
        for _ in range(4):
            result = double(result)
        digit = scalar >> shift & 15
        if digit:
            result = add(result, table[digit])
    return result


def same(a, b):
    """Equality as points of the curve."""
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def from_y(y, odd):
    """The point with this y whose x is odd or even; None if there is none."""
    u = (y * y - 1) % P
    v = (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * SQRT_M1 % P
        if v * x * x % P != u:
            return None
    if x == 0 and odd:
        return None
    if x & 1 != odd:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = from_y(4 * pow(5, -1, P) % P, 0)
