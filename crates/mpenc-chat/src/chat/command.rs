//! What a typed line means.

use mpenc::{MemberId, MemberSet};

/// A typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Nothing at all.
    Nothing,
    /// A message.
    Say(String),
    /// Include these.
    Include(MemberSet),
    /// Exclude these.
    Exclude(MemberSet),
    /// Renew the keys.
    Refresh,
    /// End the change of membership that is under way.
    Abort,
    /// Show what all members can compare.
    Fingerprint,
    /// List the members.
    Members,
    /// Whether anything is missing.
    Status,
    /// Say that we are away, or back.
    Away(bool),
    /// Tell about a message, by its number from 1.
    Info(usize),
    /// The user has compared the fingerprint of this member, or gives it to be compared.
    Verify(MemberId, Option<String>),
    /// List the warnings that are in force.
    Warnings,
    /// List the texts that wait.
    Queue,
    /// Send the text that waits at this place of the list, from 1.
    Resend(usize),
    /// Give up the text that waits at this place of the list, from 1.
    Discard(usize),
    /// Enter the room again.
    Join,
    /// Leave.
    Part,
    /// List the commands.
    Help,
}

impl Command {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in one sentence.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        if line.trim().is_empty() {
            return Ok(Self::Nothing);
        }
        // A second slash is for messages that begin with one.
        if let Some(text) = line.strip_prefix("//") {
            return Ok(Self::Say(format!("/{text}")));
        }
        if !line.starts_with('/') {
            return Ok(Self::Say(line.to_owned()));
        }
        let mut words = words(line)?.into_iter();
        let verb = words.next().unwrap_or_default();
        let words: Vec<String> = words.collect();
        let alone = |command: Self| match words.as_slice() {
            [] => Ok(command),
            _ => Err(format!("{verb} takes nothing after it")),
        };
        match verb.as_str() {
            "/include" => Ok(Self::Include(members(&verb, &words)?)),
            "/exclude" => Ok(Self::Exclude(members(&verb, &words)?)),
            "/refresh" => alone(Self::Refresh),
            "/abort" => alone(Self::Abort),
            "/fingerprint" => alone(Self::Fingerprint),
            "/members" => alone(Self::Members),
            "/status" => alone(Self::Status),
            "/away" => alone(Self::Away(true)),
            "/back" => alone(Self::Away(false)),
            "/info" => match words.as_slice() {
                [number] => match number.trim_matches(['[', ']']).parse() {
                    Ok(number) if number > 0 => Ok(Self::Info(number)),
                    _ => Err(format!("{number} is not the number of a message")),
                },
                _ => Err("/info takes the number of a message".to_owned()),
            },
            "/verify" => match words.split_first() {
                Some((name, digits)) => {
                    let digits = digits.concat();
                    let member = member(name)?;
                    Ok(Self::Verify(member, Some(digits).filter(|digits| !digits.is_empty())))
                }
                None => Err("/verify takes a name".to_owned()),
            },
            "/warnings" => alone(Self::Warnings),
            "/queue" => alone(Self::Queue),
            "/resend" => Ok(Self::Resend(place(&verb, &words)?)),
            "/discard" => Ok(Self::Discard(place(&verb, &words)?)),
            "/join" => alone(Self::Join),
            "/part" | "/quit" => alone(Self::Part),
            "/help" => alone(Self::Help),
            _ => Err(format!("there is no command {verb}; /help lists them")),
        }
    }
}

/// A place in the list of texts that wait, from 1.
fn place(verb: &str, words: &[String]) -> Result<usize, String> {
    match words {
        [number] => match number.trim_matches(['(', ')']).parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("{number} is not the number of a text that waits")),
        },
        _ => Err(format!("{verb} takes the number of a text that waits; /queue lists them")),
    }
}

fn members(verb: &str, words: &[String]) -> Result<MemberSet, String> {
    if words.is_empty() {
        return Err(format!("{verb} takes a name"));
    }
    words.iter().map(|name| member(name)).collect()
}

fn member(name: &str) -> Result<MemberId, String> {
    MemberId::new(name).map_err(|error| error.to_string())
}

