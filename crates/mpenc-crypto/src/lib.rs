//! Cryptography of mpENC behind one interface.
//!
//! [`Suite`] is what every profile needs: hashing, signing, strict verification. Extension traits
//! add what one profile needs: [`GroupDiffieHellman`] and [`StreamCipher`] for v1; [`FramedHash`],
//! [`KeyDerivation`], [`Aead`] and [`PrimeOrderGroup`], together a [`BroadcastSuite`], for v2.
//! [`V1`] is the suite of the original (X25519, Ed25519, AES-CTR, SHA-256), [`V2`] the one of the
//! second profile (ristretto255, Ed25519, ChaCha20-Poly1305, BLAKE2b); a further suite is a module
//! beside them, with what its formats demand. Nothing here is a primitive of our own: each is a
//! well-kept crate, wrapped so that it cannot be misused in the ways that `docs/spec/attacks.md`
//! lists. Only the [`proof`] of equal logarithms is composed here, from its description.
//!
//! The crate knows nothing of packets or sessions, does no input or output, reads no clock and
//! draws no randomness: that is an argument.
//!
//! # Signed data climbs a ladder
//!
//! Bytes decode to [`Unverified`]; [`Unverified::verify`] alone makes [`Verified`].
//!
//! # Nothing is hashed without a label
//!
//! What v2 hashes and derives is [framed](framing): profile, suite, [label](Label), and each part
//! with its length. What it signs begins with a [`SignLabel`]. Both registries are
//! [closed](label).
//!
//! # Examples
//!
//! ```
//! use mpenc_crypto::{GroupDiffieHellman, SecretBytes, SigningKey, Suite, V1, VerifyingKey};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let mut rng = ChaCha20Rng::seed_from_u64(0);
//!
//! // Sign and verify. The first part says what the signature is for.
//! let key = <V1 as Suite>::SigningKey::generate(&mut rng);
//! let signature = key.sign(&[b"example", b"hello"]);
//! let verifying = <V1 as Suite>::VerifyingKey::import(&key.public())?;
//! verifying.verify(&[b"example", b"hello"], &signature)?;
//!
//! // Agree on a key: each applies the own share to what lacks only it.
//! let (x, y) = (V1::contribute(&mut rng), V1::contribute(&mut rng));
//! let lacks_y = V1::import(&V1::export(&V1::apply(&x, &V1::base())?))?;
//! let lacks_x = V1::import(&V1::export(&V1::apply(&y, &V1::base())?))?;
//! let of_x = V1::group_key(V1::apply_all(&V1::fold(None, &x), &lacks_x)?);
//! let of_y = V1::group_key(V1::apply_all(&V1::fold(None, &y), &lacks_y)?);
//! assert_eq!(of_x.expose(), of_y.expose());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Security
//!
//! Nobody outside has audited this crate.
//!
//! *Constant time* with respect to secrets, as far as the crates underneath keep their promise:
//! signing, [`contribute`](GroupDiffieHellman::contribute), [`apply`](GroupDiffieHellman::apply),
//! [`fold`](GroupDiffieHellman::fold), [`apply_all`](GroupDiffieHellman::apply_all), everything of
//! [`PrimeOrderGroup`] that takes a scalar or adds elements, [`proof::prove`], key derivation,
//! hashing, the ciphers (AES instructions, else bit-sliced; ChaCha20), the check of an
//! authenticator, and comparison of group elements. *Variable time*, because all inputs are
//! public: verification of signatures and [proofs](proof::verify), import of keys and elements,
//! the weights of [`weighted_sum`](PrimeOrderGroup::weighted_sum), and whether an operation fails.
//! Lengths are never hidden.
//!
//! *Wiped on drop*: [`SecretBytes`], signing keys, shares, accumulated shares, scalars, group
//! elements (the group secret is one), and what hashes and ciphers keep between calls. They cannot
//! be cloned, except group elements, and print as `[redacted]`. A text that is sealed and has to
//! move for its authenticator is wiped where it was.
//!
//! *Not wiped*: copies that the compiler leaves where a secret was moved from; registers and
//! stack that the curve arithmetic underneath used, the nonce of a signature among them; the
//! padded key that HMAC keeps for its second half, and the last block of output of HKDF, both on
//! the stack for the time of one call, until something else is written there; tables that
//! multiplication makes of an element; what the operating system wrote to swap, core dumps or
//! hibernation images. Whoever can read the memory of the process while it works has its secrets.
#![no_std]

extern crate alloc;

mod broadcast;
mod ed25519;
pub mod framing;
#[cfg(feature = "hazmat")]
pub mod hazmat;
mod keys;
pub mod label;
mod ladder;
pub mod proof;
mod suite;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod v1;
mod v2;

pub use broadcast::{Aead, AeadError, BroadcastSuite, FramedHash, KeyDerivation, PrimeOrderGroup};
pub use keys::{KeyError, PublicKey, SecretBytes, Signature};
pub use label::{Label, SignLabel};
pub use ladder::{Signed, Unverified, Verified, VerifyError};
pub use suite::{DhError, GroupDiffieHellman, SigningKey, StreamCipher, Suite, VerifyingKey};
pub use v1::V1;
pub use v2::V2;
