"""What a member makes of greeting packets, in the order of the channel (sections 2 to 4).

An observer of an operation sees what everybody sees; a member of the target membership also knows
its own key-check value, and blames by it.
"""

from primitives import ed25519, ristretto

from . import agreement, packets
from .framing import Refused, session_label, verifies

ACCEPTED, IGNORED, FAILING, COMPLETE = "accepted", "ignored", "failing", "complete"


class Verdict:
    def __init__(self, kind, reason=None, bad=(), disagree=()):
        self.kind, self.reason = kind, reason
        self.bad, self.disagree = sorted(bad), sorted(disagree)


def ignored(reason):
    return Verdict(IGNORED, reason)


class State:
    """What a member knows between operations. Unsynced members have no `members` yet."""

    def __init__(self, owner, session, directory, members=None, pinned=None, order=None):
        self.owner, self.label, self.directory = owner, session_label(session), directory
        self.members, self.pinned, self.order = members, pinned or {}, order

    def recognise(self, sender, packet):
        """(Operation, None) or (None, reason) for an initial packet."""
        try:
            fields = packets.decode(packet)
        except Refused as refused:
            return None, refused.reason
        reason = self._reason(sender, fields)
        return (None, reason) if reason else (Operation(fields, packet), None)

    def _reason(self, sender, fields):
        if fields["kind"] != "initial":
            return "operation"
        if fields["members"][fields["place"]] != sender:
            return "sender"
        if fields["label"] != self.label:
            return "label"
        keys = {entry["name"]: entry["key"] for entry in fields["entries"] if entry["key"]}
        if self.members is None:
            # V2-030: an unsynced member has nothing but its directory.
            if self.owner in fields["previous"] or self.owner not in fields["members"]:
                return "members"
            if keys[sender] != self.directory.get(sender):
                return "directory"
        else:
            if fields["previous"] != sorted(self.members):
                return "members"
            if (fields["prev_final"], fields["prev_chain"]) != self.order:
                return "order"
            if any(keys.get(name, key) != key for name, key in self.pinned.items()):
                return "pinned"
        if not _signature_holds(fields, keys[sender]):
            return "signature"
        three = fields["contribution"]
        values = list(keys.values()) + ([three["ephemeral"]] if three else [])
        if len(set(values)) < len(values):
            return "equal"
        if any(ed25519.key_point(key) is None for key in keys.values()):
            return "key"
        return _element(three) if three else None


def _signature_holds(fields, key, ctx=b""):
    label, data = packets.signed_data(fields, ctx)
    return verifies(key, label, data, fields["signature"])


def _element(contribution):
    element = ristretto.decode(contribution["point"])
    if element is None or ristretto.is_identity(element):
        return "element"
    return "key" if ed25519.key_point(contribution["ephemeral"]) is None else None


class Operation:
    """From an accepted initial packet to the final one."""

    def __init__(self, fields, packet):
        self.initial = fields
        self.op = packets.operation_id(packet)
        self.members = fields["members"]
        self.n = len(self.members)
        self.keys = [e["key"] for e in fields["entries"] if e["key"]]
        self.contributions, self.shares, self.confirmations = {}, {}, {}
        self.first_kc = None
        self.own_kc = None
        if fields["contribution"]:
            self.contributions[fields["place"]] = fields["contribution"]
        self.ctx = self.bases = self.t = None
        self._advance()

    @property
    def alone(self):
        """The initial packet is the final one too."""
        return self.n == 1

    def _advance(self):
        if self.n > 1 and self.ctx is None and len(self.contributions) == self.n:
            members = [
                (u, s, c["nonce"], c["ephemeral"], c["point"])
                for u, s, c in zip(self.members, self.keys, self._in_order(self.contributions))
            ]
            self.ctx = agreement.context(self.op, members)
            self.bases = agreement.bases([c["point"] for c in self._in_order(self.contributions)])
        if self.ctx and self.t is None and len(self.shares) == self.n:
            self.t = agreement.transcript(self.ctx, [s["x"] for s in self._in_order(self.shares)])

    def _in_order(self, values):
        return [values[i] for i in range(self.n)]

    def points(self):
        return [c["point"] for c in self._in_order(self.contributions)]

    def xs(self):
        return [s["x"] for s in self._in_order(self.shares)]

    def judge(self, sender, packet):
        """What a packet of the running operation is; accepted ones change the state."""
        try:
            fields = packets.decode(packet)
        except Refused as refused:
            return ignored(refused.reason)
        kind = fields["kind"]
        if kind == "initial":
            return ignored("running")
        if kind not in packets.GREETING:
            return ignored("header")
        if fields["op"] != self.op:
            return ignored("operation")
        place = fields["place"]
        if place >= self.n or self.members[place] != sender:
            return ignored("sender")
        return getattr(self, "_" + kind)(place, fields)

    def _contribution(self, place, fields):
        if place in self.contributions:
            return ignored("repeated")
        if not _signature_holds(fields, self.keys[place]):
            return ignored("signature")
        others = self.contributions.values()
        keys = self.keys + [c["ephemeral"] for c in others]
        if (
            fields["ephemeral"] in keys
            or any(fields["nonce"] == c["nonce"] for c in others)
            or any(fields["point"] == c["point"] for c in others)
        ):
            return ignored("equal")
        if _element(fields):
            return ignored(_element(fields))
        self.contributions[place] = fields
        self._advance()
        return Verdict(ACCEPTED)

    def _share(self, place, fields):
        if self.ctx is None:
            return ignored("round")
        if place in self.shares:
            return ignored("repeated")
        contribution = self.contributions[place]
        if not _signature_holds(fields, contribution["ephemeral"], self.ctx):
            return ignored("signature")
        good = agreement.share_is_good(
            self.ctx, place, contribution["point"], self.bases[place],
            fields["x"], fields["c"], fields["s"], self.n,
        )
        if not good:
            return Verdict(FAILING, "proof", bad=[self.members[place]])
        self.shares[place] = fields
        self._advance()
        return Verdict(ACCEPTED)

    def _confirmation(self, place, fields):
        if self.t is None:
            return ignored("round")
        if place in self.confirmations:
            return ignored("repeated")
        if not _signature_holds(fields, self.keys[place]):
            return ignored("signature")
        if fields["t"] != self.t:
            return Verdict(FAILING, "disagreement", disagree=[self.members[place]])
        if self.first_kc is None:
            self.first_kc = fields["kc"]
        if fields["kc"] != self.first_kc:
            return Verdict(FAILING, "key-check", bad=self._blame({place: fields}))
        self.confirmations[place] = fields
        return Verdict(COMPLETE if len(self.confirmations) == self.n else ACCEPTED)

    def _blame(self, more):
        """Those whose key-check value is not our own: proven only to those who have one."""
        if self.own_kc is None:
            return []
        all_of_them = {**self.confirmations, **more}
        return [self.members[i] for i, c in all_of_them.items() if c["kc"] != self.own_kc]

    def _abort(self, place, fields):
        subject = fields["subject"]
        if subject is not None and subject >= self.n:
            return ignored("place")
        if not _signature_holds(fields, self.keys[place]):
            return ignored("signature")
        return Verdict(FAILING, "abort")
