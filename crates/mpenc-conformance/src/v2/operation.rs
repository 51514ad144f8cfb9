//! What follows from the packets of one operation and from what everybody drew.

use std::collections::BTreeMap;

use mpenc_crypto::{PrimeOrderGroup as _, V2};
use mpenc_packet::v2::{self as wire, Contribution, Greeting, InitialFields};
use mpenc_types::{MemberId, PacketId};
use serde_json::{Value, json};

use super::agreement::{self, Ring};
use super::greeting::{Logged, Wish, text};
use super::hx;
use super::keyed::draw;
use crate::json::{Checked, Fault};

/// What one member drew.
pub(super) struct Draws {
    pub(super) who: MemberId,
    pub(super) key: [u8; 32],
    pub(super) instance: Vec<u8>,
    pub(super) first: usize,
    pub(super) fresh: Vec<Vec<u8>>,
}

impl Draws {
    pub(super) fn listed(&self) -> Value {
        json!({
            "name": text(&self.who), "instance": hx(&self.instance), "first": self.first,
            "fresh": self.fresh.iter().map(hx).collect::<Vec<_>>(),
        })
    }

    fn draw(&self, at: usize, purpose: &str, of: &[&[u8]], extra: &[u8]) -> Option<[u8; 64]> {
        let number = u64::try_from(self.first.checked_add(at)?).ok()?;
        Some(draw(&self.key, self.fresh.get(at)?, &self.instance, number, purpose, of, extra))
    }
}

/// The packets of an operation by kind and place.
pub(super) struct Operation {
    pub(super) op: wire::OpId,
    initial: InitialFields,
    contributions: BTreeMap<u16, Contribution>,
    shares: BTreeMap<u16, [u8; 32]>,
}

/// What follows for one who knows all secrets.
pub(super) struct Known {
    pub(super) ring: Option<Ring>,
    pub(super) transcript: Option<([u8; 32], Vec<[u8; 32]>)>,
    pub(super) secret: Option<[u8; 32]>,
    pub(super) keys: Option<agreement::Keys>,
    pub(super) secrets: Vec<Value>,
}

impl Operation {
    pub(super) fn read(log: &[Logged]) -> Checked<Self> {
        let mut operation: Option<Self> = None;
        for (from, packet, _) in log {
            let fault = |what: String| Fault::new("packet", format!("of {from}: {what}"));
            let greeting =
                wire::decode_greeting(packet).map_err(|error| fault(error.to_string()))?;
            match (&mut operation, &greeting) {
                (none @ None, Greeting::Initial(found)) => {
                    let initial = found.peek().fields().clone();
                    let contributions =
                        initial.contribution.clone().map(|one| (initial.place, one));
                    *none = Some(Self {
                        op: wire::operation_id::<V2>(packet),
                        contributions: contributions.into_iter().collect(),
                        initial,
                        shares: BTreeMap::new(),
                    });
                }
                (Some(operation), Greeting::Contribution(found)) => {
                    let fields = found.peek().fields();
                    operation.contributions.insert(fields.place, fields.contribution.clone());
                }
                (Some(operation), Greeting::Share(found)) => {
                    let fields = found.peek().fields();
                    operation.shares.insert(fields.place, fields.share);
                }
                (Some(_), Greeting::Confirmation(_) | Greeting::Abort(_)) => {}
                (_, _) => return Err(fault("is out of place".to_owned())),
            }
        }
        operation.ok_or_else(|| Fault::new("packets", "is empty"))
    }

    pub(super) fn known(
        &self,
        draws: &[Draws],
        wish: &Wish,
        prev_final: &PacketId,
        salt: &[u8; 32],
    ) -> Checked<Known> {
        let n = wish.members.len();
        let contributions: Vec<Contribution> = self.contributions.values().cloned().collect();
        let complete = n > 1 && contributions.len() == n;
        let ring = complete.then(|| Ring::new(&self.op, &self.initial, &contributions)).flatten();
        let shares: Vec<[u8; 32]> = self.shares.values().copied().collect();
        let transcript = ring
            .as_ref()
            .filter(|_| shares.len() == n)
            .map(|ring| (ring.transcript(&shares), shares.clone()));
        let mut known = Known { ring, transcript, secret: None, keys: None, secrets: Vec::new() };
        for one in draws {
            self.secrets_of(one, wish, prev_final, &mut known)?;
        }
        if let (Some(secret), Some((t, _))) = (known.secret, &known.transcript) {
            known.keys = Some(agreement::keys(&secret, t, salt));
        }
        Ok(known)
    }

    /// Adds what a member drew, and holds the group secret of all against each other.
    fn secrets_of(
        &self,
        one: &Draws,
        wish: &Wish,
        prev_final: &PacketId,
        known: &mut Known,
    ) -> Checked {
        let missing = || Fault::new("draws", format!("{} drew too little", one.who));
        let of: [&[u8]; 1] =
            [if one.who == wish.by { prev_final.as_bytes() } else { self.op.as_bytes() }];
        let wide = one.draw(0, "contribution", &of, &[]).ok_or_else(missing)?;
        let r = agreement::reduced(&wide).ok_or_else(missing)?;
        let k = one.draw(1, "nonce", &of, &[]).ok_or_else(missing)?;
        let e = one.draw(2, "ephemeral", &of, &[]).ok_or_else(missing)?;
        let half = |wide: &[u8; 64]| hx(wide.get(..32).unwrap_or_default());
        let r_bytes = agreement::scalar_bytes(&r);
        let mut secrets = json!({
            "name": text(&one.who), "r": hx(r_bytes), "k": half(&k), "e": half(&e),
        });
        let place = wish.members.iter().position(|member| *member == one.who);
        let place = place.ok_or_else(missing)?;
        if let (Some(ring), true) = (&known.ring, one.fresh.len() > 3) {
            let base = ring.bases.get(place).ok_or_else(missing)?;
            let (z, d) = (V2::export(&V2::mul_base(&r)), V2::export(base));
            let x = V2::export(&V2::mul(&r, base));
            let number = u16::try_from(place).map_err(|_| missing())?.to_be_bytes();
            let of: [&[u8]; 5] = [&ring.ctx, &number, &z, &d, &x];
            let w = one.draw(3, "proof", &of, &r_bytes).ok_or_else(missing)?;
            let w = agreement::reduced(&w).ok_or_else(missing)?;
            if let Some(secrets) = secrets.as_object_mut() {
                secrets.insert("w".to_owned(), hx(agreement::scalar_bytes(&w)));
            }
        }
        if let (Some(ring), Some((_, shares))) = (&known.ring, &known.transcript) {
            let secret = ring.group_secret(place, &r, shares);
            if known.secret.is_some() && known.secret != secret {
                return Err(Fault::new("k", format!("{} has another group secret", one.who)));
            }
            known.secret = secret;
        }
        known.secrets.push(secrets);
        Ok(())
    }
}
