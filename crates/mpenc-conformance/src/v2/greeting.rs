//! Whole operations: every member's greeter is driven with recorded randomness, and whoever knows
//! all secrets computes everything else.

use mpenc_crypto::{PrimeOrderGroup as _, V2};
use mpenc_greeting::{AbortReason, Failure, FailureCause, Greeter as _};
use mpenc_packet::v2::{self as wire, Greeting};
use mpenc_types::{MemberId, MemberSet, MessageId, PacketId, PacketRole};
use serde_json::{Value, json};

use super::keyed::{digits, fingerprint_of, hedging_key, name, names};
use super::operation::{Draws, Known, Operation};
use super::room::{Delivered, End, Room};
use super::{agree, hx, packets};
use crate::json::{Checked, Fault, Node};
use crate::report::Tally;

/// A history of operations.
pub(super) struct Group {
    pub(super) room: Room,
    /// Members of the last completed operation.
    pub(super) previous: MemberSet,
    pub(super) exporter: Option<[u8; 32]>,
}

/// What an operation is to do.
pub(super) struct Wish {
    pub(super) by: MemberId,
    pub(super) members: MemberSet,
    pub(super) channel: MemberSet,
    pub(super) heads: Vec<[u8; 32]>,
}

/// Says which packet is next; it may let members do things.
pub(super) type Next<'a> = dyn FnMut(&mut Room) -> Checked<Option<(MemberId, Vec<u8>)>> + 'a;

impl Group {
    pub(super) fn new(
        session: &str,
        identities: Vec<(MemberId, [u8; 32])>,
        creator: &MemberId,
        prev_final: [u8; 32],
    ) -> Checked<Self> {
        let mut room = Room::new(session, identities);
        room.create(creator, PacketId::new(prev_final))?;
        Ok(Self { room, previous: MemberSet::of(creator), exporter: None })
    }

    /// The group of a recorded case.
    pub(super) fn of(case: &Node<'_>) -> Checked<Self> {
        let identities = case.get("identities")?.items()?;
        let identities = identities
            .iter()
            .map(|identity| Ok((name(&identity.get("name")?)?, identity.get("seed")?.array()?)))
            .collect::<Checked<Vec<_>>>()?;
        let operations = case.get("operations")?.items()?;
        let first = operations.first().ok_or_else(|| case.fault_at("operations", "is empty"))?;
        let prev_final = first.get("prev_final")?.array()?;
        let mut group = Self::new(
            case.get("session")?.text()?,
            identities,
            &name(&first.get("by")?)?,
            prev_final,
        )?;
        for identity in case.get("identities")?.items()? {
            let player = group.room.players.get(&name(&identity.get("name")?)?);
            let public = player.map(|player| player.public).unwrap_or_default();
            identity.get("public")?.expect_hex(&public)?;
        }
        for pair in case.list("strangers")? {
            group.strangers(&name(&pair.get("who")?)?, &name(&pair.get("whom")?)?)?;
        }
        Ok(group)
    }

    /// The directory of `who` does not have `whom`.
    pub(super) fn strangers(&mut self, who: &MemberId, whom: &MemberId) -> Checked {
        self.room.player(who)?.greeter.set_identity(whom, None);
        Ok(())
    }

    /// One operation; everything that comes of it, as a file lists it.
    pub(super) fn operate(
        &mut self,
        label: &str,
        wish: &Wish,
        next: &mut Next<'_>,
    ) -> Checked<Value> {
        for player in self.room.players.values_mut() {
            player.source.drawn.clear();
        }
        let order = self.room.player(&wish.by)?.order;
        let (prev_final, prev_chain) = order.ok_or_else(|| Fault::new("by", "is no member"))?;
        let heads = wish.heads.iter().map(|id| MessageId::from(*id)).collect();
        self.room.propose(&wish.by, &wish.members, heads)?;
        let mut log = Vec::new();
        let mut end = None;
        while let Some((from, packet)) = next(&mut self.room)? {
            let delivered = self.room.deliver(&from, &wish.channel, &packet)?;
            end = delivered.end.clone();
            log.push((from, packet, delivered));
            if end.is_some() {
                break;
            }
        }
        let includes_nobody = wish.members.iter().all(|member| self.previous.contains(member));
        let salt = self.exporter.filter(|_| includes_nobody).unwrap_or_default();
        let op = Operation::read(&log)?;
        let draws = self.draws(wish)?;
        let known = op.known(&draws, wish, &prev_final, &salt)?;
        let result = self.result(wish, &op, &known, end.as_ref())?;
        let packets: Vec<Value> = log.iter().map(step).collect::<Checked<_>>()?;
        let operation = json!({
            "label": label,
            "by": text(&wish.by),
            "previous": texts(&self.previous),
            "members": texts(&wish.members),
            "channel": texts(&wish.channel),
            "prev_final": hx(prev_final.as_bytes()),
            "prev_chain": hx(prev_chain.as_bytes()),
            "heads": wish.heads.iter().map(hx).collect::<Vec<_>>(),
            "salt": hx(salt),
            "packets": packets,
            "draws": draws.iter().map(Draws::listed).collect::<Vec<_>>(),
            "secrets": known.secrets,
            "result": result,
        });
        if let Some(End::Complete) = end {
            self.previous = wish.members.clone();
            self.exporter = known.keys.as_ref().map(|keys| keys.exporter);
        }
        Ok(operation)
    }

