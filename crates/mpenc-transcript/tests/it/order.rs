//! The rules of the server order, one by one.

use mpenc_transcript::order::{
    Accepted, InitialPacket, MAX_BLACKLIST, MAX_REMEMBERED, OrderReject, PacketRole, ServerOrder,
};
use mpenc_types::{ChainHash, MemberSet, PacketId};

use crate::support::*;
use crate::vectors::V1;

/// A packet identifier from a small number.
pub(crate) fn pid(n: u32) -> PacketId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    PacketId::new(bytes)
}

pub(crate) fn chain(n: u8) -> ChainHash {
    ChainHash::new([n; 32])
}

/// A proposal of a member, for members that are all there.
#[derive(Clone)]
pub(crate) struct Proposal {
    pub(crate) prev_final: PacketId,
    pub(crate) prev_chain: ChainHash,
    pub(crate) binds_chain: bool,
    pub(crate) names_owner: bool,
    pub(crate) by_member: bool,
    pub(crate) is_final: bool,
    pub(crate) targets: MemberSet,
    pub(crate) channel: MemberSet,
}

impl Proposal {
    pub(crate) fn after(prev_final: PacketId) -> Self {
        Self {
            prev_final,
            prev_chain: chain(0xcc),
            binds_chain: false,
            names_owner: true,
            by_member: true,
            is_final: false,
            targets: members("a b c"),
            channel: members("a b c d"),
        }
    }

    pub(crate) fn packet(&self) -> InitialPacket<'_> {
        InitialPacket {
            prev_final: self.prev_final,
            prev_chain: self.prev_chain,
            binds_chain: self.binds_chain,
            names_owner: self.names_owner,
            initiator_is_member: self.by_member,
            is_final: self.is_final,
            targets: &self.targets,
            channel: &self.channel,
        }
    }

    pub(crate) fn offer(&self, id: u32, to: &mut ServerOrder) -> Result<Accepted, OrderReject> {
        let judged = to.judge_initial(pid(id), self.packet());
        let result = to.accept_initial(pid(id), self.packet(), &V1);
        assert_eq!(judged, result.map(|_| ()));
        result
    }
}

/// Synced, with `pid(0)` as last final packet.
fn alone() -> ServerOrder {
    let mut order = ServerOrder::new();
    assert!(order.sync_new(pid(0), &V1));
    order
}

//= docs/spec/protocol.md#ORD-001
//= type=test
//= docs/spec/protocol.md#ORD-002
//= type=test
#[test]
fn equal_events_give_equal_states() {
    let run = || {
        let mut order = alone();
        let mut states = vec![order.clone()];
        let _ = Proposal::after(pid(0)).offer(1, &mut order);
        states.push(order.clone());
        let _ = Proposal::after(pid(0)).offer(2, &mut order);
        states.push(order.clone());
        let _ = order.accept_final(pid(3), pid(1), &V1);
        states.push(order);
        states
    };
    assert_eq!(run(), run());
}

//= docs/spec/protocol.md#ORD-006
//= type=test
#[test]
fn who_begins_a_session_is_synced() {
    let mut order = ServerOrder::new();
    assert!(!order.is_synced() && order.chain_hash().is_none() && order.prev_final().is_none());
    assert!(order.sync_new(pid(7), &V1));
    assert!(order.is_synced() && !order.in_operation());
    assert_eq!(order.prev_final(), Some(pid(7)));
    assert!(order.chain_hash().is_some());
    // Only the unsynced may begin.
    let before = order.clone();
    assert!(!order.sync_new(pid(8), &V1));
    assert_eq!(order, before);
}

//= docs/spec/protocol.md#ORD-004
//= type=test
#[test]
fn what_is_both_enters_the_chain_once_and_what_is_rejected_not_at_all() {
    let mut order = alone();
    let start = order.chain_hash().unwrap();
    assert!(order.accept_final(pid(9), pid(1), &V1).is_err());
    assert_eq!(order.chain_hash(), Some(start));
    let refresh = Proposal { is_final: true, ..Proposal::after(pid(0)) };
    let accepted = refresh.offer(1, &mut order).unwrap();
    assert_eq!(accepted.role, PacketRole::Both);
    use mpenc_transcript::order::OrderHash;
    assert_eq!(accepted.chain, V1.extend(&start, &pid(1), PacketRole::Both));
    assert_eq!(order.chain_hash(), Some(accepted.chain));
    assert_eq!(order.accepted_count(), 1);
    // Swapping two packets changes the chain.
    let after = |ids: [u32; 2]| {
        let mut order = alone();
        let mut last = pid(0);
        for id in ids {
            let refresh = Proposal { is_final: true, ..Proposal::after(last) };
            let _ = refresh.offer(id, &mut order).unwrap();
            last = pid(id);
        }
        order.chain_hash()
    };
    assert_ne!(after([1, 2]), after([2, 1]));
}

