//! What kind of event it is, as far as a server can see.

use mpenc::channel::ChannelEvent;
use mpenc_packet::{v1, v2};

use crate::plan::Sort;

/// Greeting packet, message, or channel event.
pub(crate) fn sort_of(v2_session: bool, event: &ChannelEvent) -> Sort {
    let ChannelEvent::Packet { bytes, .. } = event else { return Sort::Channel };
    if is_greeting(v2_session, bytes) { Sort::Greeting } else { Sort::Data }
}

/// Whether it is a packet of an operation.
pub(crate) fn is_greeting(v2_session: bool, packet: &[u8]) -> bool {
    if v2_session {
        v2::kind(packet).is_ok_and(v2::PacketKind::is_greeting)
    } else {
        v1::kind(packet).is_ok_and(|kind| kind == v1::PacketKind::Greeting)
    }
}

/// Whether it begins an operation.
pub(super) fn is_initial(v2_session: bool, packet: &[u8]) -> bool {
    if v2_session {
        return v2::kind(packet) == Ok(v2::PacketKind::Initial);
    }
    matches!(v1::decode(packet), Ok(v1::Packet::Greeting(greeting))
        if greeting.peek().fields().metadata.is_some())
}

/// What to call a packet when a run is told.
pub(crate) fn label(v2_session: bool, packet: &[u8]) -> String {
    if v2_session {
        match v2::kind(packet) {
            Ok(kind) => format!("{kind:?}"),
            Err(error) => format!("{error:?}"),
        }
    } else {
        match v1::decode(packet) {
            Ok(v1::Packet::Greeting(greeting)) => {
                format!("{:?}", greeting.peek().fields().greet_type)
            }
            Ok(_) => "data".to_owned(),
            Err(error) => format!("{error:?}"),
        }
    }
}
