//! What `init` says.

use core::time::Duration;

use mpenc::{Flow, MemberId, Profile, PublicKey, SecretBytes};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::command::{Refusal, flag, object, text};

/// Where time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Real,
    Virtual,
}

/// A member that is to be.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) owner: MemberId,
    pub(super) seed: SecretBytes<32>,
    pub(super) identities: Vec<(MemberId, PublicKey)>,
    pub(super) session_id: String,
    pub(super) auto_include: bool,
    pub(super) stay_if_last: bool,
    pub(super) padding: usize,
    pub(super) flow: Flow,
    pub(super) rng: ChaCha20Rng,
    pub(super) clock: Clock,
    pub(super) profile: Profile,
}

impl Setup {
    pub(super) fn read(fields: &Map<String, Value>) -> Result<Self, Refusal> {
        let profile = match fields.get("profile") {
            None | Some(Value::Null) => Profile::V1,
            Some(_) => text(fields, "profile")?
                .parse::<Profile>()
                .map_err(|error| Refusal::new("unsupported_profile", error.to_string()))?,
        };
        let none = Map::new();
        let options = match fields.get("options") {
            None | Some(Value::Null) => &none,
            Some(_) => object(fields, "options")?,
        };
        let identities = object(fields, "identity_keys")?
            .iter()
            .map(|(member, key)| {
                let key = key.as_str().and_then(bytes).ok_or_else(|| Refusal::field("a key"))?;
                Ok((MemberId::from_wire(member.as_bytes()), PublicKey::new(key)))
            })
            .collect::<Result<_, Refusal>>()?;
        Ok(Self {
            owner: MemberId::new(text(fields, "uid")?)
                .map_err(|error| Refusal::new("bad_field", error.to_string()))?,
            seed: SecretBytes::new(
                bytes(text(fields, "identity_seed")?)
                    .ok_or_else(|| Refusal::field("identity_seed"))?,
            ),
            identities,
            session_id: match fields.get("session_id") {
                None | Some(Value::Null) => String::new(),
                Some(_) => text(fields, "session_id")?.to_owned(),
            },
            auto_include: flag(options, "autoIncludeExtra")?,
            stay_if_last: flag(options, "stayIfLastMember")?,
            padding: usize::try_from(number(fields, "padding", 128)?)
                .ok()
                .filter(|base| *base <= MAX_PADDING)
                .ok_or_else(|| Refusal::field("padding"))?,
            flow: flow(fields)?,
            rng: rng(fields)?,
            clock: match fields.get("clock").map(Value::as_str) {
                None | Some(Some("real")) => Clock::Real,
                Some(Some("virtual")) => Clock::Virtual,
                Some(_) => return Err(Refusal::field("clock")),
            },
            profile,
        })
    }
}

fn flow(fields: &Map<String, Value>) -> Result<Flow, Refusal> {
    let standard = Flow::default();
    let flow = match fields.get("flow") {
        None | Some(Value::Null) => return Ok(standard),
        Some(_) => object(fields, "flow")?,
    };
    let millis = |name: &str, standard: Duration| {
        let standard = u64::try_from(standard.as_millis()).unwrap_or(u64::MAX);
        number(flow, name, standard).map(Duration::from_millis)
    };
    let asynchronity = u64::try_from(standard.asynchronity).unwrap_or(u64::MAX);
    Ok(Flow {
        broadcast_latency: millis("broadcast_latency_ms", standard.broadcast_latency)?,
        full_ack_interval: millis("full_ack_interval_ms", standard.full_ack_interval)?,
        asynchronity: usize::try_from(number(flow, "asynchronity", asynchronity)?)
            .map_err(|_| Refusal::field("asynchronity"))?,
    })
}

/// A stream that depends on the seed and nothing else, or one that nobody can repeat.
fn rng(fields: &Map<String, Value>) -> Result<ChaCha20Rng, Refusal> {
    let mut seed = [0; 32];
    match fields.get("rng") {
        None | Some(Value::Null) => getrandom::fill(&mut seed)
            .map_err(|error| Refusal::new("no_randomness", error.to_string()))?,
        Some(_) => {
            let text = text(object(fields, "rng")?, "seed")?;
            seed = Sha256::new().chain_update(b"mpenc peer\0").chain_update(text).finalize().into();
        }
    }
    Ok(ChaCha20Rng::from_seed(seed))
}

fn number(fields: &Map<String, Value>, name: &str, standard: u64) -> Result<u64, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(standard),
        Some(value) => value.as_u64().ok_or_else(|| Refusal::field(name)),
    }
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// Largest base size of padding that leaves room for a message.
const MAX_PADDING: usize = 16_384;
