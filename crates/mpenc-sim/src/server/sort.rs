//! What kind of event it is, as far as a server can see.

use mpenc::channel::ChannelEvent;
use mpenc_packet::{v1, v2};

use crate::plan::Sort;

/// Greeting packet, message, or channel event.
pub(crate) fn sort_of(v2_session: bool, event: &ChannelEvent) -> Sort {
    let ChannelEvent::Packet { bytes, .. } = event else { return Sort::Channel };
    let greeting = if v2_session {
        v2::kind(bytes).is_ok_and(v2::PacketKind::is_greeting)
    } else {
        v1::kind(bytes).is_ok_and(|kind| kind == v1::PacketKind::Greeting)
    };
    if greeting { Sort::Greeting } else { Sort::Data }
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
