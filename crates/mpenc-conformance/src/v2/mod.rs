//! Vectors of the second profile: what follows from the fields of a case is computed again.
//!
//! `xtask/vectors/v2/README.md` describes every format. The vectors are made by this crate
//! ([`generate`]) and verified by a program that shares no code with it.

mod agreement;
mod content;
pub(crate) mod generate;
mod greeting;
mod keyed;
mod messages;
mod negative;
mod operation;
mod packets;
mod primitive;
mod requests;
mod room;
mod session;

use serde_json::Value;

use crate::json::{Checked, Node};
use crate::report::{Line, Tally};

/// What follows from the other fields of a case, as fields.
type Compute = fn(&Node<'_>) -> Checked<Value>;

/// A format whose cases stand alone: each list of it, and what computes its cases.
struct Plain {
    format: &'static str,
    lists: &'static [(&'static str, Compute)],
}

const PLAIN: [Plain; 15] = [
    Plain { format: "mpenc-v2-frame/1", lists: &[("cases", primitive::frame)] },
    Plain { format: "mpenc-v2-kdf/1", lists: &[("cases", primitive::kdf)] },
    Plain { format: "mpenc-v2-aead/1", lists: &[("cases", primitive::aead)] },
    Plain {
        format: "mpenc-v2-group/1",
        lists: &[
            ("import", primitive::import),
            ("reduce", primitive::reduce),
            ("products", primitive::products),
        ],
    },
    Plain { format: "mpenc-v2-proof/1", lists: &[("cases", primitive::proof)] },
    Plain { format: "mpenc-v2-signatures/1", lists: &[("cases", primitive::signature)] },
    Plain { format: "mpenc-v2-padding/1", lists: &[("cases", primitive::padding)] },
    Plain {
        format: "mpenc-v2-order/1",
        lists: &[
            ("session_labels", keyed::session_label),
            ("packet_ids", keyed::packet_id),
            ("leave_ids", keyed::leave_id),
            ("chains", keyed::chain),
        ],
    },
    Plain { format: "mpenc-v2-fingerprint/1", lists: &[("cases", keyed::fingerprint)] },
    Plain { format: "mpenc-v2-hedged/1", lists: &[("cases", keyed::hedged)] },
    Plain { format: "mpenc-v2-chain-keys/1", lists: &[("cases", keyed::chain_keys)] },
    Plain { format: "mpenc-v2-packets/1", lists: &[("cases", packets::packet)] },
    Plain {
        format: "mpenc-v2-content/1",
        lists: &[("contents", content::content), ("plaintexts", content::plaintext)],
    },
    Plain { format: "mpenc-v2-parts/1", lists: &[("cases", content::parts)] },
    Plain {
        format: "mpenc-v2-requests/1",
        lists: &[
            ("keys", requests::keys),
            ("plaintexts", requests::plaintext),
            ("cases", requests::packet),
        ],
    },
];

type Check = fn(&Node<'_>, &mut Tally) -> Checked;

/// Formats whose cases are histories.
const WHOLE: [(&str, Check); 4] = [
    ("mpenc-v2-greeting/1", greeting::runs),
    ("mpenc-v2-greeting-negative/1", negative::cases),
    ("mpenc-v2-messages/1", messages::runs),
    ("mpenc-v2-messages-negative/1", messages::negative),
];

/// Checks a file of a v2 format; `None` if it has none of these.
pub(crate) fn check(name: &str, format: &str, file: &Node<'_>) -> Option<Vec<Line>> {
    if format == session::FORMAT {
        return Some(session::check(name, file));
    }
    let mut tally = Tally::default();
    let checked = if let Some(plain) = PLAIN.iter().find(|plain| plain.format == format) {
        check_plain(plain, file, &mut tally)
    } else {
        let (_, check) = WHOLE.iter().find(|(name, _)| *name == format)?;
        check(file, &mut tally)
    };
    if let Err(fault) = checked {
        tally.fault(fault);
    }
    Some(vec![Line { file: name.to_owned(), role: "v2".to_owned(), tally }])
}

fn check_plain(plain: &Plain, file: &Node<'_>, tally: &mut Tally) -> Checked {
    for (key, compute) in plain.lists {
        for case in file.get(key)?.items()? {
            tally.case(key, |_| agree(&case, &compute(&case)?));
        }
    }
    Ok(())
}

/// Holds what was computed against the fields of a case.
fn agree(case: &Node<'_>, computed: &Value) -> Checked {
    for (key, value) in Node::root(computed).fields()? {
        if value.value().is_null() && !case.has(key) {
            continue;
        }
        let field = case.get(key)?;
        field.expect(&field.value().to_string(), &value.value().to_string())?;
    }
    Ok(())
}

/// Bytes as the files write them.
fn hx(bytes: impl AsRef<[u8]>) -> Value {
    Value::String(hex::encode(bytes))
}
