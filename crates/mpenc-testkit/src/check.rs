//! What the kit does with its clients.

mod conversation;
mod interruption;
mod requests;
mod trouble;

use core::time::Duration;

use crate::probe::Probe;
use crate::report::{Report, Verdict};
use crate::{Kit, Transport};

pub(crate) async fn run<T: Transport>(kit: &Kit, transport: &mut T) -> Report {
    let mut report = Report::default();
    let mut stage = Stage { kit, transport, rooms: 0 };
    let stages = [
        (conversation::LOOKS_AT, conversation::run(&mut stage, &mut report).await),
        (requests::LOOKS_AT, requests::run(&mut stage, &mut report).await),
        (requests::SIZES_LOOK_AT, requests::sizes(&mut stage, &mut report).await),
        (trouble::VANISHING_LOOKS_AT, trouble::vanish(&mut stage, &mut report).await),
        (interruption::LOOKS_AT, interruption::run(&mut stage, &mut report).await),
        (trouble::SLOW_READER_LOOKS_AT, trouble::slow_reader(&mut stage, &mut report).await),
        (trouble::FLOOD_LOOKS_AT, trouble::flood(&mut stage, &mut report).await),
    ];
    for (guarantees, result) in stages {
        if let Err(why) = result {
            for guarantee in guarantees {
                report.note(*guarantee, Verdict::NotSeen(why.clone()));
            }
        }
    }
    report
}

/// Where clients come from.
struct Stage<'a, T> {
    kit: &'a Kit,
    transport: &'a mut T,
    rooms: u32,
}

/// Names of the clients; who is used for what follows from the order of use.
const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

impl<T: Transport> Stage<'_, T> {
    fn patience(&self) -> Duration {
        self.kit.patience
    }

    fn new_room(&mut self) -> String {
        self.rooms = self.rooms.saturating_add(1);
        format!("kit{}", self.rooms)
    }

    async fn connect(&mut self, room: &str, author: u8) -> Result<Probe, String> {
        let name = NAMES.get(usize::from(author)).copied().unwrap_or("extra");
        let client = self.transport.connect(room, name).await;
        client.map(|client| Probe::new(client, author)).map_err(|why| format!("no client: {why}"))
    }

    /// Clients, who have entered one after the other, and their room.
    async fn company<const N: usize>(&mut self) -> Result<(String, [Probe; N]), String> {
        let room = self.new_room();
        let mut probes: Vec<Probe> = Vec::new();
        for author in (0..).take(N) {
            let probe = self.connect(&room, author).await?;
            if !probe.enter(self.patience()).await {
                let log = probe.log();
                let why = log.ended.unwrap_or_else(|| "it was not let in".to_owned());
                return Err(format!("{} could not enter: {why}", probe.member));
            }
            probes.push(probe);
        }
        let probes = probes.try_into().map_err(|_| "no company".to_owned())?;
        Ok((room, probes))
    }
}
