"""Section 7: random values as their owner draws them."""

from primitives import ristretto

from .framing import expand, extract, hash32, number, sign


def hedging_key(seed):
    return hash32("hedging-key", sign(seed, "mpENC-2 hedging", b""))


def draw(hk, fresh, instance, count, purpose, *of, extra=b""):
    prk = extract(hk, fresh + extra)
    parts = (purpose.encode("ascii"), instance, number(count, 8), *of)
    return expand(prk, "hedged", *parts, size=64)


class Drawer:
    """One instance of a member: hands out the values of section 7 from recorded randomness."""

    def __init__(self, seed, instance, count, fresh):
        self.hk = hedging_key(seed)
        self.instance, self.count, self.fresh = instance, count, list(fresh)

    def _draw(self, purpose, *of, extra=b""):
        value = draw(self.hk, self.fresh.pop(0), self.instance, self.count, purpose, *of, extra=extra)
        self.count += 1
        return value

    def _scalar(self, purpose, *of, extra=b""):
        while True:
            value = ristretto.reduce(self._draw(purpose, *of, extra=extra))
            if value:
                return value

    def contribution(self, of):
        """r, k, seed of e; `of` is prev_pF in an initial packet, else op."""
        secret = self._scalar("contribution", of)
        nonce = self._draw("nonce", of)[:32]
        return secret, nonce, self._draw("ephemeral", of)[:32]

    def commitment(self, ctx, place, z, d, x, secret):
        """w"""
        of = (ctx, number(place, 2), z, d, x)
        return self._scalar("proof", *of, extra=ristretto.scalar_bytes(secret))
