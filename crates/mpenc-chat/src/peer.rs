//! `mpenc peer`: one member as a process, driven by JSON lines (docs/spec/interop-peer.md).

mod command;
mod event;
mod member;
mod setup;

use core::time::Duration;
use std::io::Write as _;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::sync::mpsc;

use crate::failure::Failure;
use command::{Command, Refusal};
use member::Member;
use setup::Clock;

/// Obeys standard input until it ends.
pub(crate) async fn run() -> Result<(), Failure> {
    let mut lines = lines();
    let mut peer = Peer { member: None, start: Instant::now() };
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            () = peer.due() => {
                let mut events = Vec::new();
                peer.pass(&mut events);
                write(&events)?;
                continue;
            }
        };
        let Some(line) = line else { return Ok(()) };
        if line.as_ref().is_ok_and(|line| line.iter().all(u8::is_ascii_whitespace)) {
            continue;
        }
        let mut events = Vec::new();
        let goes_on = peer.obey(line, &mut events);
        write(&events)?;
        if !goes_on {
            return Ok(());
        }
    }
}

/// Lines from standard input, read in the background; too long ones are errors.
fn lines() -> mpsc::Receiver<Result<Vec<u8>, Refusal>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut input = BufReader::new(tokio::io::stdin());
        loop {
            let mut line = Vec::new();
            let mut bounded = (&mut input).take(MAX_LINE);
            match bounded.read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) if line.ends_with(b"\n") || bounded.limit() > 0 => {
                    if sender.send(Ok(line)).await.is_err() {
                        return;
                    }
                }
                // Where the next command begins is unknown.
                Ok(_) => {
                    let _ =
                        sender.send(Err(Refusal::new("too_long", "the line is too long"))).await;
                    return;
                }
            }
        }
    });
    receiver
}

/// Writes events, one a line, and sends them off.
fn write(events: &[Value]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let mut text = String::new();
    for event in events {
        text.push_str(&event.to_string());
        text.push('\n');
    }
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::check(format!("cannot write events: {error}")))
}

struct Peer {
    /// None before `init`.
    member: Option<Member>,
    start: Instant,
}

impl Peer {
    /// Waits until a timer is due; for ever with a virtual clock.
    async fn due(&self) {
        let wait = self.member.as_ref().filter(|member| member.clock() == Clock::Real);
        let wait = wait.and_then(|member| member.next_timer());
        match wait {
            Some(at) => {
                let wait = Duration::from_millis(at).saturating_sub(self.start.elapsed());
                // One more, since a fraction of a millisecond is not seen.
                tokio::time::sleep(wait.saturating_add(Duration::from_millis(1))).await;
            }
            None => core::future::pending().await,
        }
    }

    /// With a real clock, lets the time that has passed take effect.
    fn pass(&mut self, events: &mut Vec<Value>) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(member) = self.member.as_mut().filter(|member| member.clock() == Clock::Real) {
            member.pass_until(elapsed, events);
        }
    }

    /// Carries out one line, and says so; false if that was the last one.
    fn obey(&mut self, line: Result<Vec<u8>, Refusal>, events: &mut Vec<Value>) -> bool {
        self.pass(events);
        let (id, command) = match line {
            Ok(line) => command::parse(&line),
            Err(refusal) => (Value::Null, Err(refusal)),
        };
        let result = match command {
            Ok(Command::Quit) => return false,
            Ok(command) => self.execute(command, &id, events),
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = result {
            events.push(refusal.event(&id));
        }
        if let Some(member) = &mut self.member {
            member.settle(events);
        }
        let now = self.member.as_ref().map_or(0, Member::now);
        events.push(json!({ "ev": "done", "id": id, "now": now }));
        true
    }

    fn execute(
        &mut self,
        command: Command,
        id: &Value,
        events: &mut Vec<Value>,
    ) -> Result<(), Refusal> {
        match (command, &mut self.member) {
            (Command::Init(setup), member @ None) => {
                self.start = Instant::now();
                let new = Member::new(*setup)?;
                events.push(new.ready());
                *member = Some(new);
                Ok(())
            }
            (Command::Init(_), Some(_)) => {
                Err(Refusal::new("already_initialised", "there is a member already"))
            }
            (_, None) => Err(Refusal::new("not_initialised", "the first command is init")),
            (Command::Channel(event), Some(member)) => member.channel_event(event, events),
            (Command::Action(action), Some(member)) => {
                member.act(action, id, events);
                Ok(())
            }
            (Command::Advance(millis), Some(member)) => member.advance(millis, events),
            (Command::State { secrets }, Some(member)) => {
                events.push(member.state(secrets));
                Ok(())
            }
            (Command::Quit, Some(_)) => Ok(()),
        }
    }
}

/// Longest line: the largest packet, and room for what is around it.
const MAX_LINE: u64 = 1024 * 1024;
