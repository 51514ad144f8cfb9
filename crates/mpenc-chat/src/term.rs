//! Text for terminals: what others wrote must not steer them.

use core::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use mpenc::MemberId;

/// Text of others with everything escaped that a terminal might obey or hide, on one line.
///
/// Escaped are control characters, line and paragraph separators, and the invisible marks that
/// reorder text or hide in it.
//= docs/spec/attacks.md#ATK-020
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// A name as people read it; in quotes if it could be taken for something else.
pub(crate) fn name(member: &MemberId) -> String {
    let text = match core::str::from_utf8(member.as_bytes()) {
        Ok(name) => escape(name),
        Err(_) => member.to_string(),
    };
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | ':' | ',' | '\\');
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with(['*', '!', '/', '[']) {
        text
    } else {
        format!("\"{}\"", text.replace('"', "\\\""))
    }
}

/// Names, separated by commas.
pub(crate) fn names<'a>(members: impl IntoIterator<Item = &'a MemberId>) -> String {
    members.into_iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Prints a line to standard output. Whoever closed it does not want to know, which is no reason
/// to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Prints a line to standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// `1 line`, `2 lines`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Whether to colour output; by default not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paint {
    on: bool,
}

/// What a piece of output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Who speaks.
    Name,
    /// Details that may be passed over.
    Faint,
    /// Something that went well.
    Good,
    /// Something to look at.
    Warn,
    /// Something that must not be passed over.
    Alarm,
}

impl Paint {
    /// Colours for standard output, if it is a terminal and `NO_COLOR` is unset or empty.
    pub(crate) fn stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { on: io::stdout().is_terminal() && !unwanted && !dumb }
    }

    /// `text` in a style, or as it is.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Name => "1",
            Style::Faint => "2",
            Style::Good => "32",
            Style::Warn => "33",
            Style::Alarm => "1;31",
        };
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= docs/spec/attacks.md#ATK-020
    //= type=test
    #[test]
    fn nothing_that_steers_a_terminal_comes_through() {
        fn check(text: &str, expect: &str) {
            assert_eq!(escape(text), expect);
        }
        check("so: wie, ça va? 日本 🙂", "so: wie, ça va? 日本 🙂");
        check("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u{1b}[2J\\u{1b}]0;title\\u{7}");
        check("a\nb\r\tc\0", "a\\nb\\r\\tc\\u{0}");
        check("\u{9b}2J\u{85}", "\\u{9b}2J\\u{85}");
        check(
            "abc\u{202e}fed\u{2066}\u{200b}\u{e0041}",
            "abc\\u{202e}fed\\u{2066}\\u{200b}\\u{e0041}",
        );
        for c in (0..=char::MAX as u32).filter_map(char::from_u32).filter(|c| c.is_control()) {
            assert!(!escape(&c.to_string()).contains(c));
        }
    }

    #[test]
    fn names_cannot_pose_as_something_else() {
        fn check(text: &str, expect: &str) {
            assert_eq!(name(&MemberId::from_wire(text.as_bytes())), expect);
        }
        check("ann_[away]|x", "ann_[away]|x");
        check("First Clown", "\"First Clown\"");
        check("ann: hi", "\"ann: hi\"");
        check("a\"b", "\"a\\\"b\"");
        check("*", "\"*\"");
        check("[1]", "\"[1]\"");
        check("a\u{202e}b", "\"a\\u{202e}b\"");
        assert_eq!(name(&MemberId::from_wire(b"\xff")), "\"\\xff\"");
    }

    #[test]
    fn colours_can_be_off() {
        assert_eq!(Paint { on: false }.paint(Style::Alarm, "x"), "x");
        assert_eq!(Paint { on: true }.paint(Style::Good, "x"), "\u{1b}[32mx\u{1b}[0m");
    }
}
