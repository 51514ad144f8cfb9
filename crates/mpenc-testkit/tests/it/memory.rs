use alloc::collections::BTreeMap;

use mpenc::memory::{MemoryChannel, Room};
use mpenc::{MemberId, PublicKey};
use mpenc_testkit::{Client, Transport};

/// The channel inside one process.
#[derive(Default)]
pub(crate) struct Memory(BTreeMap<String, Room>);

impl Transport for Memory {
    type Channel = MemoryChannel;

    async fn connect(&mut self, room: &str, who: &str) -> Result<Client<MemoryChannel>, String> {
        let room = self.0.entry(room.to_owned()).or_default();
        let member = MemberId::new(who).map_err(|error| error.to_string())?;
        let channel = room.channel(member.clone(), PublicKey::new([7; 32]));
        Ok(Client::new(channel.map_err(|error| error.to_string())?, member))
    }
}
