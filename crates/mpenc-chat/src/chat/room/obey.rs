//! What is typed, and what comes of it.

use mpenc::queue::QueueError;
use mpenc::{MemberId, MemberSet, SendError};

use super::{Request, Room};
use crate::chat::command::{Command, HELP};
use crate::chat::input::BadLine;
use crate::chat::{screen, status};
use crate::keys::{fingerprint, is_fingerprint_of};
use crate::term;

impl Room {
    pub(super) fn typed(&mut self, line: Result<String, BadLine>) {
        let command = match line {
            Ok(line) => Command::parse(&line),
            Err(bad) => Err(bad.to_string()),
        };
        match command {
            Err(sentence) => self.fail(2, &sentence),
            Ok(command) => self.obey(command),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Nothing => {}
            Command::Say(text) => self.say(&text),
            Command::Queue => {
                let text = self.waiting.list(&self.session);
                self.tell(&text);
            }
            Command::Resend(place) => match self.waiting.resend(&self.session, place) {
                Ok(text) => self.tell(&text),
                Err(sentence) => self.fail(1, &sentence),
            },
            Command::Discard(place) => match self.waiting.discard(&self.session, place) {
                Ok(text) => self.tell(&text),
                Err(sentence) => self.fail(2, &sentence),
            },
            Command::Include(members) => self.include(members),
            Command::Exclude(members) => self.exclude(members),
            Command::Refresh => self.request(Request::Refresh),
            Command::Abort => {
                if let Err(error) = self.session.abort() {
                    self.fail(1, &error.to_string());
                }
            }
            Command::Fingerprint => match self.session.view(screen::session_fingerprint) {
                Some(text) => self.tell(&text),
                None => self.fail(1, NO_FINGERPRINT),
            },
            Command::Members => {
                let own = fingerprint(&self.own_key);
                // The session asks for keys while it is locked; so the keys come second here too.
                let keys = &self.keys;
                let text =
                    self.session.view(|session| screen::members(session, &own, &keys.lock()));
                self.tell(&text);
            }
            Command::Status => self.tell(&self.session.view(status::health)),
            Command::Away(away) => match self.session.set_away(away) {
                Ok(()) if away => self.tell("  the others are told that you are away"),
                Ok(()) => self.tell("  the others are told that you are back"),
                Err(error) => self.fail(2, &error.to_string()),
            },
            Command::Info(place) => {
                match self.session.view(|session| screen::info(session, place, self.paint)) {
                    Some(text) => self.tell(&text),
                    None => self.fail(2, &format!("there is no message [{place}]")),
                }
            }
            Command::Verify(member, digits) => self.verify(&member, digits.as_deref()),
            Command::Warnings => {
                let lines: Vec<String> =
                    self.warnings.in_force().map(|text| format!("  ! {text}")).collect();
                if lines.is_empty() {
                    self.tell("  no warnings");
                } else {
                    self.tell(&lines.join("\n"));
                }
            }
            Command::Join => self.request(Request::Join),
            Command::Part => self.part(),
            Command::Help => self.tell(HELP),
        }
    }

    fn say(&mut self, text: &str) {
        match self.waiting.send(&self.session, text) {
            Ok(Some(kept)) => self.tell(&kept),
            Ok(None) => {}
            Err(error @ QueueError::Send(SendError::TooLarge { .. })) => {
                self.fail(2, &error.to_string());
            }
            Err(error) => self.fail(1, &error.to_string()),
        }
        self.tell_resent();
    }

    pub(super) fn tell_resent(&mut self) {
        while let Some(text) = self.waiting.resent() {
            self.tell(&text);
        }
    }

    fn include(&mut self, members: MemberSet) {
        let (channel, present) = self.session.view(|session| {
            (session.channel_members().cloned().unwrap_or_default(), session.members())
        });
        for member in &members {
            let name = term::name(member);
            if self.keys.lock().is_refused(member) {
                self.fail(1, &format!("{name} is refused, since its identity key has changed"));
                return;
            }
            if !channel.contains(member) && !present.contains(member) {
                self.fail(2, &format!("there is nobody called {name} in the room"));
                return;
            }
        }
        self.request(Request::Include(members));
    }

    fn exclude(&mut self, members: MemberSet) {
        let present = self.session.view(mpenc::Session::members);
        if let Some(stranger) = members.difference(&present).iter().next() {
            let name = term::name(stranger);
            self.fail(2, &format!("there is nobody called {name} in the session"));
            return;
        }
        self.request(Request::Exclude(members));
    }

    fn verify(&mut self, member: &MemberId, digits: Option<&str>) {
        let name = term::name(member);
        let known = self.keys.lock().get(member);
        let Some((key, _)) = known else {
            self.fail(2, &format!("no key of anybody called {name} is known"));
            return;
        };
        if digits.is_some_and(|digits| !is_fingerprint_of(digits, &key)) {
            self.fail(
                1,
                &format!("that is not the fingerprint of {name}, which is {}", fingerprint(&key)),
            );
            return;
        }
        self.keys.lock().verify(member);
        self.tell(&format!(
            "* {name} is now marked verified, on your word that this is its fingerprint:\n  {}",
            fingerprint(&key)
        ));
    }
}

const NO_FINGERPRINT: &str = "there is nothing to compare: no session with others, or one of \
profile v1, in which only identity keys can be compared, with /members";
