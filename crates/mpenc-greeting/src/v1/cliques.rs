//! Group Diffie–Hellman among an ordered list of members: arithmetic on lists, nothing else.
//!
//! An *intermediate key* `K_j` is the product of everybody's shares except member `j`'s; the
//! *cardinal key* is the product of all shares so far, and the group secret once everybody has
//! taken part. Who may send which list, and who may believe it, is decided elsewhere.
//!
//! Source: protocol.md section 3, wire-v1.md section 6.4.

use alloc::vec::Vec;

use mpenc_crypto::{DhError, GroupDiffieHellman, SecretBytes};
use rand_core::CryptoRng;

/// A list with a fresh share of ours in it.
pub(crate) struct Shared<S: GroupDiffieHellman> {
    /// `K_0 … K_{q}`: one for each member that has taken part.
    pub(crate) keys: Vec<S::Element>,
    /// Product of all shares so far. **Secret** if everybody has taken part.
    pub(crate) cardinal: S::Element,
    /// All own shares, the fresh one included.
    pub(crate) all: S::Accumulated,
}

/// Begins an initial agreement: the list `(B)` and the cardinal key `x_0·B`.
pub(crate) fn begin<S: GroupDiffieHellman>(rng: &mut dyn CryptoRng) -> Result<Shared<S>, DhError> {
    //= docs/spec/protocol.md#GKA-001
    let x = S::contribute(rng);
    let cardinal = S::apply(&x, &S::base())?;
    Ok(Shared { keys: Vec::from([S::base()]), cardinal, all: S::fold(None, &x) })
}

/// Takes part: multiplies every intermediate key, and turns the cardinal key into our own
/// intermediate key and a new cardinal key.
pub(crate) fn take_part<S: GroupDiffieHellman>(
    rng: &mut dyn CryptoRng,
    keys: &[S::Element],
    cardinal: &S::Element,
) -> Result<Shared<S>, DhError> {
    //= docs/spec/protocol.md#GKA-002
    //= docs/spec/protocol.md#GKA-024
    let x = S::contribute(rng);
    let mut next = Vec::with_capacity(keys.len().saturating_add(1));
    for key in keys {
        next.push(S::apply(&x, key)?);
    }
    next.push(cardinal.clone());
    Ok(Shared { keys: next, cardinal: S::apply(&x, cardinal)?, all: S::fold(None, &x) })
}

/// Renews our share in an existing list, in which our own intermediate key is at `own`.
pub(crate) fn renew<S: GroupDiffieHellman>(
    rng: &mut dyn CryptoRng,
    mut keys: Vec<S::Element>,
    own: usize,
    former: &S::Accumulated,
) -> Result<Shared<S>, DhError> {
    //= docs/spec/protocol.md#GKA-006
    //= docs/spec/protocol.md#GKA-010
    //= docs/spec/protocol.md#GKA-024
    let x = S::contribute(rng);
    let all = S::fold(Some(former), &x);
    let mut cardinal = Err(DhError);
    for (index, key) in keys.iter_mut().enumerate() {
        if index == own {
            cardinal = S::apply_all(&all, key);
        } else {
            *key = S::apply(&x, key)?;
        }
    }
    Ok(Shared { keys, cardinal: cardinal?, all })
}

/// Derives the group key from our own entry of a complete list.
pub(crate) fn group_key<S: GroupDiffieHellman>(
    all: &S::Accumulated,
    own_key: &S::Element,
) -> Result<SecretBytes<32>, DhError> {
    //= docs/spec/protocol.md#GKA-004
    //= docs/spec/protocol.md#GKA-005
    //= docs/spec/protocol.md#GKA-021
    Ok(S::group_key(S::apply_all(all, own_key)?))
}

/// Validates every entry of a received list; the short form is not allowed in it.
pub(crate) fn import<S: GroupDiffieHellman>(
    keys: &[Option<[u8; 32]>],
) -> Result<Vec<S::Element>, DhError> {
    //= docs/spec/protocol.md#GKA-017
    keys.iter().map(|key| S::import(key.as_ref().ok_or(DhError)?)).collect()
}

/// The list as it travels, without short forms.
pub(crate) fn export<S: GroupDiffieHellman>(keys: &[S::Element]) -> Vec<Option<[u8; 32]>> {
    keys.iter().map(|key| Some(S::export(key))).collect()
}