/// Words separated by white space; a word in double quotes may hold any character, `\"` and `\\`
/// among them.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut letters = line.chars().peekable();
    loop {
        while letters.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(first) = letters.next() else { return Ok(words) };
        let mut word = String::new();
        if first == '"' {
            loop {
                match letters.next() {
                    Some('"') => break,
                    Some('\\') => word.extend(letters.next()),
                    Some(c) => word.push(c),
                    None => return Err("a quotation mark is missing".to_owned()),
                }
            }
        } else {
            word.push(first);
            while let Some(c) = letters.next_if(|c| !c.is_whitespace()) {
                word.push(c);
            }
        }
        words.push(word);
    }
}

/// What `/help` says.
pub(super) const HELP: &str = "\
  text             say it to the members (// begins a message with one /)
  /include NAME…   let people who are in the room into the session
  /exclude NAME…   take members out of the session and out of the room
  /refresh         renew the keys
  /abort           end the change of membership that is under way
  /fingerprint     digits that all members compare, to know that nobody is in between
  /members         who can read, who is there, who waits, and their fingerprints
  /status          whether anything is missing, here or with others
  /away, /back     tell the others that you are away, or there again
  /info N          about message N: what it answers, its readers, who has not acknowledged it
  /verify NAME     you compared NAME's fingerprint by another way: trust the key
                   (/verify NAME FINGERPRINT trusts it only if it is that one)
  /warnings        what is not right at the moment, and what other members report
  /queue           what you wrote that waits, or did not reach everybody, and why
  /resend N        send what waits at place N of /queue
  /discard N       give up what waits at place N of /queue
  /join            enter the room again after leaving it
  /part, /quit     say farewell and leave; so do Ctrl-D and Ctrl-C
  /help            this list
  Put names with spaces in double quotes.";

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> MemberId {
        MemberId::new(name).unwrap()
    }

    #[test]
    fn lines_are_understood() {
        fn check(line: &str, expect: Command) {
            assert_eq!(Command::parse(line), Ok(expect), "{line:?}");
        }
        check("", Command::Nothing);
        check("  ", Command::Nothing);
        check("hello /there", Command::Say("hello /there".to_owned()));
        check("//etc/passwd", Command::Say("/etc/passwd".to_owned()));
        check("/include bob", Command::Include(MemberSet::of(&id("bob"))));
        check("/exclude bob  cid ", Command::Exclude([id("bob"), id("cid")].iter().collect()));
        check("/include \"First Clown\"", Command::Include(MemberSet::of(&id("First Clown"))));
        check(r#"/include "a\"b\\""#, Command::Include(MemberSet::of(&id("a\"b\\"))));
        check("/refresh", Command::Refresh);
        check("/abort", Command::Abort);
        check("/fingerprint", Command::Fingerprint);
        check("/members", Command::Members);
        check("/info 3", Command::Info(3));
        check("/info [3]", Command::Info(3));
        check("/verify bob", Command::Verify(id("bob"), None));
        check("/verify bob ab12 cd34", Command::Verify(id("bob"), Some("ab12cd34".to_owned())));
        check("/part", Command::Part);
        check("/quit", Command::Part);
        check("/help", Command::Help);
        check("/warnings", Command::Warnings);
        check("/queue", Command::Queue);
        check("/resend 2", Command::Resend(2));
        check("/discard (1)", Command::Discard(1));
        check("/join", Command::Join);
    }

    #[test]
    fn what_is_wrong_is_one_sentence() {
        fn check(line: &str, expect: &str) {
            assert_eq!(Command::parse(line), Err(expect.to_owned()), "{line:?}");
        }
        check("/sing", "there is no command /sing; /help lists them");
        check("/include", "/include takes a name");
        check("/verify", "/verify takes a name");
        check("/info", "/info takes the number of a message");
        check("/info x", "x is not the number of a message");
        check("/info 0", "0 is not the number of a message");
        check("/resend", "/resend takes the number of a text that waits; /queue lists them");
        check("/discard 0", "0 is not the number of a text that waits");
        check("/part now", "/part takes nothing after it");
        check("/include \"bob", "a quotation mark is missing");
        check("/include \"\"", "a member name must not be empty");
        check("/include b\u{7}b", "a member name must not contain control characters");
    }

    #[test]
    fn help_names_every_command() {
        for verb in [
            "/include",
            "/exclude",
            "/refresh",
            "/abort",
            "/fingerprint",
            "/members",
            "/status",
            "/away",
            "/back",
            "/info",
            "/verify",
            "/warnings",
            "/queue",
            "/resend",
            "/discard",
            "/join",
            "/part",
            "/quit",
            "/help",
        ] {
            assert!(HELP.contains(verb), "{verb}");
        }
    }
}
