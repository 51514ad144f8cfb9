//! Makes the vectors of the second profile, the same ones every time.
//!
//! Whatever a case says is computed by the code that is checked with it; the program that
//! verifies it shares none of that code.

mod content;
mod dice;
mod greeting;
mod keyed;
mod messages;
mod negative;
mod packets;
mod primitive;
mod requests;
mod session;
mod text;

use serde_json::{Map, Value, json};

use super::PLAIN;
use crate::json::{Checked, Fault, Node};

use dice::Dice;
pub(super) use dice::NoDice;

/// Every file of `xtask/vectors/v2`: name and text.
///
/// # Errors
///
/// [`Fault`] if the implementation does not do what a case is made to show.
pub fn files() -> Result<Vec<(&'static str, String)>, Fault> {
    let mut files = Vec::new();
    for (name, make) in MAKERS {
        let value = make(&mut Dice::new(name))
            .map_err(|fault| Fault::new(format!("{name}: {}", fault.place), fault.what))?;
        files.push((name, text::file(&value)));
    }
    Ok(files)
}

type Make = fn(&mut Dice) -> Checked<Value>;

const MAKERS: [(&str, Make); 24] = [
    ("frame.json", primitive::frame),
    ("kdf.json", primitive::kdf),
    ("aead.json", primitive::aead),
    ("group.json", primitive::group),
    ("proof.json", primitive::proof),
    ("signatures.json", primitive::signatures),
    ("padding.json", primitive::padding),
    ("order.json", keyed::order),
    ("fingerprint.json", keyed::fingerprint),
    ("hedged.json", keyed::hedged),
    ("chain-keys.json", keyed::chain_keys),
    ("packets.json", packets::packets),
    ("content.json", content::content),
    ("parts.json", content::parts),
    ("greeting-establish.json", greeting::establish),
    ("greeting-changes.json", greeting::changes),
    ("greeting-aborts.json", greeting::aborts),
    ("greeting-negative.json", negative::negative),
    ("messages.json", messages::runs),
    ("messages-negative.json", messages::negative),
    ("requests.json", requests::requests),
    ("session-change.json", session::change),
    ("session-leave.json", session::leave),
    ("session-two.json", session::two),
];

/// Completes the cases of a plain file with what follows from their fields.
fn plain(format: &str, lists: Vec<(&str, Vec<Value>)>) -> Checked<Value> {
    let plain = PLAIN.iter().find(|plain| plain.format == format);
    let plain = plain.ok_or_else(|| Fault::new(format, "is no format"))?;
    let mut file = head(format);
    for (key, cases) in lists {
        let compute = plain.lists.iter().find(|(name, _)| *name == key);
        let (_, compute) = compute.ok_or_else(|| Fault::new(key, "is no list"))?;
        let mut complete = Vec::new();
        for (i, case) in cases.into_iter().enumerate() {
            let computed = compute(&Node::root(&case));
            let computed = computed.map_err(|fault| {
                Fault::new(format!("{key}[{i}].{} of {case}", fault.place), fault.what)
            })?;
            complete.push(merged(case, computed).map_err(|what| Fault::new(key, what))?);
        }
        file.insert(key.to_owned(), Value::Array(complete));
    }
    Ok(Value::Object(file))
}

/// What every file begins with.
fn head(format: &str) -> Map<String, Value> {
    let mut file = Map::new();
    file.insert("format".to_owned(), json!(format));
    file.insert("provenance".to_owned(), json!(PROVENANCE));
    file
}

/// A wish, such as the expectation of a case, must come true.
fn merged(case: Value, computed: Value) -> Result<Value, String> {
    let shown = case.to_string();
    let (Value::Object(mut case), Value::Object(computed)) = (case, computed) else {
        return Err("no case".to_owned());
    };
    for (key, value) in computed {
        let overridden = ["positions", "steps", "messages", "publications"].contains(&key.as_str());
        match case.get(&key) {
            Some(wish) if wish != &value && !overridden => {
                return Err(format!("`{key}` is {value} in {shown}"));
            }
            _ => {
                if !value.is_null() || key == "scalar" {
                    case.insert(key, value);
                }
            }
        }
    }
    Ok(Value::Object(case))
}

const PROVENANCE: &str =
    "made by `cargo xtask vectors` from fixed seeds; verified by xtask/verify-v2";
