//! Randomness as it was recorded.

use core::convert::Infallible;
use std::collections::VecDeque;

use rand_core::{TryCryptoRng, TryRng};

use crate::json::{Checked, Fault, Node};

/// One recorded draw.
#[derive(Clone, Debug, PartialEq)]
enum Draw {
    Bytes(Vec<u8>),
    /// A number in [0, 1).
    Real(f64),
}

/// Hands out recorded draws in order. A generator cannot fail, so a draw that does not fit gives
/// zeros and is remembered as a fault.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draws {
    left: VecDeque<(String, Draw)>,
    fault: Option<Fault>,
}

impl Draws {
    /// Adds the draws of a list {label, value}.
    pub(crate) fn extend(&mut self, list: &[Node<'_>]) -> Checked {
        for draw in list {
            let value = draw.get("value")?;
            let what = if value.is_text() {
                Draw::Bytes(value.hex()?)
            } else {
                let real = value.real()?;
                if !(0.0..1.0).contains(&real) {
                    return Err(value.fault("is not in [0, 1)"));
                }
                Draw::Real(real)
            };
            let label = draw.get("label")?.text()?;
            let fits = match (label, &what) {
                ("sync_prev_pf" | "dh_priv" | "nonce" | "eph_seed", Draw::Bytes(bytes)) => {
                    bytes.len() == 32
                }
                ("iv", Draw::Bytes(bytes)) => bytes.len() == 12,
                ("retry_jitter", Draw::Real(_)) => true,
                (_, Draw::Bytes(_) | Draw::Real(_)) => false,
            };
            if !fits {
                return Err(draw.fault(format!("`{label}` is unknown or of another kind")));
            }
            self.left.push_back((format!("{} ({label})", draw.place()), what));
        }
        Ok(())
    }

    /// Draws 32 bytes that are not part of a list.
    pub(crate) fn push(&mut self, value: &Node<'_>) -> Checked {
        self.left.push_back((value.place().to_owned(), Draw::Bytes(value.hex()?)));
        Ok(())
    }

    /// The first thing that did not fit, once.
    pub(crate) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// That everything was drawn, and nothing else.
    pub(crate) fn finish(&mut self) -> Checked {
        if let Some(fault) = self.take_fault() {
            return Err(fault);
        }
        match self.left.front() {
            None => Ok(()),
            Some((place, _)) => Err(Fault::new(place.clone(), "was not drawn")),
        }
    }

    fn misfit(&mut self, place: &str, what: String) {
        if self.fault.is_none() {
            self.fault = Some(Fault::new(place, what));
        }
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        match self.left.pop_front() {
            Some((_, Draw::Real(real))) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a number in [0, 2³²), rounded down"
                )]
                let number = (real * 4_294_967_296.0) as u32;
                return Ok(number);
            }
            Some((place, Draw::Bytes(_))) => {
                self.misfit(&place, "bytes are recorded, a number was drawn".to_owned());
            }
            None => self.misfit("rand", "a number was drawn that is not recorded".to_owned()),
        }
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.misfit("rand", "eight bytes were drawn, which nothing needs".to_owned());
        Ok(0)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.fill(0);
        match self.left.pop_front() {
            Some((_, Draw::Bytes(bytes))) if bytes.len() == dst.len() => {
                dst.copy_from_slice(&bytes)
            }
            Some((place, _)) => {
                self.misfit(&place, format!("{} bytes were drawn, not these", dst.len()));
            }
            None => {
                let what = format!("{} bytes were drawn that are not recorded", dst.len());
                self.misfit("rand", what);
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

#[cfg(test)]
mod tests {
    use rand_core::Rng as _;

    use super::*;

    #[test]
    fn draws_come_in_order_and_misfits_are_kept() {
        let value = serde_json::json!([
            {"label": "iv", "value": "010203040506070809101112"}, {"label": "retry_jitter", "value": 0.5},
            {"label": "iv", "value": "010203040506070809101112"}
        ]);
        let mut draws = Draws::default();
        draws.extend(&Node::root(&value).items().unwrap()).unwrap();
        let mut bytes = [0; 12];
        draws.fill_bytes(&mut bytes);
        assert_eq!(bytes[..3], [1, 2, 3]);
        assert_eq!(draws.next_u32(), 1 << 31);
        assert!(draws.finish().is_err(), "one is left");
        draws.fill_bytes(&mut [0; 32]);
        assert!(draws.finish().is_err(), "the wrong length");
        draws.fill_bytes(&mut bytes);
        assert!(draws.finish().is_err(), "nothing left");
        assert!(draws.finish().is_ok());
    }
}
