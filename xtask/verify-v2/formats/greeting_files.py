"""Files of whole operations, and of bad packets in running ones."""

from primitives import ed25519, ristretto
from wire import agreement, framing, hedging, packets
from wire.operation import COMPLETE, FAILING, IGNORED, ACCEPTED, Operation, State

from .tally import Mismatch, data, datas, expect, name, names


class Group:
    """A history of operations as one who sees everything follows it."""

    def __init__(self, case):
        self.session = case["session"]
        self.seeds, self.directory = {}, {}
        for identity in case["identities"]:
            who, seed = name(identity["name"]), data(identity["seed"])
            expect("public", identity["public"], ed25519.public(seed))
            self.seeds[who], self.directory[who] = seed, data(identity["public"])
        self.members = self.pinned = self.order = self.exporter = None
        self.counts, self.instances = {}, {}

    def state(self, owner, directory=None):
        """What `owner` knows now: members know the group's state, others their directory."""
        directory = self.directory if directory is None else directory
        if self.members is not None and owner in self.members:
            return State(owner, self.session, directory, self.members, self.pinned, self.order)
        return State(owner, self.session, directory)

    def begin(self, operation):
        """The state in which an operation begins; the first one makes it."""
        before = (data(operation["prev_final"]), data(operation["prev_chain"]))
        if self.members is None:
            self.members = names(operation["previous"])
            self.pinned = {who: self.directory[who] for who in self.members}
            self.order = before
            if len(self.members) != 1:
                raise Mismatch("a session begins with one member")
            expect("prev_chain", framing.chain_start(before[0]), before[1])
        expect("previous", names(operation["previous"]), sorted(self.members))
        expect("prev_final and prev_chain", self.order, before)

    def salt(self, members):
        known = self.exporter is not None and set(members) <= set(self.members)
        return self.exporter if known else agreement.ZEROS

    def accept(self, step, sender, channel, packet, role):
        """Chains an accepted initial or final packet."""
        pid = framing.packet_id(sender, channel, packet)
        expect("pid", step["pid"], pid)
        expect("role", step.get("role"), role)
        if role:
            self.order = (self.order[0], framing.chain(self.order[1], pid, role))
            expect("chain", step["chain"], self.order[1])
            if role in ("final", "both"):
                self.order = (pid, self.order[1])

    def complete(self, operation):
        self.members = operation.members
        self.pinned = dict(zip(operation.members, operation.keys))

    def drawer(self, draws):
        who, instance = name(draws["name"]), data(draws["instance"])
        if self.instances.setdefault(who, instance) == instance:
            expect("first", draws["first"], self.counts.get(who, 0))
        self.instances[who] = instance
        self.counts[who] = draws["first"] + len(draws["fresh"])
        return hedging.Drawer(self.seeds[who], instance, draws["first"], datas(draws["fresh"]))


def play(group, listed):
    """One operation, packet by packet, and everybody's calculations."""
    group.begin(listed)
    by, members, channel = name(listed["by"]), names(listed["members"]), names(listed["channel"])
    result, steps = listed["result"], listed["packets"]
    first = data(steps[0]["packet"])
    expect("from", listed["by"], steps[0]["from"])
    expect("kind", steps[0]["kind"], packets.decode(first)["kind"])
    running, reason = group.state(by).recognise(by, first)
    if running is None:
        raise Mismatch(f"the initial packet is not recognised: {reason}")
    for owner in channel:
        # Everybody in the channel sees the same, newcomers with nothing but a directory.
        again, reason = group.state(owner).recognise(by, first)
        if again is None and owner in members + group.members:
            raise Mismatch(f"{owner!r} does not recognise the initial packet: {reason}")
    expect("members", members, running.members)
    expect("heads", datas(listed["heads"]), running.initial["heads"])
    expect("op", result["op"], running.op)
    salt = group.salt(members)
    expect("salt", listed["salt"], salt)
    group.accept(steps[0], by, channel, first, "both" if running.alone else "initial")
    group_kc = data(result["kc"]) if result.get("kc") else None
    running.own_kc = group_kc
    verdict = None
    for step in steps[1:]:
        if verdict and verdict.kind != ACCEPTED:
            raise Mismatch("a packet behind the final one")
        sender, packet = name(step["from"]), data(step["packet"])
        verdict = running.judge(sender, packet)
        if verdict.kind == IGNORED:
            raise Mismatch(f"{step['kind']} of {step['from']} has no effect: {verdict.reason}")
        expect("kind", step["kind"], packets.decode(packet)["kind"])
        final = verdict.kind in (COMPLETE, FAILING)
        group.accept(step, sender, channel, packet, "final" if final else None)
    if listed.get("left"):
        leave(group, listed, running, verdict)
    owners(group, listed, running)
    outcome(group, result, running, verdict, salt, steps[-1])