//= docs/spec/protocol.md#ORD-008
//= type=test
#[test]
fn leaving_the_channel_forgets_everything() {
    let mut order = alone();
    let _ = Proposal::after(pid(0)).offer(1, &mut order).unwrap();
    order.reset();
    assert_eq!(order, ServerOrder::new());
    assert_eq!(order, ServerOrder::default());
}

//= docs/spec/protocol.md#ORD-009
//= type=test
//= docs/spec/attacks.md#ATK-075
//= type=test
#[test]
fn all_targets_must_be_in_the_channel() {
    let absent = Proposal { channel: members("a b d"), ..Proposal::after(pid(0)) };
    let mut order = alone();
    assert_eq!(absent.offer(1, &mut order), Err(OrderReject::TargetNotInChannel));
    // First of all rules: the unsynced do not even remember its predecessor.
    let mut order = ServerOrder::new();
    assert_eq!(absent.offer(1, &mut order), Err(OrderReject::TargetNotInChannel));
    assert_eq!(order.blacklist().len(), 0);
}

//= docs/spec/protocol.md#ORD-010
//= type=test
#[test]
fn the_unsynced_accept_no_end() {
    let mut order = ServerOrder::new();
    assert_eq!(order.accept_final(pid(1), pid(0), &V1), Err(OrderReject::Unsynced));
    assert_eq!(order.accept_leave(pid(1), &V1), Err(OrderReject::Unsynced));
    assert_eq!(order, ServerOrder::new());
}

//= docs/spec/protocol.md#ORD-011
//= type=test
//= docs/spec/attacks.md#ATK-076
//= type=test
#[test]
fn a_newcomer_refuses_what_comes_after_something_it_could_not_follow() {
    let mut order = ServerOrder::new();
    let others = Proposal { names_owner: false, ..Proposal::after(pid(10)) };
    assert_eq!(others.offer(1, &mut order), Err(OrderReject::NotForOwner));
    assert_eq!(order.blacklist().collect::<Vec<_>>(), [pid(10)]);
    let ours = Proposal::after(pid(10));
    assert_eq!(ours.offer(2, &mut order), Err(OrderReject::Superseded));
    assert!(!order.is_synced());
    assert!(Proposal::after(pid(11)).offer(3, &mut order).is_ok());
}

//= docs/spec/protocol.md#ORD-012
//= type=test
#[test]
fn a_newcomer_adopts_the_claims_of_the_proposal_that_names_it() {
    let mut order = ServerOrder::new();
    let others = Proposal { names_owner: false, ..Proposal::after(pid(10)) };
    let _ = others.offer(1, &mut order);
    // That the initiator is not in M′, which is only the owner, does not matter here.
    let ours = Proposal { by_member: false, ..Proposal::after(pid(11)) };
    let accepted = ours.offer(2, &mut order).unwrap();
    assert!(accepted.adopted);
    assert_eq!(accepted.prev, pid(11));
    use mpenc_transcript::order::OrderHash;
    assert_eq!(accepted.chain, V1.extend(&chain(0xcc), &pid(2), PacketRole::Initial));
    assert_eq!(order.prev_final(), Some(pid(11)));
    assert_eq!(order.prev_initial(), Some(pid(2)));
    assert_eq!(order.blacklist().len(), 0, "discarded");
}

//= docs/spec/protocol.md#ORD-013
//= type=test
#[test]
fn the_synced_follow_members_only() {
    let mut order = alone();
    let stranger = Proposal { by_member: false, ..Proposal::after(pid(0)) };
    assert_eq!(stranger.offer(1, &mut order), Err(OrderReject::NotAMember));
    assert!(!order.in_operation());
}

