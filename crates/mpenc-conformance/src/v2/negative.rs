//! Bad packets in operations, as one member sees them.

use mpenc_crypto::PublicKey;
use mpenc_greeting::{Greeter as _, GreetingReject as Reject};
use mpenc_types::{MemberId, MessageId};
use serde_json::{Value, json};

use super::agree;
use super::greeting::{Group, cause, replay, texts};
use super::keyed::{name, names};
use super::room::{End, Judged};
use crate::json::{Checked, Node};
use crate::report::Tally;

pub(super) fn cases(file: &Node<'_>, tally: &mut Tally) -> Checked {
    let runs = file.get("runs")?.items()?;
    for run in &runs {
        tally.case("runs", |_| {
            let mut group = Group::of(run)?;
            for operation in run.get("operations")?.items()? {
                replay(&mut group, &operation)?;
            }
            Ok(())
        });
    }
    for case in file.get("cases")?.items()? {
        tally.case("cases", |_| {
            let at = case.get("run")?;
            let run = runs.get(at.size()?).ok_or_else(|| at.fault("is no run"))?;
            agree(&case, &judged(run, &case)?)
        });
    }
    Ok(())
}

/// What the member makes of the last packet.
pub(super) fn judged(run: &Node<'_>, case: &Node<'_>) -> Checked<Value> {
    let who = name(&case.get("as")?)?;
    let mut group = Group::of(run)?;
    let operations = run.get("operations")?.items()?;
    let (at, after) = (case.get("operation")?.size()?, case.get("after")?.size()?);
    for operation in operations.iter().take(at) {
        feed(&mut group, &who, operation, usize::MAX)?;
    }
    let operation =
        operations.get(at).ok_or_else(|| case.fault_at("operation", "is no operation"))?;
    if let Some(directory) = case.opt("directory") {
        introduce(&mut group, &who, run, &directory)?;
    }
    feed(&mut group, &who, operation, after)?;
    let channel = names(&operation.get("channel")?)?;
    let room = &mut group.room;
    for step in case.list("deliveries")? {
        let found =
            room.judge(&who, &name(&step.get("from")?)?, &channel, &step.get("packet")?.hex()?)?;
        if !matches!(found, Judged::Accepted(_)) {
            return Err(step.fault(format!("is not accepted: {found:?}")));
        }
    }
    let (from, packet) = (name(&case.get("from")?)?, case.get("packet")?.hex()?);
    Ok(match room.judge(&who, &from, &channel, &packet)? {
        Judged::Ignored(reject) => {
            let reason = case.get("reason")?;
            if !fits(reason.text()?, reject) {
                return Err(reason.fault(format!("does not fit {reject:?}")));
            }
            json!({"expect": "ignored"})
        }
        Judged::Accepted(_) => json!({"expect": "accepted", "reason": null}),
        Judged::Ended(_, End::Complete) => json!({"expect": "complete", "reason": null}),
        Judged::Ended(_, End::Failed(failure)) => json!({
            "expect": "failing",
            "reason": cause(&failure),
            "bad": texts(&failure.bad),
            "disagree": texts(&failure.disagree),
        }),
    })
}

/// Whether our reason is of the class that a case names.
fn fits(reason: &str, reject: Option<Reject>) -> bool {
    let Some(reject) = reject else {
        // Recognised by the greeter, refused by the order of operations.
        return ["order", "members", "directory", "running"].contains(&reason);
    };
    let expected: &[Reject] = match reason {
        "signature" => &[Reject::BadSignature],
        "label" => &[Reject::OtherSession],
        "sender" => &[Reject::WrongPlace, Reject::SourceIsNotSender],
        "repeated" => &[Reject::PlaceTaken],
        "round" => &[Reject::OutOfPlace],
        // To a newcomer also the initial packet of the running operation itself (V2-031).
        "running" => &[Reject::OutOfPlace, Reject::PlaceTaken],
        "equal" => &[Reject::RepeatedValues],
        "element" => &[Reject::BadElement],
        "key" => &[Reject::BadElement, Reject::WrongIdentityKey],
        "pinned" | "directory" => &[Reject::WrongIdentityKey],
        "members" => &[Reject::BadMembers, Reject::NotEntitled],
        "operation" => &[Reject::OtherOperation, Reject::NoOperation],
        _ => &[Reject::Malformed],
    };
    expected.contains(&reject)
}

fn introduce(group: &mut Group, who: &MemberId, run: &Node<'_>, directory: &Node<'_>) -> Checked {
    let greeter = &mut group.room.player(who)?.greeter;
    for identity in run.get("identities")?.items()? {
        greeter.set_identity(&name(&identity.get("name")?)?, None);
    }
    for entry in directory.items()? {
        let key = PublicKey::new(entry.get("key")?.array()?);
        greeter.set_identity(&name(&entry.get("name")?)?, Some(key));
    }
    Ok(())
}

/// Shows one member the first packets of an operation; its own it has to make itself.
fn feed(group: &mut Group, who: &MemberId, operation: &Node<'_>, after: usize) -> Checked {
    let room = &mut group.room;
    for draws in operation.get("draws")?.items()? {
        if name(&draws.get("name")?)? != *who {
            continue;
        }
        let player = room.player(who)?;
        let instance = draws.get("instance")?.hex()?;
        if player.instance.as_ref() != Some(&instance) {
            player.source.recorded.push_back(instance.clone());
            player.instance = Some(instance);
        }
        for fresh in draws.get("fresh")?.items()? {
            player.source.recorded.push_back(fresh.hex()?);
        }
    }
    if after > 0 && name(&operation.get("by")?)? == *who {
        let heads = operation.get("heads")?.items()?;
        let heads = heads.iter().map(|id| Ok(MessageId::from(id.array::<32>()?)));
        let heads = heads.collect::<Checked<_>>()?;
        room.propose(who, &names(&operation.get("members")?)?, heads)?;
    }
    let channel = names(&operation.get("channel")?)?;
    for step in operation.get("packets")?.items()?.into_iter().take(after) {
        let (from, packet) = (name(&step.get("from")?)?, step.get("packet")?.hex()?);
        if from == *who {
            room.take(who, &packet).map_err(|fault| step.fault(fault.what))?;
        }
        let _ = room.judge(who, &from, &channel, &packet)?;
    }
    Ok(())
}
