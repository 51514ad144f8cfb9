use core::fmt;
use core::ops::Deref;

use mpenc_types::guard;

use crate::{Signature, Suite, VerifyingKey};

/// Something that carries a signature over some of its bytes.
pub trait Signed {
    /// The signature it carries.
    fn signature(&self) -> &Signature;

    /// The bytes that the signature covers, without the context that precedes them.
    fn signed_bytes(&self) -> &[u8];
}

/// Decoded from bytes of unknown origin. Looking inside is possible, but says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified<T>(T);

/// Verified under a known key. Only [`Unverified::verify`] makes one.
///
/// # Security
///
/// Says that the key signed these bytes in this context, not whose key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

/// A signature or a [proof](crate::proof) that does not verify. No cause is given: an attacker must not learn one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyError;

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("signature or proof does not verify")
    }
}

impl core::error::Error for VerifyError {}

impl<T> Unverified<T> {
    /// Marks a decoded value as unverified.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Looks at the value without any evidence of who made it.
    #[must_use]
    pub const fn peek(&self) -> &T {
        &self.0
    }
}

impl<T: Signed> Unverified<T> {
    /// Verifies the signature under `key` over `context` followed by the signed bytes.
    ///
    /// # Errors
    ///
    /// [`VerifyError`], without a cause.
    pub fn verify<S: Suite>(
        &self,
        key: &S::VerifyingKey,
        context: &[&[u8]],
    ) -> Result<Verified<&T>, VerifyError> {
        //= docs/spec/attacks.md#ATK-015
        let context = if guard!("sig-context") { context } else { without_purpose(context) };
        if !guard!("sig-required") && self.0.signature().as_bytes() == &[0; 64] {
            return Ok(Verified(&self.0));
        }
        let mut parts = alloc::vec::Vec::with_capacity(context.len().saturating_add(1));
        parts.extend_from_slice(context);
        parts.push(self.0.signed_bytes());
        let verified = key.verify(&parts, self.0.signature());
        if guard!("verify-before-accept") {
            verified?;
        }
        Ok(Verified(&self.0))
    }
}

/// What follows the label that says what the signature is for.
fn without_purpose<'a, 'b>(context: &'a [&'b [u8]]) -> &'a [&'b [u8]] {
    context.split_first().map_or(context, |(_, rest)| rest)
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
