//! Histories of operations.

use mpenc_greeting::AbortReason;
use mpenc_types::{MemberId, MemberSet};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};

use super::super::greeting::{Group, Wish};
use super::super::hx;
use super::super::room::Room;
use super::{Dice, head};
use crate::json::{Checked, Fault};

/// What an operation of a history is to be.
pub(super) struct Plan {
    pub(super) label: &'static str,
    pub(super) by: &'static str,
    pub(super) members: Vec<&'static str>,
    /// Number of heads that the initiator lists.
    pub(super) heads: usize,
    /// Somebody ends it after so many packets.
    pub(super) abort: Option<(usize, &'static str, AbortReason)>,
}

/// An operation without anything special.
pub(super) fn plan(label: &'static str, by: &'static str, members: &[&'static str]) -> Plan {
    Plan { label, by, members: members.to_vec(), heads: 0, abort: None }
}

pub(super) fn id(name: &str) -> MemberId {
    MemberId::from_wire(name.as_bytes())
}

fn set(names: &[&str]) -> MemberSet {
    names.iter().map(|name| id(name)).collect()
}

/// A history as a case; the group as it is afterwards.
pub(super) fn history(
    dice: &mut Dice,
    label: &str,
    everybody: &[&str],
    strangers: &[(&str, &str)],
    plans: Vec<Plan>,
) -> Checked<(Value, Group)> {
    let session = format!("room {label}");
    let identities: Vec<(MemberId, [u8; 32])> =
        everybody.iter().map(|name| (id(name), dice.array())).collect();
    let creator =
        plans.first().map(|plan| id(plan.by)).ok_or_else(|| Fault::new("plan", "empty"))?;
    let mut group = Group::new(&session, identities.clone(), &creator, dice.array())?;
    for player in group.room.players.values_mut() {
        player.source.dice = Some(ChaCha20Rng::from_seed(dice.array()));
    }
    for (who, whom) in strangers {
        group.strangers(&id(who), &id(whom))?;
    }
    let listed: Vec<Value> = identities
        .iter()
        .map(|(name, seed)| {
            let public = group.room.players.get(name).map(|player| hx(player.public));
            json!({"name": String::from_utf8_lossy(name.as_bytes()), "seed": hx(seed),
                "public": public})
        })
        .collect();
    let mut operations = Vec::new();
    for plan in plans {
        operations.push(operate(dice, &mut group, &plan, everybody)?);
    }
    let mut case = json!({"label": label, "session": session, "identities": listed,
        "operations": operations});
    if let (Some(case), false) = (case.as_object_mut(), strangers.is_empty()) {
        let pairs = strangers.iter().map(|(who, whom)| json!({"who": who, "whom": whom}));
        case.insert("strangers".to_owned(), pairs.collect());
    }
    Ok((case, group))
}

fn operate(dice: &mut Dice, group: &mut Group, plan: &Plan, everybody: &[&str]) -> Checked<Value> {
    let wish = Wish {
        by: id(plan.by),
        members: set(&plan.members),
        channel: set(everybody),
        heads: {
            let mut heads: Vec<[u8; 32]> = (0..plan.heads).map(|_| dice.array()).collect();
            heads.sort_unstable();
            heads
        },
    };
    let mut sent = 0;
    let mut next = |room: &mut Room| {
        if let Some((after, by, reason)) = &plan.abort
            && *after == sent
        {
            let by = id(by);
            room.abort(&by, reason.clone())?;
            sent += 1;
            return Ok(room.player(&by)?.outbox.pop_back().map(|packet| (by, packet)));
        }
        sent += 1;
        // Any order in which members may come to send.
        let waiting: Vec<MemberId> = room
            .players
            .iter()
            .filter(|(_, player)| !player.outbox.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        let [at] = dice.array::<1>();
        let Some(who) = waiting.get(usize::from(at) % waiting.len().max(1)) else {
            return Ok(None);
        };
        let packet = room.player(who)?.outbox.pop_front();
        Ok(packet.map(|packet| (who.clone(), packet)))
    };
    group.operate(plan.label, &wish, &mut next)
}

fn file(cases: Vec<Value>) -> Value {
    let mut file = head("mpenc-v2-greeting/1");
    file.insert("cases".to_owned(), Value::Array(cases));
    Value::Object(file)
}

pub(super) fn establish(dice: &mut Dice) -> Checked<Value> {
    let names = ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal"];
    let mut cases = Vec::new();
    for (n, by) in
        [(2, "bob"), (3, "ann"), (4, "dan"), (5, "cat"), (6, "ann"), (7, "gus"), (8, "fay")]
    {
        let all = names.get(..n).unwrap_or_default();
        let plans = vec![plan("establish", by, all)];
        cases.push(history(dice, &format!("of {n}"), all, &[], plans)?.0);
    }
    let all = ["a", "aa", "b", "żółw", "龍"];
    let plans = vec![plan("establish", "b", &all)];
    cases.push(history(dice, "with names in the order of bytes", &all, &[], plans)?.0);
    Ok(file(cases))
}

pub(super) fn changes(dice: &mut Dice) -> Checked<Value> {
    let all = ["ann", "bob", "cat", "dan", "eve"];
    let mut cases = Vec::new();
    let plans = vec![
        plan("establish", "bob", &["ann", "bob"]),
        Plan { heads: 1, ..plan("include one", "ann", &["ann", "bob", "cat"]) },
        Plan {
            heads: 2,
            ..plan("refresh: the salt is the exporter", "cat", &["ann", "bob", "cat"])
        },
        Plan {
            heads: 2,
            ..plan("include and exclude: the salt is zeros", "bob", &["bob", "cat", "dan", "eve"])
        },
        Plan { heads: 3, ..plan("exclude two: salted", "eve", &["cat", "eve"]) },
        plan("exclude everybody else", "cat", &["cat"]),
        plan("establish again: the salt is zeros", "cat", &["ann", "cat"]),
    ];
    cases.push(history(dice, "every kind of operation", &all, &[], plans)?.0);
    let plans = vec![
        plan("establish", "ann", &["ann", "bob", "cat"]),
        plan("refresh", "bob", &["ann", "bob", "cat"]),
        plan("refresh", "cat", &["ann", "bob", "cat"]),
        plan("exclude one: salted", "ann", &["ann", "bob"]),
        plan("refresh of two", "bob", &["ann", "bob"]),
    ];
    cases.push(history(dice, "salted again and again", &all, &[], plans)?.0);
    Ok(file(cases))
}

pub(super) fn aborts(dice: &mut Dice) -> Checked<Value> {
    let all = ["ann", "bob", "cat", "dan"];
    let three = ["ann", "bob", "cat"];
    let mut cases = Vec::new();
    let mut plans = vec![plan("establish", "ann", &three)];
    for (label, after, by, reason) in [
        ("asked for, before the first contribution", 1, "bob", AbortReason::Asked),
        ("timeout, among contributions", 2, "ann", AbortReason::TimedOut),
        ("internal error, among shares", 4, "cat", AbortReason::Internal),
        ("no key, among confirmations", 8, "bob", AbortReason::NoKey),
    ] {
        plans.push(Plan { abort: Some((after, by, reason)), ..plan(label, "ann", &three) });
    }
    plans.push(plan("and then it works, salted", "bob", &three));
    cases.push(history(dice, "ended by members", &all, &[], plans)?.0);
    let plans = vec![
        plan("establish", "ann", &three),
        plan("bob does not know dan", "ann", &all),
        plan("cat does not ask", "cat", &["ann", "cat"]),
    ];
    cases.push(history(dice, "with somebody unknown", &all, &[("bob", "dan")], plans)?.0);
    let plans =
        vec![plan("dan does not know cat", "ann", &all), plan("without dan", "ann", &three)];
    cases.push(history(dice, "unknown to somebody new", &all, &[("dan", "cat")], plans)?.0);
    Ok(file(cases))
}