//= docs/spec/protocol.md#ORD-014
//= type=test
#[test]
fn after_a_failed_first_operation_the_owner_can_be_invited_again() {
    let mut order = ServerOrder::new();
    let invited = Proposal { by_member: false, ..Proposal::after(pid(10)) };
    let _ = invited.offer(1, &mut order).unwrap();
    assert!(!order.unsync_after_failed_first_op(), "not while it runs");
    let end = order.accept_leave(pid(2), &V1).unwrap();
    assert!(order.unsync_after_failed_first_op());
    assert!(!order.is_synced());
    assert!(!order.unsync_after_failed_first_op(), "once");
    assert_eq!(order.blacklist().collect::<Vec<_>>(), [pid(10)]);

    // The group goes on without the owner, then invites it again.
    let others = Proposal { names_owner: false, ..Proposal::after(pid(2)) };
    let mut later = order.clone();
    assert_eq!(others.offer(3, &mut later), Err(OrderReject::NotForOwner));
    assert!(Proposal { by_member: false, ..Proposal::after(pid(4)) }.offer(5, &mut later).is_ok());

    // Or at once, following the packet that the owner saw itself: its chain hash must be right.
    let wrong = Proposal { by_member: false, ..Proposal::after(pid(2)) };
    let before = order.clone();
    assert_eq!(wrong.offer(3, &mut order), Err(OrderReject::Inconsistent));
    assert_eq!(order, before);
    let right = Proposal { prev_chain: end.chain, ..wrong };
    assert!(right.offer(3, &mut order).unwrap().adopted);
}

//= docs/spec/v2.md#V2-030
//= type=test
#[test]
fn a_proposal_that_binds_the_chain_must_have_our_own() {
    let mut order = alone();
    let wrong = Proposal { binds_chain: true, ..Proposal::after(pid(0)) };
    let before = order.clone();
    assert_eq!(wrong.offer(1, &mut order), Err(OrderReject::Inconsistent));
    assert_eq!(order, before);
    let right = Proposal { prev_chain: order.chain_hash().unwrap(), ..wrong };
    assert!(right.offer(1, &mut order).is_ok());
}

#[test]
fn who_has_just_begun_has_no_failed_operation() {
    let mut order = alone();
    assert!(!order.unsync_after_failed_first_op());
    assert!(order.is_synced());
}

//= docs/spec/protocol.md#ORD-015
//= type=test
//= docs/spec/attacks.md#ATK-073
//= type=test
#[test]
fn one_of_two_concurrent_proposals_is_accepted() {
    let mut order = alone();
    let won = Proposal::after(pid(0)).offer(1, &mut order).unwrap();
    assert_eq!((won.role, won.prev, won.adopted), (PacketRole::Initial, pid(0), false));
    let before = order.clone();
    assert_eq!(Proposal::after(pid(0)).offer(2, &mut order), Err(OrderReject::InOperation));
    assert_eq!(Proposal::after(pid(0)).offer(1, &mut order), Err(OrderReject::Repeated));
    assert_eq!(order, before);
    let _ = order.accept_final(pid(3), pid(1), &V1).unwrap();
    assert_eq!(Proposal::after(pid(0)).offer(2, &mut order), Err(OrderReject::WrongPrevFinal));
    assert_eq!(Proposal::after(pid(3)).offer(1, &mut order), Err(OrderReject::Repeated));
    assert!(Proposal::after(pid(3)).offer(2, &mut order).is_ok());
}

//= docs/spec/protocol.md#ORD-016
//= type=test
#[test]
fn a_final_packet_ends_its_own_operation_only() {
    let mut order = alone();
    assert_eq!(order.accept_final(pid(9), pid(1), &V1), Err(OrderReject::NoOperation));
    let _ = Proposal::after(pid(0)).offer(1, &mut order).unwrap();
    assert_eq!(order.accept_final(pid(9), pid(8), &V1), Err(OrderReject::WrongPrevInitial));
    assert_eq!(order.accept_final(pid(1), pid(1), &V1), Err(OrderReject::Repeated));
    let end = order.accept_final(pid(9), pid(1), &V1).unwrap();
    assert_eq!((end.role, end.prev), (PacketRole::Final, pid(1)));
    assert_eq!(order.prev_final(), Some(pid(9)));
    assert_eq!(order.accept_final(pid(9), pid(1), &V1), Err(OrderReject::Repeated));
    assert_eq!(order.accept_final(pid(10), pid(1), &V1), Err(OrderReject::NoOperation));
}

