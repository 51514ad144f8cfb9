//! What somebody who knows all secrets reads in the log of a channel.

use std::collections::BTreeMap;

use mpenc_crypto::{Aead as _, V2};
use mpenc_packet::v2::{self as wire, Content, DataPacket, Greeting, Plaintext};
use mpenc_types::{MemberId, MemberSet};
use serde_json::{Value, json};

use super::super::greeting::{Group, Wish, text, texts};
use super::super::hx;
use super::super::keyed::{Keys, name, names};
use super::super::messages::message_id;
use super::super::room::Room;
use crate::json::{Checked, Fault, Node};

/// Members of the channel that left it.
struct Gone {
    at: usize,
    leavers: MemberSet,
    remaining: MemberSet,
}

/// A packet of the log.
struct Sent {
    at: usize,
    from: MemberId,
    channel: MemberSet,
    packet: Vec<u8>,
}

/// Operations and messages, from log, identities and randomness.
pub(in super::super) fn derived(file: &Node<'_>) -> Checked<Value> {
    let (mut sent, mut gone) = (Vec::new(), Vec::new());
    for (at, entry) in file.get("log")?.items()?.iter().enumerate() {
        if let Some(packet) = entry.opt("packet") {
            let (from, channel) = (name(&entry.get("from")?)?, names(&entry.get("channel")?)?);
            sent.push(Sent { at, from, channel, packet: packet.hex()? });
        } else {
            let (leavers, remaining) =
                (names(&entry.get("leave")?)?, names(&entry.get("channel")?)?);
            gone.push(Gone { at, leavers, remaining });
        }
    }
    let (operations, late) = operations(file, &sent, &gone)?;
    let messages = messages(&operations, &sent)?;
    let late = Some(late).filter(|late| !late.is_empty());
    Ok(json!({"operations": operations, "messages": messages, "late": late}))
}

fn is_greeting(sent: &&Sent) -> bool {
    wire::kind(&sent.packet).is_ok_and(wire::PacketKind::is_greeting)
}

/// Plays all operations with greeters of our own. Beside them the packets that came when their
/// operation had ended.
fn operations(file: &Node<'_>, sent: &[Sent], gone: &[Gone]) -> Checked<(Vec<Value>, Vec<usize>)> {
    let identities = super::identities(file)?;
    let mut greetings = sent.iter().filter(is_greeting).peekable();
    let Some(first) = greetings.peek() else { return Ok((Vec::new(), Vec::new())) };
    let creator = first.from.clone();
    let (hedged, start) = draws(file, &creator)?;
    let session = file.get("session")?.text()?;
    let mut group = Group::new(session, identities.into_iter().collect(), &creator, start)?;
    for (who, recorded) in hedged {
        group.room.player(&who)?.source.recorded = recorded.into();
    }
    let (mut operations, mut late) = (Vec::new(), Vec::new());
    while let Some(first) = greetings.peek() {
        let Ok(Greeting::Initial(found)) = wire::decode_greeting(&first.packet) else {
            group.room.take(&first.from, &first.packet)?;
            late.push(first.at);
            greetings.next();
            continue;
        };
        let fields = found.peek().fields();
        let heads = fields.heads.iter().map(|id| id.as_bytes().try_into());
        let wish = Wish {
            by: first.from.clone(),
            members: fields.next_members(),
            channel: first.channel.clone(),
            heads: heads
                .collect::<Result<_, _>>()
                .map_err(|_| Fault::new("heads", "not 32 bytes"))?,
        };
        let mut at = Vec::new();
        let begins = first.at;
        let ends = gone.iter().find(|gone| {
            gone.at > begins && wish.members.iter().any(|member| gone.leavers.contains(member))
        });
        let mut next = |room: &mut Room| {
            let before = |one: &&Sent| ends.is_none_or(|ends| one.at < ends.at);
            let Some(one) = greetings.next_if(|one| before(one)) else { return Ok(None) };
            room.take(&one.from, &one.packet)
                .map_err(|fault| Fault::new(format!("log[{}]", one.at), fault.what))?;
            at.push(one.at);
            Ok(Some((one.from.clone(), one.packet.clone())))
        };
        let mut operation = group.operate("", &wish, &mut next)?;
        let outcome = Node::root(&operation).get("result")?.get("outcome")?.text()?.to_owned();
        if let Some(operation) = operation.as_object_mut() {
            operation.remove("label");
            operation.insert("at".to_owned(), json!(at));
            if let Some(ends) = ends.filter(|_| outcome == "running") {
                let left = group.room.leave(&ends.remaining, &ends.leavers)?;
                operation.insert(
                    "left".to_owned(),
                    json!({
                        "at": ends.at, "remaining": texts(&ends.remaining),
                        "leavers": texts(&ends.leavers), "pid": hx(left.pid.as_bytes()),
                        "chain": hx(left.chain.as_bytes()),
                    }),
                );
            }
        }
        operations.push(operation);
    }
    Ok((operations, late))
}

