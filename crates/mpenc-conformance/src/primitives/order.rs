//! The two orders: of operations, and of messages.

use mpenc_crypto::V1;
use mpenc_packet::v1;
use mpenc_transcript::order::{
    Accepted, InitialPacket, OrderHash, OrderReject, PacketRole, Phase, ServerOrder,
};
use mpenc_transcript::{Entry, Transcript};
use mpenc_types::{BodyKind, ChainHash, MemberId, MemberSet, MessageId, PacketId};

use crate::json::{Checked, Node, member};
use crate::report::Tally;

/// The hashes of the v1 profile.
struct V1Order;

impl OrderHash for V1Order {
    fn start(&self, prev_final: &PacketId) -> ChainHash {
        v1::chain_start::<V1>(prev_final)
    }

    fn extend(&self, prev: &ChainHash, id: &PacketId, role: PacketRole) -> ChainHash {
        v1::chain_extend::<V1>(prev, id, role)
    }
}

fn packet_id(step: &Node<'_>, key: &str) -> Checked<PacketId> {
    Ok(PacketId::new(step.get(key)?.array()?))
}

pub(super) fn server_order(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("cases")? {
        let owner = case.get("owner")?.member()?;
        let mut order = ServerOrder::new();
        for step in case.list("steps")? {
            if let Err(fault) = order_step(&mut order, &step, &owner) {
                // What follows builds on it.
                tally.fault(fault);
                break;
            }
            tally.count("steps");
        }
    }
    Ok(())
}

fn order_step(order: &mut ServerOrder, step: &Node<'_>, owner: &MemberId) -> Checked {
    let op = step.get("op")?;
    match op.text()? {
        "sync_new" => {
            op.expect(&true, &order.sync_new(packet_id(step, "random")?, &V1Order))?;
        }
        "leave" => leave(order, step)?,
        "packet" => packet(order, step, owner)?,
        other => return Err(op.fault(format!("is the unknown step `{other}`"))),
    }
    if let Some(chain) = step.opt("chain_hash") {
        chain.expect(&Some(ChainHash::new(chain.array()?)), &order.chain_hash())?;
    }
    if let Some(prev) = step.opt("cur_prev_pf") {
        let last = match order.phase() {
            Phase::Idle { prev_final, .. } | Phase::InOperation { prev_final, .. } => prev_final,
            Phase::Unsynced { .. } => return Err(prev.fault("we are not synchronised")),
        };
        prev.expect_hex(last.as_bytes())?;
    }
    if let Some(ongoing) = step.opt("ongoing") {
        ongoing.expect_flag(order.in_operation())?;
    }
    Ok(())
}

fn leave(order: &mut ServerOrder, step: &Node<'_>) -> Checked {
    let id = packet_id(step, "packet_id")?;
    if let (Some(leavers), Some(remaining), Some(initial)) =
        (step.opt("leavers"), step.opt("remaining"), order.prev_initial())
    {
        let (remaining, leavers) = (remaining.member_set()?, leavers.member_set()?);
        let found = v1::leave_packet_id::<V1>(&remaining, &initial, &leavers);
        step.get("packet_id")?.expect_hex(found.as_bytes())?;
    }
    let accepted = order
        .accept_leave(id, &V1Order)
        .map_err(|reject| step.fault(format!("is refused: {reject:?}")))?;
    step.expect(&PacketRole::Leave, &accepted.role)
}

fn packet(order: &mut ServerOrder, step: &Node<'_>, owner: &MemberId) -> Checked {
    let id = packet_id(step, "packet_id")?;
    let (is_initial, is_final) = (step.get("initial")?.flag()?, step.get("final")?.flag()?);
    let targets = step.get("members")?.member_set()?;
    let channel = step.get("recipients")?.member_set()?;
    let before = order.clone();
    let found = if is_initial {
        let packet = InitialPacket {
            prev_final: packet_id(step, "prev_pf")?,
            prev_chain: ChainHash::new(step.get("prev_ch")?.array()?),
            binds_chain: false,
            names_owner: targets.contains(owner),
            // The traces do not tell who proposes.
            initiator_is_member: true,
            is_final,
            targets: &targets,
            channel: &channel,
        };
        let judged = order.judge_initial(id, packet);
        let found = order.accept_initial(id, packet, &V1Order);
        step.expect(&judged.is_ok(), &found.is_ok())?;
        found
    } else {
        order.accept_final(id, packet_id(step, "prev_pi")?, &V1Order)
    };
    let accepted = step.get("accepted")?;
    if accepted.flag()? != found.is_ok() {
        return Err(accepted.fault(format!("found {found:?}")));
    }
    match found {
        Ok(found) => {
            if let Some(callbacks) = step.opt("callbacks") {
                expect_callbacks(&callbacks, id, &found)?;
            }
            step.expect(&!before.is_synced(), &found.adopted)?;
        }
        Err(OrderReject::NotForOwner | OrderReject::Superseded) => {}
        Err(_) => step.expect(&before, order)?,
    }
    step.get("synced")?.expect_flag(order.is_synced())
}