def leave(group, listed, running, verdict):
    """Members have left the channel, which ends a running operation for everybody (section 2)."""
    left = listed["left"]
    if verdict and verdict.kind != ACCEPTED:
        raise Mismatch("somebody leaves an operation that is over")
    remaining, leavers = names(left["remaining"]), names(left["leavers"])
    expect("remaining", sorted(set(names(listed["channel"])) - set(leavers)), sorted(remaining))
    if not set(leavers) & set(running.members):
        raise Mismatch("nobody leaves whom the operation needs")
    initial = data(listed["packets"][0]["pid"])
    pid = framing.leave_id(remaining, initial, leavers)
    expect("left.pid", left["pid"], pid)
    group.order = (pid, framing.chain(group.order[1], pid, "leave"))
    expect("left.chain", left["chain"], group.order[1])


def owners(group, listed, running):
    """Every member's packets are made again from its identity and recorded randomness."""
    sent = {}
    for step in listed["packets"]:
        sent.setdefault(name(step["from"]), []).append(data(step["packet"]))
    secrets = {}
    for draws in listed["draws"]:
        who = name(draws["name"])
        seed, drawer = group.seeds[who], group.drawer(draws)
        place = running.members.index(who)
        initiator = who == name(listed["by"])
        of = running.initial["prev_final"] if initiator else running.op
        r, k, e = drawer.contribution(of)
        point = ristretto.encode(ristretto.multiply(r, ristretto.BASE))
        three = {"nonce": k, "ephemeral": ed25519.public(e), "point": point}
        if initiator:
            fields = {**running.initial, "contribution": three, "instance": drawer.instance}
        else:
            fields = {"kind": "contribution", "op": running.op, "place": place, **three}
        made = [signed(fields, seed)]
        w = None
        if drawer.fresh:
            points, d = running.points(), running.bases[place]
            x = ristretto.encode(ristretto.multiply(r, ristretto.decode(d)))
            w = drawer.commitment(running.ctx, place, point, d, x, r)
            c, s = agreement.prove(running.ctx, place, point, d, x, r, w)
            fields = {"kind": "share", "op": running.op, "place": place, "x": x, "c": c, "s": s}
            made.append(signed(fields, e, running.ctx))
            if running.t is not None:
                key = agreement.group_secret(place, r, points, running.xs())
                found = agreement.keys(key, running.t, data(listed["salt"]))
                made.append(
                    signed(
                        {"kind": "confirmation", "op": running.op, "place": place,
                         "t": running.t, "kc": found["kc"]}, seed,
                    )
                )
                secrets[place] = (r, key)
        expect("draws left", [], drawer.fresh)
        for packet in sent.get(who, []):
            if packets.decode(packet)["kind"] == "abort":
                again = {**packets.decode(packet)}
                expect("abort", packet, signed(again, seed))
            elif packet not in made:
                raise Mismatch(f"{who.decode()} would not send {packet.hex()[:40]}…")
        listed_secrets = next(x for x in listed["secrets"] if x["name"] == draws["name"])
        expect("r", listed_secrets["r"], ristretto.scalar_bytes(r))
        expect("k", listed_secrets["k"], k)
        expect("e", listed_secrets["e"], e)
        expect("w", listed_secrets.get("w"), w if w is None else ristretto.scalar_bytes(w))
    if len({key for _, key in secrets.values()}) > 1:
        raise Mismatch("members have different keys")
    if len(secrets) == running.n > 1:
        ring = agreement.group_secret_of_all([secrets[i][0] for i in range(running.n)])
        expect("k", ring, secrets[0][1])
    running.secret = next((key for _, key in secrets.values()), None)


