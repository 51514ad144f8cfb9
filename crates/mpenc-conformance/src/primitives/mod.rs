//! The files that hold one kind of calculation each.
mod crypto;
mod encoding;
pub(crate) mod operations;
mod order;
pub(crate) mod packets;

use crate::json::{Checked, Node};
use crate::report::Tally;

type Check = fn(&Node<'_>, &mut Tally) -> Checked;

/// Every format of a primitive file and who checks it.
const KINDS: [(&str, Check); 16] = [
    ("mpenc-tlv/1", encoding::tlv),
    ("mpenc-armor/1", encoding::armor),
    ("mpenc-message-body/1", encoding::message_body),
    ("mpenc-padding/1", encoding::padding),
    ("mpenc-session-id/1", crypto::session_id),
    ("mpenc-group-key/1", crypto::group_key),
    ("mpenc-cliques/1", crypto::cliques),
    ("mpenc-ske/1", crypto::ske),
    ("mpenc-greet-packets/1", packets::greeting),
    ("mpenc-data-packets/1", packets::data),
    ("mpenc-error-packets/1", packets::error),
    ("mpenc-packet-id/1", packets::packet_id),
    ("mpenc-server-order/1", order::server_order),
    ("mpenc-transcript/1", order::transcript),
    ("mpenc-greet-ops/1", operations::whole),
    ("mpenc-greet-negative/1", operations::negative),
];

/// Checks a file of this format; `None` if no primitive file has it.
pub(crate) fn check(format: &str, file: &Node<'_>) -> Option<Tally> {
    let (_, check) = KINDS.iter().find(|(name, _)| *name == format)?;
    let mut tally = Tally::default();
    if let Err(fault) = check(file, &mut tally) {
        tally.fault(fault);
    }
    Some(tally)
}