/// Each is [id, its predecessor]; a packet that is both initial and final precedes itself.
fn expect_callbacks(callbacks: &Node<'_>, id: PacketId, found: &Accepted) -> Checked {
    let kinds: &[(&str, PacketId)] = match found.role {
        PacketRole::Both => &[("initial", found.prev), ("final", id)],
        PacketRole::Initial => &[("initial", found.prev)],
        PacketRole::Final | PacketRole::Leave => &[("final", found.prev)],
    };
    callbacks.expect(&callbacks.items()?.len(), &kinds.len())?;
    for (callback, (kind, prev)) in callbacks.items()?.iter().zip(kinds) {
        let pair = callback.get(kind)?;
        match pair.items()?.as_slice() {
            [of, before] => {
                of.expect_hex(id.as_bytes())?;
                before.expect_hex(prev.as_bytes())?;
            }
            _ => return Err(pair.fault("is not [id, predecessor]")),
        }
    }
    Ok(())
}

pub(super) fn transcript(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("cases")? {
        let members = case.get("users")?.member_set()?;
        let mut transcript = Transcript::new(&members);
        let adds = case.list("adds")?;
        let mut sound = true;
        for add in &adds {
            match add_message(&mut transcript, add) {
                Ok(true) => tally.count("messages"),
                Ok(false) => tally.count("refusals"),
                Err(fault) => {
                    // What follows builds on it.
                    tally.fault(fault);
                    sound = false;
                    break;
                }
            }
        }
        for le in case.list("le")?.into_iter().filter(|_| sound) {
            tally.case("comparisons", |_| {
                let items = le.items()?;
                let [x, y, expected] = items.as_slice() else {
                    return Err(le.fault("is not [x, y, x ≤ y]"));
                };
                for name in [x, y] {
                    name.expect(&true, &transcript.contains(&id(name.text()?)))?;
                }
                let found = transcript.is_ancestor_or_equal(&id(x.text()?), &id(y.text()?));
                expected.expect_flag(found == Ok(true))
            });
        }
    }
    Ok(())
}

/// Messages have names here; an identifier is a hash of it.
fn id(name: &str) -> MessageId {
    use mpenc_crypto::Suite as _;
    MessageId::from(V1::hash(&[name.as_bytes()]))
}

fn ids(node: &Node<'_>) -> Checked<Vec<MessageId>> {
    node.items()?.iter().map(|name| name.text().map(id)).collect()
}

/// Whether the message was accepted, which has to be as recorded.
fn add_message(transcript: &mut Transcript, add: &Node<'_>) -> Checked<bool> {
    let name = add.get("mid")?;
    let own = id(name.text()?);
    let author = add.get("author")?.member()?;
    let parents = ids(&add.get("parents")?)?;
    // Who reads follows from the membership here; a message for others cannot be put in.
    let readers = add.get("readers")?.member_set()?;
    if transcript.members().without(&author) != readers {
        return match add.has("error") {
            true => Ok(false),
            false => Err(add.fault_at("readers", "are not all the others")),
        };
    }
    let entry = Entry { id: own, author: &author, parents: &parents, kind: BodyKind::Payload };
    let found = transcript.accept(entry);
    let accepted = match found {
        Ok(accepted) => accepted,
        Err(_) if add.has("error") => return Ok(false),
        Err(reject) => return Err(name.fault(format!("is refused: {reject:?}"))),
    };
    if add.has("error") {
        return Err(name.fault("is accepted, the original refuses it"));
    }
    let acked = add.get("fully_acked")?;
    acked.expect(&ids(&acked)?, &accepted.fully_acked)?;
    let max = add.get("max")?;
    max.expect(&ids(&max)?, &transcript.heads().to_vec())?;
    let unacked = add.get("unacked")?;
    unacked.expect(&ids(&unacked)?, &transcript.unacked().collect())?;
    for (of, by) in add.get("unackby")?.fields()? {
        let expected: MemberSet =
            by.items()?.iter().map(|m| m.text().map(member)).collect::<Checked<_>>()?;
        by.expect(&expected, &transcript.unacked_by(&id(of)))?;
    }
    Ok(true)
}
