//! Identifiers of packets and chain hashes that can be read and renamed.
//!
//! The real ones are hashes, of which the order of operations uses nothing but whether two are
//! equal. Here an identifier spells out what would be hashed, and a chain hash is the place of
//! its last step in a table of steps, so equal inputs give equal values and different ones
//! different values.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use mpenc_transcript::order::{OrderHash, PacketRole};
use mpenc_types::{ChainHash, PacketId};

use super::group::Group;
use super::packet::Packet;

const START: u8 = 1;
const INITIAL: u8 = 2;
const PART: u8 = 3;
const ABORT: u8 = 4;
const LEAVE: u8 = 5;
const OLD: u8 = 6;

fn spell(kind: u8, number: u16, rest: [u8; 4]) -> PacketId {
    let mut bytes = [0; 32];
    let [high, low] = number.to_be_bytes();
    let spelt = [kind, high, low].into_iter().chain(rest);
    bytes.iter_mut().zip(spelt).for_each(|(to, from)| *to = from);
    PacketId::new(bytes)
}

fn read(id: &PacketId) -> (u8, u16, [u8; 4]) {
    let [kind, high, low, a, b, c, d, ..] = *id.as_bytes();
    (kind, u16::from_be_bytes([high, low]), [a, b, c, d])
}

/// The random value with which a member begins alone (ORD-006).
pub(super) fn start_id(number: u16) -> PacketId {
    spell(START, number, [0; 4])
}

/// A packet's identifier: its sender, the channel's members and its content (ORD-003).
//= docs/spec/protocol.md#ORD-003
pub(super) fn packet_id(sender: u8, channel: Group, packet: &Packet) -> PacketId {
    let (kind, round) = match packet {
        Packet::Initial(_) => (INITIAL, 0),
        Packet::Part { round, .. } => (PART, *round),
        Packet::Abort { .. } => (ABORT, 0),
    };
    spell(kind, packet.operation(), [sender, channel.bits(), round, 0])
}

/// The identifier of a leave pseudo-packet (ORD-005).
pub(super) fn leave_id(initial: &PacketId, leavers: Group, remaining: Group) -> PacketId {
    let (_, number, [sender, channel, ..]) = read(initial);
    spell(LEAVE, number, [sender, channel, leavers.bits(), remaining.bits()])
}

/// What a packet claims to end when the member does not know the operation.
pub(super) fn foreign_id(operation: u16) -> PacketId {
    spell(INITIAL, operation, [u8::MAX, 0, 0, 0])
}

/// The operation that a packet belongs to, unless that is long past.
fn operation(id: &PacketId) -> Option<u16> {
    let (kind, number, _) = read(id);
    matches!(kind, INITIAL | PART | ABORT | LEAVE).then_some(number)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Step {
    Start(PacketId),
    /// Something that cannot be computed any more.
    Old(u16),
    Next(ChainHash, PacketId, PacketRole),
}

/// All chain hashes there are.
#[derive(Debug, Default)]
pub(super) struct Chains {
    table: RefCell<(Vec<Step>, BTreeMap<Step, ChainHash>)>,
}

impl Chains {
    fn of(&self, step: Step) -> ChainHash {
        let mut table = self.table.borrow_mut();
        if let Some(known) = table.1.get(&step) {
            return *known;
        }
        let place = u32::try_from(table.0.len()).unwrap_or(u32::MAX);
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(place.to_be_bytes()).for_each(|(to, from)| *to = from);
        let hash = ChainHash::new(bytes);
        table.0.push(step);
        table.1.insert(step, hash);
        hash
    }

    fn step(&self, hash: &ChainHash) -> Step {
        let [a, b, c, d, ..] = *hash.as_bytes();
        let place = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        self.table.borrow().0.get(place).copied().unwrap_or(Step::Old(u16::MAX))
    }
}

//= docs/spec/protocol.md#ORD-004
impl OrderHash for Chains {
    fn start(&self, prev_final: &PacketId) -> ChainHash {
        self.of(Step::Start(*prev_final))
    }

    fn extend(&self, prev: &ChainHash, id: &PacketId, role: PacketRole) -> ChainHash {
        self.of(Step::Next(*prev, *id, role))
    }
}

/// Gives identifiers new names in the order in which a state mentions them, so that states which
/// differ in nothing else become one.
///
/// Identifiers of operations that nothing under way mentions can only be compared with each other
/// from now on, never be computed again: of those nothing but the name is kept. A chain hash keeps
/// its steps from the first one that could still be computed by somebody.
pub(super) struct Renaming<'a> {
    chains: &'a Chains,
    live: BTreeSet<u16>,
    operations: Vec<u16>,
    old_ids: Vec<PacketId>,
    old_chains: Vec<ChainHash>,
}

impl<'a> Renaming<'a> {
    /// `live` are the operations of which packets are under way.
    pub(super) fn new(chains: &'a Chains, live: BTreeSet<u16>) -> Self {
        let (operations, old_ids, old_chains) = Default::default();
        Self { chains, live, operations, old_ids, old_chains }
    }

    /// Whether packets of this operation may still come.
    pub(super) fn is_live(&self, id: &PacketId) -> bool {
        operation(id).is_some_and(|number| self.live.contains(&number))
    }

    pub(super) fn operation(&mut self, number: &mut u16) {
        *number = place_of(&mut self.operations, *number);
    }

    pub(super) fn id(&mut self, id: &mut PacketId) {
        if self.is_live(id) {
            let (kind, mut number, rest) = read(id);
            self.operation(&mut number);
            *id = spell(kind, number, rest);
        } else {
            *id = spell(OLD, place_of(&mut self.old_ids, *id), [0; 4]);
        }
    }

    pub(super) fn chain(&mut self, chain: &mut ChainHash) {
        let mut steps = Vec::new();
        let mut base = *chain;
        // Where the last live step begins, counted from the end.
        let mut live = 0;
        while let Step::Next(prev, id, role) = self.chains.step(&base) {
            steps.push((prev, id, role));
            if self.is_live(&id) {
                live = steps.len();
            }
            base = prev;
        }
        steps.truncate(live);
        let base = steps.last().map_or(*chain, |(prev, ..)| *prev);
        let mut renamed = self.chains.of(Step::Old(place_of(&mut self.old_chains, base)));
        for (_, mut id, role) in steps.into_iter().rev() {
            self.id(&mut id);
            renamed = self.chains.extend(&renamed, &id, role);
        }
        *chain = renamed;
    }

    /// A number that no operation has.
    pub(super) fn fresh(&self) -> u16 {
        u16::try_from(self.operations.len()).unwrap_or(u16::MAX)
    }
}

fn place_of<T: PartialEq>(known: &mut Vec<T>, value: T) -> u16 {
    let place = known.iter().position(|old| *old == value).unwrap_or_else(|| {
        known.push(value);
        known.len() - 1
    });
    u16::try_from(place).unwrap_or(u16::MAX)
}