    /// What every member drew in the operation that has just ended.
    fn draws(&mut self, wish: &Wish) -> Checked<Vec<Draws>> {
        let mut all = Vec::new();
        for (who, player) in &mut self.room.players {
            let mut fresh = player.source.drawn.clone();
            if fresh.first().is_some_and(|draw| draw.len() == 16) {
                player.instance = Some(fresh.remove(0));
            }
            if fresh.is_empty() {
                continue;
            }
            if !wish.members.contains(who) {
                return Err(Fault::new("draws", format!("{who} drew something")));
            }
            let instance = player.instance.clone();
            all.push(Draws {
                who: who.clone(),
                key: hedging_key(&player.seed),
                instance: instance.ok_or_else(|| Fault::new("draws", "no instance"))?,
                first: player.count,
                fresh: fresh.clone(),
            });
            player.count += fresh.len();
        }
        Ok(all)
    }

    fn result(
        &mut self,
        wish: &Wish,
        op: &Operation,
        known: &Known,
        end: Option<&End>,
    ) -> Checked<Value> {
        let mut result = json!({"op": hx(op.op.as_bytes())});
        let mut put = |fields: Value| {
            if let (Some(result), Value::Object(fields)) = (result.as_object_mut(), fields) {
                result.extend(fields);
            }
        };
        if let Some(ring) = &known.ring {
            let d: Vec<Value> = ring.bases.iter().map(|base| hx(V2::export(base))).collect();
            put(json!({"ctx": hx(ring.ctx), "d": d}));
        }
        if let (Some((t, x)), Some(keys)) = (&known.transcript, &known.keys) {
            put(json!({
                "t": hx(t), "x": x.iter().map(hx).collect::<Vec<_>>(), "k": known.secret.map(hx),
                "sid": hx(keys.sid), "kc": hx(keys.kc), "exporter": hx(keys.exporter),
                "root": hx(keys.root),
            }));
        }
        match end {
            None => put(json!({"outcome": "running"})),
            Some(End::Failed(failure)) => {
                put(json!({"outcome": "failed", "cause": cause(failure), "by": text(&failure.by)}));
            }
            Some(End::Complete) if wish.members.len() == 1 => put(json!({"outcome": "alone"})),
            Some(End::Complete) => {
                let (Some(ring), Some((t, _)), Some(keys)) =
                    (&known.ring, &known.transcript, &known.keys)
                else {
                    return Err(Fault::new("result", "is complete without keys"));
                };
                let f = fingerprint_of(t, ring.members.iter().zip(&ring.keys));
                put(json!({
                    "outcome": "complete", "fingerprint": hx(f), "digits": digits(&f),
                }));
                for member in &wish.members {
                    let has = self.room.player(member)?.keys.as_ref();
                    let has =
                        has.ok_or_else(|| Fault::new("result", format!("{member} has no keys")))?;
                    let same = has.sid.as_bytes() == &keys.sid
                        && has.secret.expose() == &keys.root
                        && has.fingerprint == Some(f);
                    if !same {
                        return Err(Fault::new("result", format!("{member} has other keys")));
                    }
                }
            }
        }
        Ok(result)
    }
}

/// How files name the reason of a failing packet.
pub(super) fn cause(failure: &Failure) -> &'static str {
    match &failure.cause {
        FailureCause::Aborted(_) => "abort",
        FailureCause::BadProof => "proof",
        FailureCause::Disagreement if failure.disagree.is_empty() => "key-check",
        FailureCause::Disagreement => "disagreement",
        // No packet has another cause today.
        &_ => "unknown",
    }
}

