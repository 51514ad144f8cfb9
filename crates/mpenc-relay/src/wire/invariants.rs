//! What must hold for any bytes as frames, in both directions. The fuzz target and the replay of
//! its corpus check the same.

use core::fmt;

use mpenc::MemberId;
use serde::{Deserialize, Serialize};

use crate::wire::{self, ToClient, ToRelay};

/// Checks bytes as a frame from a client and as one from a relay.
pub(crate) fn check_frame(bytes: &[u8]) {
    if let Ok(text) = core::str::from_utf8(bytes) {
        if let Some(ToRelay::Hello(hello)) = check_control(text) {
            assert!(!wire::is_proved(&hello, &[0xa5; 32]), "nobody has signed this challenge");
        }
        let _ = check_control::<ToClient>(text);
        assert_eq!(wire::check_room(text).is_ok(), MemberId::new(text).is_ok());
    }
    if let Some((seq, sender, packet)) = wire::decode_packet(bytes) {
        let again = wire::encode_packet(seq, &MemberId::from_wire(sender), packet);
        assert_eq!(again, bytes, "one encoding");
    } else {
        let name = bytes.get(8).map_or(0, |len| usize::from(*len));
        assert!(bytes.len() < 9 + name);
    }
    let confirmed = wire::decode_confirmation(bytes);
    assert_eq!(confirmed.map(u64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice), whole(bytes));
}

/// What a text says; said again, it says the same.
fn check_control<T>(text: &str) -> Option<T>
where
    T: Serialize + for<'a> Deserialize<'a> + PartialEq + fmt::Debug,
{
    match wire::decode::<T>(text) {
        Ok(control) => {
            assert!(text.trim_start().starts_with('{'), "not an object");
            let again = wire::encode(&control);
            assert_eq!(wire::decode::<T>(&again).as_ref(), Ok(&control));
            Some(control)
        }
        Err(reason) => {
            assert!(!reason.is_empty());
            None
        }
    }
}

fn whole(bytes: &[u8]) -> Option<&[u8]> {
    (bytes.len() == 8).then_some(bytes)
}
