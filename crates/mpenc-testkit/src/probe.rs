//! A client under observation: a task that reads its events and passes on requests.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mpenc::channel::{ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::{MemberId, MemberSet};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Client;
use crate::packet::{self, Tag};

pub(crate) struct Probe {
    pub(crate) member: MemberId,
    pub(crate) author: u8,
    requests: mpsc::UnboundedSender<ChannelRequest>,
    log: Arc<Mutex<Log>>,
    grown: watch::Receiver<usize>,
    listening: watch::Sender<bool>,
    interrupt: Option<Box<dyn Fn() + Send>>,
    vanish: Option<Box<dyn FnOnce() + Send>>,
    task: JoinHandle<()>,
}

/// What a client was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<Seen>,
    /// How often each packet came.
    counts: BTreeMap<Tag, usize>,
    /// Why there are no more.
    pub(crate) ended: Option<String>,
}

/// An event; of a packet only what is judged, for there may be many and large ones.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    Packet {
        sender: MemberId,
        /// What it says of itself and whether it is whole, if it is one of the kit's.
        read: Option<(Tag, bool)>,
    },
    Other(ChannelEvent),
}

/// Something that members can compare.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    Packet(Tag),
    Entered(MemberId),
    Left(MemberId),
}

impl Log {
    fn add(&mut self, event: ChannelEvent) {
        let seen = if let ChannelEvent::Packet { sender, bytes } = event {
            let read = packet::read(&bytes);
            if let Some((tag, _)) = read {
                let count = self.counts.entry(tag).or_default();
                *count = count.saturating_add(1);
            }
            Seen::Packet { sender, read }
        } else {
            Seen::Other(event)
        };
        self.events.push(seen);
    }

    /// Everything but packets.
    pub(crate) fn others(&self) -> impl Iterator<Item = &ChannelEvent> {
        self.events.iter().filter_map(|seen| match seen {
            Seen::Packet { .. } => None,
            Seen::Other(event) => Some(event),
        })
    }

    /// Packets of the kit with their claimed senders, and whether they are whole.
    pub(crate) fn packets(&self) -> impl Iterator<Item = (&MemberId, Tag, bool)> {
        self.events.iter().filter_map(|seen| match seen {
            Seen::Packet { sender, read } => read.map(|(tag, whole)| (sender, tag, whole)),
            Seen::Other(_) => None,
        })
    }

    pub(crate) fn has_packet(&self, tag: Tag) -> bool {
        self.counts.contains_key(&tag)
    }

    /// Number of different packets of the kit.
    pub(crate) fn different(&self) -> usize {
        self.counts.len()
    }

    /// Number of packets that came more than once.
    pub(crate) fn repeated(&self) -> usize {
        self.counts.values().filter(|count| **count > 1).count()
    }

    /// Everything that others see as well, in order, from the last `Entered` on; what comes
    /// twice, the first time.
    pub(crate) fn items(&self) -> Vec<Item> {
        self.stays().pop().unwrap_or_default()
    }

    /// The same for each stay, from `Entered` to the end or the next `Entered`.
    pub(crate) fn stays(&self) -> Vec<Vec<Item>> {
        let mut stays: Vec<Vec<Item>> = Vec::new();
        let mut found = BTreeSet::new();
        for seen in &self.events {
            let items = match seen {
                Seen::Packet { read, .. } => {
                    read.map(|(tag, _)| Item::Packet(tag)).into_iter().collect()
                }
                Seen::Other(ChannelEvent::Entered { .. }) => {
                    stays.push(Vec::new());
                    found.clear();
                    Vec::new()
                }
                Seen::Other(ChannelEvent::Changed { enter, leave }) => {
                    let left = leave.iter().cloned().map(Item::Left);
                    left.chain(enter.iter().cloned().map(Item::Entered)).collect()
                }
                Seen::Other(_) => Vec::new(),
            };
            for item in items {
                if found.insert(item.clone()) {
                    // Before the first `Entered` there should be nothing.
                    match stays.last_mut() {
                        Some(stay) => stay.push(item),
                        None => stays.push(vec![item]),
                    }
                }
            }
        }
        stays
    }

    /// Whether somebody was told to have left.
    pub(crate) fn has_left(&self, member: &MemberId) -> bool {
        self.others().any(
            |event| matches!(event, ChannelEvent::Changed { leave, .. } if leave.contains(member)),
        )
    }

