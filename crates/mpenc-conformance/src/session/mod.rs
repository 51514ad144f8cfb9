//! Recorded sessions: as their observer, and as each of their members.

mod observer;
mod participant;
mod recording;

use crate::json::Node;
use crate::report::{Line, Tally};

/// The format of session files.
pub(crate) const FORMAT: &str = "mpenc-session-log/1";

pub(crate) fn check(name: &str, file: &Node<'_>) -> Vec<Line> {
    let line = |role: String, tally: Tally| Line { file: name.to_owned(), role, tally };
    let recording = match recording::Recording::read(file) {
        Ok(recording) => recording,
        Err(fault) => {
            let mut tally = Tally::default();
            tally.fault(fault);
            return vec![line("file".to_owned(), tally)];
        }
    };
    let mut lines = vec![line("observer".to_owned(), observer::observe(&recording))];
    for member in recording.members.keys() {
        let tally = participant::replay(&recording, member);
        lines.push(line(format!("participant {member}"), tally));
    }
    lines
}