//= docs/spec/protocol.md#ORD-017
//= type=test
#[test]
fn an_accepted_packet_is_recorded_at_once() {
    let mut order = alone();
    let begin = Proposal::after(pid(0)).offer(1, &mut order).unwrap();
    assert_eq!((order.prev_initial(), order.chain_hash()), (Some(pid(1)), Some(begin.chain)));
    assert_eq!(order.prev_final(), Some(pid(0)), "still the one before");
    let end = order.accept_final(pid(2), pid(1), &V1).unwrap();
    assert_eq!((order.prev_initial(), order.chain_hash()), (None, Some(end.chain)));
    assert_eq!(order.accepted_count(), 2);
}

//= docs/spec/protocol.md#ORD-018
//= type=test
#[test]
fn the_loser_can_tell_that_it_lost() {
    // Our proposal has identifier 2 and follows 0; 1 came first.
    let mut order = alone();
    let won = Proposal::after(pid(0)).offer(1, &mut order).unwrap();
    let ours = (pid(2), pid(0));
    assert!(won.prev == ours.1 && won.id != ours.0);
}

//= docs/spec/protocol.md#ORD-025
//= type=test
//= docs/spec/attacks.md#ATK-083
//= type=test
#[test]
fn a_target_that_leaves_ends_the_operation() {
    let mut order = alone();
    assert_eq!(order.accept_leave(pid(5), &V1), Err(OrderReject::NoOperation));
    let _ = Proposal::after(pid(0)).offer(1, &mut order).unwrap();
    let end = order.accept_leave(pid(5), &V1).unwrap();
    assert_eq!((end.role, end.prev), (PacketRole::Leave, pid(1)));
    assert!(!order.in_operation());
    assert_eq!(order.prev_final(), Some(pid(5)));
    // The final packet that was under way comes too late.
    assert_eq!(order.accept_final(pid(6), pid(1), &V1), Err(OrderReject::NoOperation));
}

//= docs/spec/attacks.md#ATK-077
//= type=test
#[test]
fn the_blacklist_is_bounded() {
    let mut order = ServerOrder::new();
    let limit = u32::try_from(MAX_BLACKLIST).unwrap();
    for n in 0..limit + 10 {
        let others = Proposal { names_owner: false, ..Proposal::after(pid(n)) };
        let _ = others.offer(1_000_000 + n, &mut order);
        let _ = others.offer(2_000_000 + n, &mut order);
    }
    let kept: Vec<_> = order.blacklist().collect();
    assert_eq!(kept.len(), MAX_BLACKLIST);
    assert_eq!((kept[0], *kept.last().unwrap()), (pid(10), pid(limit + 9)));
}

#[test]
fn the_memory_of_accepted_packets_is_bounded() {
    let mut order = alone();
    let many = u32::try_from(MAX_REMEMBERED).unwrap() + 10;
    for n in 1..=many {
        let refresh = Proposal { is_final: true, ..Proposal::after(pid(n - 1)) };
        let _ = refresh.offer(n, &mut order).unwrap();
    }
    assert_eq!(order.accepted_count(), u64::from(many));
    // The remembered ones are repetitions; the forgotten follow something long past.
    let replay = |n: u32| Proposal { is_final: true, ..Proposal::after(pid(n - 1)) };
    assert_eq!(replay(11).offer(11, &mut order), Err(OrderReject::Repeated));
    assert_eq!(replay(10).offer(10, &mut order), Err(OrderReject::WrongPrevFinal));
}

#[test]
fn reasons_are_told_in_one_line() {
    let all = [
        OrderReject::TargetNotInChannel,
        OrderReject::Unsynced,
        OrderReject::NotForOwner,
        OrderReject::Superseded,
        OrderReject::Inconsistent,
        OrderReject::NotAMember,
        OrderReject::Repeated,
        OrderReject::InOperation,
        OrderReject::WrongPrevFinal,
        OrderReject::NoOperation,
        OrderReject::WrongPrevInitial,
    ];
    insta::assert_snapshot!(all.map(|reject| reject.to_string()).join("\n"), @r"
    a target is not in the channel (ORD-009)
    we do not know the operation it ends (ORD-010)
    we are not synchronised and not among its targets (ORD-011)
    another proposal came before it (ORD-011)
    its chain hash differs from ours (ORD-014)
    its author is not a member of the session (ORD-013)
    accepted before (ORD-015)
    an operation is in progress (ORD-015)
    does not follow the last operation (ORD-015)
    no operation is in progress (ORD-016)
    belongs to another operation (ORD-016)
    ");
}