/// What members drew for their greetings, and what the creator began with.
type Drawn = (BTreeMap<MemberId, Vec<Vec<u8>>>, [u8; 32]);

fn draws(file: &Node<'_>, creator: &MemberId) -> Checked<Drawn> {
    let log = file.get("log")?.items()?;
    let (mut hedged, mut start) = (BTreeMap::<MemberId, Vec<Vec<u8>>>::new(), None);
    for (who, steps) in file.get("steps")?.fields()? {
        let who = MemberId::from_wire(who.as_bytes());
        for step in steps.items()? {
            let mut greets = false;
            for out in step.list("out")? {
                let packet = if let Some(at) = out.opt("packet") {
                    let entry = log.get(at.size()?);
                    entry.ok_or_else(|| at.fault("is not in the log"))?.get("packet")?.hex()?
                } else if let Some(lost) = out.opt("lost") {
                    lost.hex()?
                } else {
                    continue;
                };
                greets |= wire::kind(&packet).is_ok_and(wire::PacketKind::is_greeting);
            }
            for draw in step.list("rand")? {
                // Numbers only spread timers.
                if !draw.is_text() {
                    continue;
                }
                let bytes = draw.hex()?;
                if greets {
                    hedged.entry(who.clone()).or_default().push(bytes);
                } else if who == *creator && start.is_none() {
                    start = Some(draw.array()?);
                }
            }
        }
    }
    Ok((hedged, start.ok_or_else(|| file.fault_at("steps", "nobody creates the session"))?))
}

/// The keys of a subsession, and whose message is next.
struct Room2 {
    operation: usize,
    sid: [u8; 32],
    keys: Keys,
    next: BTreeMap<MemberId, (u64, [u8; 16])>,
}

fn messages(operations: &[Value], sent: &[Sent]) -> Checked<Vec<Value>> {
    let mut rooms: Vec<Room2> = Vec::new();
    for (i, operation) in operations.iter().enumerate() {
        let node = Node::root(operation);
        let result = node.get("result")?;
        if result.get("outcome")?.text()? != "complete" {
            continue;
        }
        let sid = result.get("sid")?.array()?;
        let keys = Keys::new(&sid, &result.get("root")?.array()?);
        let members: MemberSet = names(&node.get("members")?)?;
        let next =
            members.iter().map(|who| (who.clone(), (0, keys.position(who, 0).tag))).collect();
        rooms.push(Room2 { operation: i, sid, keys, next });
    }
    let mut messages = Vec::new();
    for one in sent.iter().filter(|one| !is_greeting(one)) {
        let fault = |what: &str| Fault::new(format!("log[{}]", one.at), what);
        if wire::kind(&one.packet) != Ok(wire::PacketKind::Message) {
            continue;
        }
        let packet = DataPacket::decode(&one.packet).map_err(|_| fault("does not decode"))?;
        let mut found = None;
        for room in &mut rooms {
            let of = room.next.iter().find(|(_, (_, tag))| *tag == packet.tag);
            if let Some((who, (seq, _))) = of.map(|(who, at)| (who.clone(), *at)) {
                room.next.insert(who.clone(), (seq + 1, room.keys.position(&who, seq + 1).tag));
                found = Some((&*room, who, seq));
                break;
            }
        }
        let (room, who, seq) = found.ok_or_else(|| fault("has an unknown tag"))?;
        let (aad, mut data) = (packet.aad(), packet.ciphertext.clone());
        let position = room.keys.position(&who, seq);
        V2::open_in_place(&position.key, &packet.nonce, &aad, &mut data)
            .map_err(|_| fault("does not open"))?;
        let plaintext = Plaintext::decode(&data).map_err(|_| fault("has no plaintext"))?;
        let content = Content::decode(&plaintext.content).map_err(|_| fault("has no content"))?;
        let body = content.body.encode().map_err(|_| fault("has no body"))?;
        let (kind, body) = body.split_first().ok_or_else(|| fault("has no kind"))?;
        let mid = message_id(&room.keys, &room.sid, &who, seq, &plaintext.content);
        messages.push(json!({
            "at": one.at, "operation": room.operation, "author": text(&who), "seq": seq,
            "parents": content.parents.iter().map(|id| hx(id.as_bytes())).collect::<Vec<_>>(),
            "number": content.number, "chain": hx(content.chain.as_bytes()), "kind": kind,
            "body": hx(body), "mid": hx(mid),
        }));
    }
    Ok(messages)
}
