//! Whole sessions: every member is played again alone by the session engine, and an observer who
//! knows all secrets follows the channel.

mod observer;
pub(super) mod seat;

use std::collections::BTreeMap;

use mpenc_types::MemberId;
use serde_json::Value;

use super::agree;
use super::keyed::name;
use crate::json::{Checked, Node};
use crate::report::{Line, Tally};

pub(super) use observer::derived;
use seat::Seat;

pub(super) const FORMAT: &str = "mpenc-v2-session/1";

/// One line for the observer, and one for each member.
pub(super) fn check(file: &str, node: &Node<'_>) -> Vec<Line> {
    let line = |role: String, check: &dyn Fn(&mut Tally) -> Checked| {
        let mut tally = Tally::default();
        if let Err(fault) = check(&mut tally) {
            tally.fault(fault);
        }
        Line { file: file.to_owned(), role, tally }
    };
    let mut lines = vec![line("v2 observer".to_owned(), &|tally| {
        let found = derived(node)?;
        agree(node, &found)?;
        for (key, what) in [("operations", "operations"), ("messages", "messages")] {
            tally.add(what, found.get(key).and_then(Value::as_array).map_or(0, Vec::len));
        }
        Ok(())
    })];
    for (who, _) in identities(node).unwrap_or_default() {
        lines.push(line(format!("v2 participant {who}"), &|tally| replay(node, &who, tally)));
    }
    lines
}

/// Names and seeds.
fn identities(node: &Node<'_>) -> Checked<BTreeMap<MemberId, [u8; 32]>> {
    let list = node.get("identities")?.items()?;
    list.iter().map(|one| Ok((name(&one.get("name")?)?, one.get("seed")?.array()?))).collect()
}

/// A member has to do what it did, with what it got, when it got it.
fn replay(node: &Node<'_>, who: &MemberId, tally: &mut Tally) -> Checked {
    let log = node.get("log")?.items()?;
    let steps = node.get("steps")?.get(&who.to_string())?.items()?;
    let mut seat = Seat::new(node.get("session")?.text()?, &identities(node)?, who)?;
    for step in &steps {
        seat.replay(step, &log)?;
        tally.count("steps");
    }
    let texts = seat.texts();
    let last = node.get("final")?.get(&who.to_string())?;
    let expected = last.items()?.iter().map(Node::text).collect::<Checked<Vec<_>>>()?;
    last.expect(&expected, &texts.iter().map(String::as_str).collect())
}