pub(super) fn text(who: &MemberId) -> String {
    String::from_utf8_lossy(who.as_bytes()).into_owned()
}

pub(super) fn texts<'a>(members: impl IntoIterator<Item = &'a MemberId>) -> Vec<String> {
    members.into_iter().map(text).collect()
}

pub(super) type Logged = (MemberId, Vec<u8>, Delivered);

fn step((from, packet, delivered): &Logged) -> Checked<Value> {
    let kind = wire::kind(packet).map_err(|error| Fault::new("packet", error.to_string()))?;
    let role = delivered.role.map(|role| match role {
        PacketRole::Final => "final",
        PacketRole::Initial => "initial",
        PacketRole::Both => "both",
        PacketRole::Leave => "leave",
    });
    let mut step = json!({
        "from": text(from), "kind": packets::kind_name(kind), "packet": hx(packet),
        "pid": hx(delivered.pid.as_bytes()),
    });
    if let (Some(step), Some(role), Some(chain)) = (step.as_object_mut(), role, delivered.chain) {
        step.insert("role".to_owned(), json!(role));
        step.insert("chain".to_owned(), hx(chain.as_bytes()));
    }
    Ok(step)
}

/// Plays a recorded operation again.
pub(super) fn replay(group: &mut Group, recorded: &Node<'_>) -> Checked<Value> {
    for draws in recorded.get("draws")?.items()? {
        let player = group.room.player(&name(&draws.get("name")?)?)?;
        let instance = draws.get("instance")?.hex()?;
        if player.instance.as_ref() != Some(&instance) {
            player.source.recorded.push_back(instance);
        }
        for fresh in draws.get("fresh")?.items()? {
            player.source.recorded.push_back(fresh.hex()?);
        }
    }
    let wish = Wish {
        by: name(&recorded.get("by")?)?,
        members: names(&recorded.get("members")?)?,
        channel: names(&recorded.get("channel")?)?,
        heads: recorded.get("heads")?.items()?.iter().map(Node::array).collect::<Checked<_>>()?,
    };
    let mut steps = recorded.get("packets")?.items()?.into_iter();
    let mut next = |room: &mut Room| {
        let Some(step) = steps.next() else { return Ok(None) };
        let (from, packet) = (name(&step.get("from")?)?, step.get("packet")?.hex()?);
        if let Some(reason) = asked(&packet, &from, room)? {
            room.abort(&from, reason)?;
        }
        room.take(&from, &packet).map_err(|fault| step.fault(fault.what))?;
        Ok(Some((from, packet)))
    };
    let label = recorded.opt("label").map(|label| label.text()).transpose()?.unwrap_or_default();
    let found = group.operate(label, &wish, &mut next)?;
    if steps.next().is_some() {
        return Err(recorded.fault_at("packets", "go on after the end"));
    }
    agree(recorded, &found)?;
    group.room.finish()?;
    Ok(found)
}

/// The reason of an abort that a member has not made by itself.
fn asked(packet: &[u8], from: &MemberId, room: &mut Room) -> Checked<Option<AbortReason>> {
    if room.player(from)?.outbox.iter().any(|made| made == packet) {
        return Ok(None);
    }
    let Ok(Greeting::Abort(found)) = wire::decode_greeting(packet) else { return Ok(None) };
    Ok(match found.peek().fields().reason {
        wire::AbortReason::Asked => Some(AbortReason::Asked),
        wire::AbortReason::TimedOut => Some(AbortReason::TimedOut),
        wire::AbortReason::NoKey => Some(AbortReason::NoKey),
        wire::AbortReason::Internal => Some(AbortReason::Internal),
        wire::AbortReason::IdentityKey(_) => None,
    })
}

pub(super) fn runs(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.get("cases")?.items()? {
        tally.case("cases", |tally| run(&case, tally));
    }
    Ok(())
}

fn run(case: &Node<'_>, tally: &mut Tally) -> Checked {
    let mut group = Group::of(case)?;
    for operation in case.get("operations")?.items()? {
        let place = operation.place().to_owned();
        replay(&mut group, &operation).map_err(|fault| within(&place, fault))?;
        tally.count("operations");
    }
    Ok(())
}

/// A fault that does not know its place gets one.
fn within(place: &str, fault: Fault) -> Fault {
    if fault.place.starts_with(place) {
        fault
    } else {
        Fault::new(format!("{place}: {}", fault.place), fault.what)
    }
}
