//! One line of a conversation, in each of the forms we know.

use super::What;

/// A line in a known form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known<'a> {
    /// Date and time as the line gives them, or only the time; none if it gives neither.
    pub(super) stamp: Option<&'a str>,
    /// Who did it.
    pub(super) name: &'a str,
    /// What they did.
    pub(super) what: What,
}

/// Reads a line of a chat log:
///
/// ```text
/// CHANNEL DATE [HH:MM] <nick> text        CHANNEL DATE [HH:MM:SS] <nick> text
/// CHANNEL DATE [HH:MM]  * nick action     CHANNEL DATE [HH:MM] -bot- notice
/// CHANNEL DATE === …                      [HH:MM] <nick> text     === …
/// ```
///
/// where what follows `===` is an arrival, a departure, a change of name, or else an action.
pub(super) fn irc(line: &str) -> Option<Known<'_>> {
    let bare = |rest| event(rest).map(|(name, what)| Known { stamp: None, name, what });
    if let Some(rest) = line.strip_prefix("=== ") {
        return bare(rest);
    }
    if line.starts_with('[') {
        let (time, rest) = time(line)?;
        return timed(rest).map(|(name, what)| Known { stamp: Some(time), name, what });
    }
    let (channel, dated) = line.split_once(' ')?;
    let (day, rest) = dated.split_once(' ')?;
    if channel.is_empty() || !is_date(day) {
        return None;
    }
    if let Some(rest) = rest.strip_prefix("=== ") {
        return bare(rest);
    }
    let (_, rest) = time(rest)?;
    let stamp = dated.get(..dated.len().checked_sub(rest.len())?)?;
    timed(rest).map(|(name, what)| Known { stamp: Some(stamp), name, what })
}

/// Reads a line in the plain form: `Name: text`, `* Name enters`, `* Name leaves`.
pub(super) fn plain(line: &str) -> Option<Known<'_>> {
    let (name, what) = if let Some(rest) = line.strip_prefix("* ") {
        let rest = rest.trim_end();
        if let Some(name) = rest.strip_suffix(" enters") {
            (name, What::Arrives)
        } else {
            (rest.strip_suffix(" leaves")?, What::Leaves)
        }
    } else {
        let (name, text) = line.split_once(": ")?;
        (name, says(text)?)
    };
    let name = name.trim();
    (!name.is_empty()).then_some(Known { stamp: None, name, what })
}

/// What follows a time: a line, an action or a notice.
fn timed(rest: &str) -> Option<(&str, What)> {
    let rest = rest.trim_start();
    if let Some(rest) = rest.strip_prefix('<') {
        let (name, text) = rest.split_once('>')?;
        return Some((nick(name)?, says(text.strip_prefix(' ').unwrap_or(text))?));
    }
    if let Some(rest) = rest.strip_prefix("* ") {
        let (name, text) = rest.trim_start().split_once(' ')?;
        return Some((nick(name)?, says(text)?));
    }
    if let Some(rest) = rest.strip_prefix('-') {
        let (name, text) = rest.split_once("- ")?;
        return Some((nick(name)?, says(text)?));
    }
    event(rest.strip_prefix("=== ")?)
}

/// What follows `===`.
fn event(rest: &str) -> Option<(&str, What)> {
    let (name, rest) = rest.split_once(' ')?;
    let (name, rest) = (nick(name)?, rest.trim());
    if let Some(new) = rest.strip_prefix("is now known as ").and_then(nick) {
        return Some((name, What::Renamed(new.to_owned())));
    }
    let what = match rest {
        "entered the room." => What::Arrives,
        "left the room." => What::Leaves,
        _ => passage(rest).or_else(|| says(rest))?,
    };
    Some((name, what))
}

/// `[host]  has joined #channel`, `[host]  has left #channel [reason]`, also without the host.
fn passage(rest: &str) -> Option<What> {
    let after_host = if rest.starts_with('[') {
        let (_, rest) = rest.split_once("] ")?;
        rest.trim_start()
    } else {
        rest
    };
    if after_host.starts_with("has joined #") {
        Some(What::Arrives)
    } else if after_host.starts_with("has left #") {
        Some(What::Leaves)
    } else {
        None
    }
}

/// Something said; nothing if there are no words.
fn says(text: &str) -> Option<What> {
    if text.trim().is_empty() { None } else { Some(What::Says(text.to_owned())) }
}

/// A nickname: not empty, no white space.
fn nick(name: &str) -> Option<&str> {
    if name.is_empty() || name.contains(char::is_whitespace) { None } else { Some(name) }
}

/// `[HH:MM]` or `[HH:MM:SS]`, and what follows it.
fn time(text: &str) -> Option<(&str, &str)> {
    let (time, rest) = text.strip_prefix('[')?.split_once(']')?;
    let pattern = if time.len() == 5 { "dd:dd" } else { "dd:dd:dd" };
    matches(time, pattern).then_some((time, rest))
}

