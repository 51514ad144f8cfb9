//! Conversations in files: who arrived, spoke, left and changed name, line by line.

mod line;
mod people;

pub(crate) use people::{Act, Deed, Script, cast};

use line::{Known, irc, plain};

/// What a file says, line by line, before names become people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    /// What happened, in the order of the file.
    pub(crate) events: Vec<Event>,
    /// Lines in none of the known forms, and lines by which somebody says nothing.
    pub(crate) ignored: usize,
}

/// Something that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// Number of the run of lines that carry the same time stamp. Events of one run are
    /// concurrent.
    pub(crate) stamp: usize,
    /// The name at that moment of who did it.
    pub(crate) name: String,
    /// What they did.
    pub(crate) what: What,
}

/// What somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Said something: an ordinary line, an action or a notice.
    Says(String),
    /// Came into the room.
    Arrives,
    /// Left the room.
    Leaves,
    /// Is now known by another name.
    Renamed(String),
}

/// The file has not a single line in a known form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Log {
    /// Reads the first `limit` lines of a file.
    ///
    /// Bytes that are not UTF-8 are replaced. A file with a line in one of the chat log forms is
    /// read as a chat log, every other file in the plain form: only so can a stray line of a
    /// chat log that happens to contain a colon be told from a spoken line.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if no line among them has a known form.
    pub(crate) fn parse(bytes: &[u8], limit: Option<usize>) -> Result<Self, Malformed> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let lines = || text.lines().take(limit.unwrap_or(usize::MAX));
        let log = if lines().any(|line| irc(line).is_some()) {
            Self::collect(lines().map(irc), false)
        } else {
            Self::collect(lines().map(plain), true)
        };
        if log.events.is_empty() { Err(Malformed) } else { Ok(log) }
    }

    fn collect<'a>(lines: impl Iterator<Item = Option<Known<'a>>>, unstamped: bool) -> Self {
        let mut log = Self { events: Vec::new(), ignored: 0 };
        let mut run = 0_usize;
        let mut stamp = None;
        for (index, known) in lines.enumerate() {
            let Some(known) = known else {
                log.ignored = log.ignored.saturating_add(1);
                continue;
            };
            // A line without a time has that of the line before it.
            let next = known.stamp.map(str::to_owned).or_else(|| stamp.clone());
            if unstamped || next != stamp {
                run = run.saturating_add(1);
                stamp = next;
            }
            log.events.push(Event {
                line: index.saturating_add(1),
                stamp: run,
                name: known.name.to_owned(),
                what: known.what,
            });
        }
        log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(text: &str) -> Vec<usize> {
        Log::parse(text.as_bytes(), None).unwrap().events.iter().map(|event| event.stamp).collect()
    }

    #[test]
    fn lines_without_a_time_have_that_of_the_line_before() {
        assert_eq!(
            stamps(
                "=== ann [a@b]  has joined #c\n[10:00] <ann> hi\n=== bob [c@d]  has joined #c\n\
                 [10:00] <bob> hi\n[10:01] <ann> so\n"
            ),
            [0, 1, 1, 1, 2]
        );
        assert_eq!(
            stamps(
                "chan 2010-11-08 [23:59] <ann> late\nchan 2010-11-09 === ann is now known as bob\n\
                 chan 2010-11-09 [23:59] <bob> the same minute a day later\n"
            ),
            [1, 1, 2]
        );
    }

    #[test]
    fn plain_lines_are_each_their_own() {
        assert_eq!(stamps("* Ann enters\nAnn: hi\nAnn: ho\n"), [1, 2, 3]);
    }

    #[test]
    fn equal_times_are_concurrent_only_in_succession() {
        assert_eq!(stamps("[10:00] <a> x\n[10:01] <b> y\n[10:00] <a> z\n"), [1, 2, 3]);
    }

    #[test]
    fn unknown_lines_are_ignored_and_counted() {
        let log =
            Log::parse(b"--- Log opened: today\n[10:00] <ann> hi\n\nnote: colon\n", None).unwrap();
        assert_eq!((log.events.len(), log.ignored), (1, 3));
        let plain = Log::parse(b"ACT I\nAnn: hi\n\nBob: ho\n* Ann dances\n", None).unwrap();
        assert_eq!((plain.events.len(), plain.ignored), (2, 3));
    }

    #[test]
    fn a_file_without_a_known_line_is_malformed() {
        for text in ["", "\n\n", "no colon here\n", "\u{feff}\n"] {
            assert_eq!(Log::parse(text.as_bytes(), None), Err(Malformed), "{text:?}");
        }
        assert_eq!(Log::parse(b"nothing\nAnn: hi\n", Some(1)), Err(Malformed));
    }

    #[test]
    fn the_limit_counts_lines_of_the_file() {
        let log = Log::parse(b"junk\nAnn: 1\nAnn: 2\nAnn: 3\n", Some(3)).unwrap();
        assert_eq!((log.events.len(), log.ignored), (2, 1));
        assert_eq!(log.events.last().map(|event| event.line), Some(3));
    }

    #[test]
    fn bytes_of_any_kind_are_text() {
        let log = Log::parse(b"[10:00] <ann> caf\xe9\r\n", None).unwrap();
        assert_eq!(log.events.first().unwrap().what, What::Says("caf\u{fffd}".to_owned()));
    }
}
