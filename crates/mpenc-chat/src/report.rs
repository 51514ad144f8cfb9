//! What a demo or replay amounts to in the end.

use serde::Serialize;

use crate::failure::Failure;
use crate::term;

/// The counts and checks of one run. All are counted, none is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Report {
    /// People that took part.
    pub(crate) members: usize,
    /// Membership operations that were completed.
    pub(crate) operations: usize,
    /// Lines that were sent.
    pub(crate) messages: usize,
    /// Lines of people that did not take part, or that nobody could have heard.
    pub(crate) skipped: usize,
    /// Lines of the file that say nothing we know.
    pub(crate) ignored: usize,
    /// Messages that every reader is known, by everybody, to have.
    pub(crate) fully_acked: usize,
    /// Whether all transcripts are equal as graphs, over the messages that both could see.
    pub(crate) transcripts_equal: bool,
    /// Whether what was received is what the file says.
    pub(crate) content_equal: bool,
    /// Connections that broke, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disconnections: Option<usize>,
    /// Packets sent to the channel, each counted once.
    pub(crate) packets: u64,
    /// Bytes of these packets.
    pub(crate) bytes: u64,
    /// How long it took.
    pub(crate) wall_seconds: f64,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

impl Report {
    /// Prints the last line, and hands the result on.
    ///
    /// # Errors
    ///
    /// `result` as it is.
    pub(crate) fn conclude(
        mut self,
        command: &str,
        json: bool,
        result: Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.error = result.as_ref().err().map(|failure| term::escape(&failure.to_string()));
        if json {
            // A report is plain data, which always has a representation.
            term::say(&serde_json::to_string(&self).unwrap_or_default());
        } else {
            match (&result, &self.error) {
                (Ok(()), _) => term::say(&format!("{command}: OK: {}", self.sentence(command))),
                (Err(Failure::Check(_)), Some(error)) => {
                    term::say(&format!("{command}: FAILED: {error}"));
                }
                (Err(_), _) => {}
            }
        }
        result
    }

    fn sentence(&self, command: &str) -> String {
        let Self { members, messages, operations, skipped, ignored, packets, bytes, .. } = self;
        let broken = match self.disconnections {
            Some(count) => format!(", {} and everybody back", term::count(count, "disconnection")),
            None => String::new(),
        };
        let counts = format!(
            "{members} members, {messages} messages, all fully acknowledged, \
             {operations} membership operations{broken}"
        );
        if command == DEMO {
            return counts;
        }
        format!(
            "{counts}, all transcripts equal to each other and to the file; {skipped} lines \
             skipped, {ignored} ignored; {packets} packets, {bytes} bytes, {:.1} seconds",
            self.wall_seconds
        )
    }

    /// Fails unless everything that the counts should show is so.
    ///
    /// # Errors
    ///
    /// The first check that fails.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let Self { messages, fully_acked, .. } = self;
        if !self.transcripts_equal {
            return Err(Failure::check("the transcripts differ"));
        }
        if !self.content_equal {
            return Err(Failure::check("what was received is not what was said"));
        }
        if fully_acked != messages {
            return Err(Failure::check(format!(
                "only {fully_acked} of {messages} messages are fully acknowledged"
            )));
        }
        Ok(())
    }
}

/// The command whose last line is the shortest.
pub(crate) const DEMO: &str = "demo";

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Report {
        Report {
            members: 5,
            operations: 8,
            messages: 14,
            fully_acked: 14,
            transcripts_equal: true,
            content_equal: true,
            ..Report::default()
        }
    }

    #[test]
    fn the_last_line_of_the_demo() {
        assert_eq!(
            good().sentence(DEMO),
            "5 members, 14 messages, all fully acknowledged, 8 membership operations"
        );
    }

    #[test]
    fn the_last_line_of_a_replay_with_chaos() {
        let report = Report { disconnections: Some(3), ..good() };
        let line = report.sentence("replay");
        let expect = "8 membership operations, 3 disconnections and everybody back, all";
        assert!(line.contains(expect), "{line}");
        assert_eq!(serde_json::to_value(&report).unwrap()["disconnections"], 3);
    }

    #[test]
    fn every_check_counts() {
        assert_eq!(good().check(), Ok(()));
        for bad in [
            Report { transcripts_equal: false, ..good() },
            Report { content_equal: false, ..good() },
            Report { fully_acked: 13, ..good() },
        ] {
            assert!(matches!(bad.check(), Err(Failure::Check(_))));
        }
    }

    #[test]
    fn the_object_has_the_promised_members() {
        let value = serde_json::to_value(Report { error: Some("x".into()), ..good() }).unwrap();
        for key in [
            "members",
            "operations",
            "messages",
            "skipped",
            "ignored",
            "fully_acked",
            "transcripts_equal",
            "content_equal",
            "packets",
            "bytes",
            "wall_seconds",
            "error",
        ] {
            assert!(value.get(key).is_some(), "{key}");
        }
        assert!(serde_json::to_value(good()).unwrap().get("error").is_none());
    }
}
