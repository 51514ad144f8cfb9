//! Proofs that two discrete logarithms are equal (Chaum and Pedersen 1992), made non-interactive:
//! wire-v2.md section 3.2.
//!
//! With `Z = r·B`, `X = r·D` and a random `w`:
//!
//! ```text
//! a = w·B     b = w·D
//! c = H64("proof"; ctx, u16 place, Z, D, X, a, b) mod q
//! s = w + c·r
//! ```
//!
//! The proof is `(c, s)`. A verifier computes `a = s·B − c·Z` and `b = s·D − c·X` and compares `c`.
//! The challenge binds the whole statement (Bernhard, Pereira, Warinschi 2012) and where it
//! belongs, so that a proof counts nowhere else.
//!
//! Proofs of this form are verified one by one: without `a` and `b` there is no sum over several
//! to check. In exchange they are as short as can be, and nobody can disagree about one (V2-007).

use core::fmt;

use mpenc_types::guard;

use crate::{FramedHash, Label, PrimeOrderGroup, VerifyError};

/// What is proven, and where.
#[derive(Clone, Copy)]
pub struct Statement<'a, E> {
    /// Hash of all contributions of the operation.
    pub ctx: &'a [u8; 32],
    /// Place of the prover among the members, from 0.
    pub place: u16,
    /// `Z = r·B`, the prover's contribution.
    pub public: &'a E,
    /// `D`, to which `r` was applied.
    pub base: &'a E,
    /// `X = r·D`, the share.
    pub share: &'a E,
}

/// Challenge `c` and response `s`, as they travel. Not yet verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `c`, 32 bytes, little endian.
    pub challenge: [u8; 32],
    /// `s`, 32 bytes, little endian.
    pub response: [u8; 32],
}

/// Proves that `statement.share` is `secret·base` and `statement.public` is `secret·B`.
///
/// Constant time. `w` is a fresh random number that depends on `secret` and on the whole statement
/// too (V2-008): two proofs with one `w` and different challenges tell `secret`.
pub fn prove<S: PrimeOrderGroup + FramedHash>(
    statement: &Statement<'_, S::Element>,
    secret: &S::Scalar,
    w: S::Scalar,
) -> Proof {
    let challenge = challenge::<S>(statement, &S::mul_base(&w), &S::mul(&w, statement.base));
    let response = S::respond(w, &challenge, secret);
    Proof { challenge, response }
}

/// Verifies a proof. Variable time: everything is public.
///
/// Two double-base multiplications.
///
/// # Errors
///
/// [`VerifyError`] if a number is not in canonical encoding (V2-006) or the proof is not one of
/// this statement.
pub fn verify<S: PrimeOrderGroup + FramedHash>(
    statement: &Statement<'_, S::Element>,
    proof: &Proof,
) -> Result<(), VerifyError> {
    if !guard!("proof-check") {
        return Ok(());
    }
    let Proof { challenge: c, response: s } = proof;
    let a = S::recompute(s, None, c, statement.public).ok_or(VerifyError)?;
    let b = S::recompute(s, Some(statement.base), c, statement.share).ok_or(VerifyError)?;
    if challenge::<S>(statement, &a, &b) == *c { Ok(()) } else { Err(VerifyError) }
}

fn challenge<S: PrimeOrderGroup + FramedHash>(
    statement: &Statement<'_, S::Element>,
    a: &S::Element,
    b: &S::Element,
) -> [u8; 32] {
    S::challenge(&S::framed_wide(
        Label::PROOF,
        &[
            statement.ctx,
            &statement.place.to_be_bytes(),
            &S::export(statement.public),
            &S::export(statement.base),
            &S::export(statement.share),
            &S::export(a),
            &S::export(b),
        ],
    ))
}

impl<E> fmt::Debug for Statement<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement").field("place", &self.place).finish_non_exhaustive()
    }
}
