//! A channel inside one process, for tests, examples and simulations: every packet reaches
//! everybody in one order, at once.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mpenc_crypto::PublicKey;
use mpenc_types::limits::MAX_PACKET_LEN;
use mpenc_types::{MemberId, MemberSet};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};

/// A room in memory. Cloning gives another handle to the same room.
///
/// It passes on the identity keys that its clients present, as the relay does. Nothing bounds
/// what a client that does not listen has waiting: it is meant for clients that do.
#[derive(Clone, Debug, Default)]
pub struct Room(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    clients: BTreeMap<MemberId, Client>,
    packets: u64,
}

#[derive(Debug)]
struct Client {
    key: PublicKey,
    events: UnboundedSender<ChannelEvent>,
    inside: bool,
}

/// One client's end of a [`Room`]; leaves it when dropped.
#[derive(Debug)]
pub struct MemoryChannel {
    room: Room,
    name: MemberId,
    events: UnboundedReceiver<ChannelEvent>,
}

impl Room {
    /// An empty room.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A channel for somebody with this name and identity key, still outside the room.
    ///
    /// # Errors
    ///
    /// [`ChannelError`] if the name is in use.
    pub fn channel(&self, name: MemberId, key: PublicKey) -> Result<MemoryChannel, ChannelError> {
        let mut inner = self.lock();
        if inner.clients.contains_key(&name) {
            return Err(ChannelError::new(alloc::format!("the name {name} is in use in the room")));
        }
        let (events, receiver) = unbounded_channel();
        inner.clients.insert(name.clone(), Client { key, events, inside: false });
        Ok(MemoryChannel { room: self.clone(), name, events: receiver })
    }

    /// Number of packets broadcast so far, each counted once.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.lock().packets
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn members(&self) -> MemberSet {
        self.clients.iter().filter(|(_, c)| c.inside).map(|(name, _)| name).collect()
    }

    fn is_inside(&self, name: &MemberId) -> bool {
        self.clients.get(name).is_some_and(|client| client.inside)
    }

    fn tell(&self, name: &MemberId, event: ChannelEvent) {
        if let Some(client) = self.clients.get(name) {
            // Whoever has gone does not need to hear.
            let _ = client.events.send(event);
        }
    }

    fn tell_all(&self, event: &ChannelEvent) {
        for (_, client) in self.clients.iter().filter(|(_, client)| client.inside) {
            let _ = client.events.send(event.clone());
        }
    }

    fn enter(&mut self, name: &MemberId) {
        if self.is_inside(name) {
            return;
        }
        let Some(client) = self.clients.get(name) else { return };
        let key = client.key;
        let enter = MemberSet::of(name);
        self.tell_all(&ChannelEvent::Identity { member: name.clone(), key });
        self.tell_all(&ChannelEvent::Changed { enter, leave: MemberSet::new() });
        let keys: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, client)| client.inside)
            .map(|(member, client)| (member.clone(), client.key))
            .collect();
        for (member, key) in keys {
            self.tell(name, ChannelEvent::Identity { member, key });
        }
        if let Some(client) = self.clients.get_mut(name) {
            client.inside = true;
        }
        self.tell(name, ChannelEvent::Entered { members: self.members() });
    }

    fn leave(&mut self, name: &MemberId) {
        if !self.is_inside(name) {
            return;
        }
        if let Some(client) = self.clients.get_mut(name) {
            client.inside = false;
        }
        self.tell(name, ChannelEvent::Left);
        let leave = MemberSet::of(name);
        self.tell_all(&ChannelEvent::Changed { enter: MemberSet::new(), leave });
    }
}

impl GroupChannel for MemoryChannel {
    async fn request(&mut self, request: ChannelRequest) -> Result<(), ChannelError> {
        let mut inner = self.room.lock();
        match request {
            ChannelRequest::Enter => inner.enter(&self.name),
            ChannelRequest::Leave => inner.leave(&self.name),
            ChannelRequest::Send { bytes, .. } => {
                //= docs/spec/protocol.md#CHN-014
                if inner.is_inside(&self.name) && bytes.len() <= MAX_PACKET_LEN {
                    inner.packets = inner.packets.saturating_add(1);
                    inner.tell_all(&ChannelEvent::Packet { sender: self.name.clone(), bytes });
                }
            }
            ChannelRequest::Change { enter, leave } => {
                if inner.is_inside(&self.name) {
                    leave.iter().for_each(|member| inner.leave(member));
                    enter.iter().for_each(|member| inner.enter(member));
                }
            }
        }
        Ok(())
    }

    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        self.events.recv().await.ok_or_else(|| ChannelError::new("the room is gone"))
    }
}

impl Drop for MemoryChannel {
    fn drop(&mut self) {
        let mut inner = self.room.lock();
        inner.leave(&self.name);
        inner.clients.remove(&self.name);
    }
}