/// `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    matches(text, "dddd-dd-dd")
}

/// Whether `text` is like `pattern`, in which `d` stands for a digit.
fn matches(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(found, wanted)| {
            if wanted == b'd' { found.is_ascii_digit() } else { found == wanted }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> What {
        What::Says(text.to_owned())
    }

    #[test]
    fn chat_log_lines() {
        fn check(line: &str, stamp: Option<&str>, name: &str, what: What) {
            assert_eq!(irc(line), Some(Known { stamp, name, what }), "{line:?}");
        }
        let day = Some("2010-11-08 [13:21]");
        check("meet 2010-11-08 [13:21] <ann_> well? ", day, "ann_", said("well? "));
        check("meet 2010-11-08 [13:21]  * ann waves ", day, "ann", said("waves "));
        check("meet 2010-11-08 [13:21] -bot- found 3 ", day, "bot", said("found 3 "));
        check("meet 2010-11-08 [13:21] -a-bot- x- y", day, "a-bot", said("x- y"));
        let second = Some("2018-05-29 [21:20:37]");
        check("rust 2018-05-29 [21:20:37] <ann> a > b <c>", second, "ann", said("a > b <c>"));
        check("rust 2018-05-29 [21:20:37] * ann{K} stares", second, "ann{K}", said("stares"));
        check("rust 2018-05-29 [21:20:37] -eval- []", second, "eval", said("[]"));
        let renamed = What::Renamed("ann[away]".to_owned());
        check("meet 2010-11-08 === ann is now known as ann[away] ", None, "ann", renamed.clone());
        check("meet 2010-11-08 === ann [a@b] has joined #meet", None, "ann", What::Arrives);
        check("=== ann is now known as ann[away]", None, "ann", renamed);
        check("[12:18] <|ann|> so: yes  :)", Some("12:18"), "|ann|", said("so: yes  :)"));
        check("[12:18] <ann>no space", Some("12:18"), "ann", said("no space"));
    }

    #[test]
    fn comings_goings_and_actions() {
        fn check(line: &str, name: &str, what: What) {
            assert_eq!(irc(line), Some(Known { stamp: None, name, what }), "{line:?}");
        }
        check("=== ann [~a@b.example]  has joined #c", "ann", What::Arrives);
        check("=== [ann]  [~a@b.example]  has joined #C", "[ann]", What::Arrives);
        check("=== ann [~a@b.example]  has left #c []", "ann", What::Leaves);
        check("=== ann [~a@b.example]  has left #c [\"\"Bye.]", "ann", What::Leaves);
        check("=== ann has left #c", "ann", What::Leaves);
        check("=== ann entered the room.", "ann", What::Arrives);
        check("=== ann left the room.", "ann", What::Leaves);
        check(
            "=== |ann| has to go; wish her luck :)",
            "|ann|",
            said("has to go; wish her luck :)"),
        );
        check("=== ann has left the building", "ann", said("has left the building"));
        check("=== ann is now known as a fool", "ann", said("is now known as a fool"));
        check("=== ann is away: tea", "ann", said("is away: tea"));
    }

    #[test]
    fn lines_in_no_form_of_chat_log() {
        for line in [
            "",
            "===",
            "=== ",
            "=== ann",
            "=== ann ",
            "[12:18]",
            "[12:18] ann: hi",
            "[12:18] <ann> ",
            "[12:18] <> hi",
            "[12:18] <an n> hi",
            "[1:18] <ann> hi",
            "[12:18:9] <ann> hi",
            "[ab:cd] <ann> hi",
            "<ann> hi",
            "Ann: hi",
            "meet 2010-11-08",
            "meet 2010-11-08 <ann> hi",
            "meet 10-11-08 [13:21] <ann> hi",
            "--- Log opened Mon Nov 15 12:18:00 2004",
        ] {
            assert_eq!(irc(line), None, "{line:?}");
        }
    }

    #[test]
    fn plain_lines() {
        fn check(line: &str, expect: Option<(&str, What)>) {
            let expect = expect.map(|(name, what)| Known { stamp: None, name, what });
            assert_eq!(plain(line), expect, "{line:?}");
        }
        check("Ann: Who's there?", Some(("Ann", said("Who's there?"))));
        check("First Clown: Is she: to be?", Some(("First Clown", said("Is she: to be?"))));
        check("* First Clown enters", Some(("First Clown", What::Arrives)));
        check("* Ann leaves ", Some(("Ann", What::Leaves)));
        check("* Ann dances", None);
        check("* enters", None);
        check(": hi", None);
        check("Ann:", None);
        check("Ann: ", None);
        check("http://example.org", None);
    }
}
