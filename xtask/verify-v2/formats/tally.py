"""Reading cases, and counting what came of them."""

from wire.framing import Refused


class Mismatch(Exception):
    """Something is not as the vector says."""


class Tally:
    def __init__(self):
        self.counts, self.inside, self.faults = {}, {}, []

    def each(self, what, cases, check):
        """Runs `check` on every case; a case that does not fit is a fault and no more."""
        for i, case in enumerate(cases):
            try:
                check(case)
            except Exception as error:  # Whatever goes wrong, the case is not as it should be.
                label = case.get("label") if isinstance(case, dict) else None
                place = f"{what}[{i}]" + (f" ({label})" if label else "")
                said = " ".join(str(error).split()) or "does not hold"
                self.faults.append(f"{place}: {type(error).__name__}: {said[:300]}")
            else:
                self.counts[what] = self.counts.get(what, 0) + 1

    def detail(self, what, count):
        """Counts what cases have inside; a case counts once."""
        self.inside[what] = self.inside.get(what, 0) + count

    @property
    def passed(self):
        return sum(self.counts.values())


def data(text):
    """Lower-case hex as bytes."""
    if not isinstance(text, str) or text != text.lower() or " " in text:
        raise Mismatch(f"is no lower-case hex: {text!r}")
    return bytes.fromhex(text)


def datas(texts):
    return [data(text) for text in texts]


def name(text):
    """A member's name, which the files write as text."""
    return text.encode("utf-8")


def names(texts):
    return [name(text) for text in texts]


def shown(value):
    return value.hex() if isinstance(value, (bytes, bytearray)) else repr(value)


def expect(what, expected, found):
    """Holds what we computed against what the file says."""
    if isinstance(found, (bytes, bytearray)) and isinstance(expected, str):
        expected = data(expected)
    if expected != found:
        raise Mismatch(f"{what}: expected {shown(expected)[:100]}, found {shown(found)[:100]}")


def expect_refusal(case, check):
    """`check` must refuse, for the class of reason that the case names."""
    try:
        check()
    except Refused as refused:
        expect("reason", case["reason"], refused.reason)
        return
    raise Mismatch("is not refused")
