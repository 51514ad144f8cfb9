//! The real server order, taken apart so that states can be compared and renamed, and put together
//! again through its public interface.

use mpenc_transcript::order::{
    Accepted, InitialPacket, OrderHash, OrderReject, PacketRole, Phase, ServerOrder,
};
use mpenc_types::{ChainHash, MemberSet, PacketId};

use super::ids::{Renaming, start_id};

/// Where a member stands in the order of operations.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Order {
    place: Place,
    blacklist: Vec<PacketId>,
    /// Accepted packets that could come again, oldest first.
    accepted: Vec<PacketId>,
}

/// [`Phase`], comparable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Place {
    Unsynced(Option<(PacketId, ChainHash)>),
    Idle(PacketId, ChainHash, Option<PacketId>),
    /// The final packet before, the initial packet, the chain hash.
    InOperation(PacketId, PacketId, ChainHash),
}

impl Order {
    pub(super) const fn new() -> Self {
        Self { place: Place::Unsynced(None), blacklist: Vec::new(), accepted: Vec::new() }
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    pub(super) const fn is_synced(&self) -> bool {
        !matches!(self.place, Place::Unsynced(_))
    }

    pub(super) const fn prev_final(&self) -> Option<PacketId> {
        match self.place {
            Place::Unsynced(_) => None,
            Place::Idle(last, ..) | Place::InOperation(last, ..) => Some(last),
        }
    }

    pub(super) const fn prev_initial(&self) -> Option<PacketId> {
        match self.place {
            Place::Unsynced(_) | Place::Idle(..) => None,
            Place::InOperation(_, initial, _) => Some(initial),
        }
    }

    pub(super) const fn chain(&self) -> Option<ChainHash> {
        match self.place {
            Place::Unsynced(_) => None,
            Place::Idle(_, chain, _) | Place::InOperation(_, _, chain) => Some(chain),
        }
    }

    pub(super) fn sync_new(&mut self, prev_final: PacketId, hash: &dyn OrderHash) {
        self.change(|table| table.sync_new(prev_final, hash));
    }

    pub(super) fn unsync(&mut self) {
        self.change(ServerOrder::unsync_after_failed_first_op);
    }

    pub(super) fn initial(
        &mut self,
        id: PacketId,
        packet: InitialPacket<'_>,
        hash: &dyn OrderHash,
    ) -> Result<Accepted, OrderReject> {
        self.packet(|table| table.accept_initial(id, packet, hash))
    }

    pub(super) fn end(
        &mut self,
        id: PacketId,
        initial: PacketId,
        hash: &dyn OrderHash,
    ) -> Result<Accepted, OrderReject> {
        self.packet(|table| table.accept_final(id, initial, hash))
    }

    pub(super) fn leave(
        &mut self,
        id: PacketId,
        hash: &dyn OrderHash,
    ) -> Result<Accepted, OrderReject> {
        self.packet(|table| table.accept_leave(id, hash))
    }

    fn packet(
        &mut self,
        ask: impl FnOnce(&mut ServerOrder) -> Result<Accepted, OrderReject>,
    ) -> Result<Accepted, OrderReject> {
        let result = self.change(ask);
        if let Ok(accepted) = &result {
            self.accepted.push(accepted.id);
        }
        result
    }

    fn change<T>(&mut self, act: impl FnOnce(&mut ServerOrder) -> T) -> T {
        let mut table = self.table();
        let result = act(&mut table);
        self.place = place(table.phase());
        self.blacklist = table.blacklist().collect();
        result
    }

    /// Whether putting the table together gives what was taken apart.
    pub(super) fn is_faithful(&self) -> bool {
        let table = self.table();
        place(table.phase()) == self.place && table.blacklist().eq(self.blacklist.iter().copied())
    }

    fn table(&self) -> ServerOrder {
        let mut table = ServerOrder::new();
        match self.place {
            Place::Unsynced(None) => {}
            Place::Unsynced(Some((last, chain))) => {
                let before = self.blacklist.first().copied().unwrap_or(last);
                self.replay(&mut table, before, None, Some(last), chain);
                table.unsync_after_failed_first_op();
            }
            Place::Idle(last, chain, None) => {
                table.sync_new(last, &Always(chain));
            }
            Place::Idle(last, chain, Some(before)) => {
                self.replay(&mut table, before, None, Some(last), chain);
            }
            Place::InOperation(before, initial, chain) => {
                self.replay(&mut table, before, Some(initial), None, chain);
            }
        }
        let nobody = MemberSet::new();
        for id in &self.blacklist {
            let packet = InitialPacket { names_owner: false, ..any(*id, &nobody) };
            // It is refused, and remembered.
            let _ = table.accept_initial(start_id(u16::MAX), packet, &Always(NOTHING));
        }
        table
    }

    /// Accepts what was accepted, and after `before` the last operation.
    fn replay(
        &self,
        table: &mut ServerOrder,
        before: PacketId,
        initial: Option<PacketId>,
        last: Option<PacketId>,
        chain: ChainHash,
    ) {
        let nobody = MemberSet::new();
        let apart = [Some(before), initial, last];
        let earlier = self.accepted.iter().filter(|id| !apart.contains(&Some(**id)));
        let mut at = start_id(u16::MAX);
        table.sync_new(at, &Always(NOTHING));
        for id in earlier.chain([&before]) {
            let packet = InitialPacket { is_final: true, ..any(at, &nobody) };
            if table.accept_initial(*id, packet, &Always(NOTHING)).is_ok() {
                at = *id;
            }
        }
        let initial = initial.unwrap_or(start_id(u16::MAX - 1));
        let hash = Always(chain);
        if table.accept_initial(initial, any(before, &nobody), &hash).is_ok()
            && let Some(last) = last
        {
            let _ = table.accept_final(last, initial, &hash);
        }
    }

    pub(super) fn rename(&mut self, names: &mut Renaming<'_>) {
        match &mut self.place {
            Place::Unsynced(None) => {}
            Place::Unsynced(Some((id, chain))) => {
                names.id(id);
                names.chain(chain);
            }
            Place::Idle(last, chain, before) => {
                names.id(last);
                names.chain(chain);
                before.iter_mut().for_each(|id| names.id(id));
            }
            Place::InOperation(before, initial, chain) => {
                names.id(before);
                names.id(initial);
                names.chain(chain);
            }
        }
        self.blacklist.iter_mut().for_each(|id| names.id(id));
        self.accepted.retain(|id| names.is_live(id));
        self.accepted.iter_mut().for_each(|id| names.id(id));
    }
}

const fn place(phase: Phase) -> Place {
    match phase {
        Phase::Unsynced { last } => Place::Unsynced(last),
        Phase::Idle { prev_final, chain, before } => Place::Idle(prev_final, chain, before),
        Phase::InOperation { prev_final, prev_initial, chain } => {
            Place::InOperation(prev_final, prev_initial, chain)
        }
    }
}

/// An initial packet to which there is no objection.
const fn any(prev_final: PacketId, nobody: &MemberSet) -> InitialPacket<'_> {
    InitialPacket {
        prev_final,
        prev_chain: NOTHING,
        binds_chain: false,
        names_owner: true,
        initiator_is_member: true,
        is_final: false,
        targets: nobody,
        channel: nobody,
    }
}

/// A chain hash that is given.
struct Always(ChainHash);

impl OrderHash for Always {
    fn start(&self, _: &PacketId) -> ChainHash {
        self.0
    }

    fn extend(&self, _: &ChainHash, _: &PacketId, _: PacketRole) -> ChainHash {
        self.0
    }
}

const NOTHING: ChainHash = ChainHash::new([u8::MAX; 32]);
