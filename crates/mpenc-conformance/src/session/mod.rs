//! Recorded sessions.
use crate::json::Node;
use crate::report::Line;

/// The format of session files.
pub(crate) const FORMAT: &str = "mpenc-session-log/1";

pub(crate) fn check(_: &str, _: &Node<'_>) -> Vec<Line> {
    Vec::new()
}
