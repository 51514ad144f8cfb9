//! A member, played again alone.
use super::recording::Recording;
use crate::report::Tally;
use mpenc_types::MemberId;

pub(super) fn replay(_: &Recording<'_>, _: &MemberId) -> Tally {
    Tally::default()
}