    /// Who is in the channel by the events so far, if the owner is.
    pub(crate) fn members(&self) -> Option<MemberSet> {
        let mut members: Option<MemberSet> = None;
        for event in self.others() {
            match (event, &mut members) {
                (ChannelEvent::Entered { members: all }, _) => members = Some(all.clone()),
                (ChannelEvent::Left, _) => members = None,
                (ChannelEvent::Changed { enter, leave }, Some(found)) => {
                    *found = found.difference(leave).union(enter);
                }
                _ => {}
            }
        }
        members
    }

    pub(crate) fn left(&self) -> usize {
        self.others().filter(|event| matches!(event, ChannelEvent::Left)).count()
    }

    /// Whether the owner was told that it is out, or that the channel has ended.
    pub(crate) fn stay_is_over(&self) -> bool {
        self.left() > 0 || self.ended.is_some()
    }
}

impl Probe {
    pub(crate) fn new<C: GroupChannel>(client: Client<C>, author: u8) -> Self {
        let Client { channel, member, interrupt, vanish } = client;
        let (requests, receiver) = mpsc::unbounded_channel();
        let (growing, grown) = watch::channel(0);
        let (listening, listens) = watch::channel(true);
        let log = Arc::new(Mutex::new(Log::default()));
        let task = tokio::spawn(observe(channel, receiver, Arc::clone(&log), growing, listens));
        Self { member, author, requests, log, grown, listening, interrupt, vanish, task }
    }

    pub(crate) fn request(&self, request: ChannelRequest) {
        // A channel that has ended says so in the log.
        let _ = self.requests.send(request);
    }

    pub(crate) fn send(&self, number: u32, len: usize) {
        let bytes = packet::make(self.tag(number), len);
        self.request(ChannelRequest::Send { recipients: MemberSet::new(), bytes });
    }

    pub(crate) fn tag(&self, number: u32) -> Tag {
        Tag { author: self.author, number }
    }

    pub(crate) fn remove(&self, member: &MemberId) {
        let leave = MemberSet::of(member);
        self.request(ChannelRequest::Change { enter: MemberSet::new(), leave });
    }

    /// Reads no events for a while, or goes on.
    pub(crate) fn listen(&self, on: bool) {
        self.listening.send_replace(on);
    }

    /// Breaks the connection; false if there is no way to.
    pub(crate) fn interrupt(&self) -> bool {
        self.interrupt.as_ref().map(|interrupt| interrupt()).is_some()
    }

    /// Cuts it off without a word, if there is a way to; then it is still there, and hears and
    /// says nothing. Else it is dropped.
    pub(crate) fn vanish(mut self) -> Option<Self> {
        let vanish = self.vanish.take()?;
        vanish();
        Some(self)
    }

    pub(crate) fn log(&self) -> Log {
        lock(&self.log).clone()
    }

    /// Waits until the log is as wished; false if it was not in time.
    pub(crate) async fn until(&self, patience: Duration, wished: impl Fn(&Log) -> bool) -> bool {
        let mut grown = self.grown.clone();
        let waiting = async {
            loop {
                grown.mark_unchanged();
                if wished(&lock(&self.log)) {
                    return true;
                }
                if grown.changed().await.is_err() {
                    return wished(&lock(&self.log));
                }
            }
        };
        timeout(patience, waiting).await.unwrap_or_else(|_| wished(&lock(&self.log)))
    }

    /// Enters and waits for it.
    pub(crate) async fn enter(&self, patience: Duration) -> bool {
        self.request(ChannelRequest::Enter);
        self.until(patience, |log| log.members().is_some()).await
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // The channel with it.
        self.task.abort();
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn observe(
    mut channel: impl GroupChannel,
    mut requests: mpsc::UnboundedReceiver<ChannelRequest>,
    log: Arc<Mutex<Log>>,
    growing: watch::Sender<usize>,
    mut listens: watch::Receiver<bool>,
) {
    let ended = loop {
        let listening = *listens.borrow_and_update();
        tokio::select! {
            event = channel.next_event(), if listening => match event {
                Ok(event) => {
                    lock(&log).add(event);
                    growing.send_modify(|count| *count = count.saturating_add(1));
                }
                Err(error) => break error.to_string(),
            },
            request = requests.recv() => {
                let Some(request) = request else { return };
                if let Err(error) = channel.request(request).await {
                    break error.to_string();
                }
            }
            changed = listens.changed() => if changed.is_err() { return },
        }
    };
    lock(&log).ended = Some(ended);
    growing.send_modify(|count| *count = count.saturating_add(1));
}