def signed(fields, seed, ctx=b""):
    label, content = packets.signed_data(fields, ctx)
    return packets.encode({**fields, "signature": framing.sign(seed, label, content)})


def outcome(group, result, running, verdict, salt, final):
    if running.alone:
        expect("outcome", "alone", result["outcome"])
        group.complete(running)
        group.exporter = None
        return
    for what, found in [("ctx", running.ctx), ("t", running.t)]:
        expect(what, result.get(what), found)
    if running.ctx:
        expect("d", datas(result["d"]), running.bases)
    if running.t:
        expect("x", datas(result["x"]), running.xs())
    if verdict is not None and verdict.kind == FAILING:
        expect("outcome", "failed", result["outcome"])
        expect("cause", result["cause"], verdict.reason)
        expect("by", result["by"], final["from"])
        return
    complete = verdict is not None and verdict.kind == COMPLETE
    expect("outcome", "complete" if complete else "running", result["outcome"])
    if not complete:
        return
    expect("k", result["k"], running.secret)
    found = agreement.keys(running.secret, running.t, salt)
    for what, value in found.items():
        expect(what, result[what], value)
    expect("kc", result["kc"], running.first_kc)
    f = agreement.fingerprint(running.t, list(zip(running.members, running.keys)))
    expect("fingerprint", result["fingerprint"], f)
    expect("digits", result["digits"], agreement.digits(f))
    group.complete(running)
    group.exporter = found["exporter"]


def run_file(file, tally):
    def check(case):
        group = Group(case)
        if not case["operations"]:
            raise Mismatch("has no operations")
        for operation in case["operations"]:
            play(group, operation)
        tally.detail("operations", len(case["operations"]))

    tally.each("cases", file["cases"], check)


def negative_file(file, tally):
    def check(case):
        run = file["runs"][case["run"]]
        group = Group(run)
        for operation in run["operations"][: case["operation"]]:
            replay(group, operation)
        listed = run["operations"][case["operation"]]
        group.begin(listed)
        victim = name(case["as"])
        directory = {name(entry["name"]): data(entry["key"]) for entry in case["directory"]} \
            if case.get("directory") is not None else None
        state = group.state(victim, directory)
        deliveries = listed["packets"][: case["after"]] + case.get("deliveries", [])
        running = None
        for step in deliveries:
            sender, packet = name(step["from"]), data(step["packet"])
            if running is None:
                running, reason = state.recognise(sender, packet)
                if running is None:
                    raise Mismatch(f"delivery is not recognised: {reason}")
                if victim in running.members and listed["result"].get("kc"):
                    running.own_kc = data(listed["result"]["kc"])
            elif running.judge(sender, packet).kind != ACCEPTED:
                raise Mismatch("a delivery is not accepted")
        sender, packet = name(case["from"]), data(case["packet"])
        if running is None:
            begun, reason = state.recognise(sender, packet)
            kind, bad, disagree = (ACCEPTED if begun else IGNORED), [], []
        else:
            verdict = running.judge(sender, packet)
            kind, reason = verdict.kind, verdict.reason
            bad, disagree = verdict.bad, verdict.disagree
        expect("expect", case["expect"], kind)
        expect("reason", case.get("reason"), reason)
        expect("bad", sorted(names(case.get("bad", []))), bad)
        expect("disagree", sorted(names(case.get("disagree", []))), disagree)

    def base(case):
        group = Group(case)
        for operation in case["operations"]:
            play(group, operation)

    tally.each("runs", file["runs"], base)
    tally.each("cases", file["cases"], check)


def replay(group, listed):
    """An operation that `play` has checked already: only what comes of it."""
    group.begin(listed)
    running = None
    for step in listed["packets"]:
        if running is None:
            fields = packets.decode(data(step["packet"]))
            running = Operation(fields, data(step["packet"]))
        if step.get("role"):
            pid = data(step["pid"])
            final = pid if step["role"] in ("final", "both") else group.order[0]
            group.order = (final, data(step["chain"]))
    if listed["result"]["outcome"] in ("complete", "alone"):
        group.complete(running)
        exporter = listed["result"].get("exporter")
        group.exporter = data(exporter) if exporter else None
