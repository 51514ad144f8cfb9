use alloc::collections::BTreeMap;

use mpenc_crypto::PublicKey;
use mpenc_types::MemberId;

/// Decides which identity key belongs to whom (SKE-008).
///
/// # Security
///
/// Everything that a session says about who wrote what rests on these answers. The channel offers
/// keys, but the channel is not trusted: a directory that believes it at least remembers.
pub trait Directory: Send + 'static {
    /// The identity key of `member`, or `None` if there is none to rely on; then no operation
    /// with that member is possible. `offered` is what the channel passes on, if anything.
    ///
    /// Called whenever the channel offers a key, and for members that enter without one.
    fn identity_key(&mut self, member: &MemberId, offered: Option<&PublicKey>)
    -> Option<PublicKey>;
}

/// A fixed list; what the channel offers is ignored.
impl Directory for BTreeMap<MemberId, PublicKey> {
    fn identity_key(&mut self, member: &MemberId, _: Option<&PublicKey>) -> Option<PublicKey> {
        self.get(member).copied()
    }
}

/// Believes the channel the first time it names a key for somebody, and holds on to that: another
/// key offered later is ignored. Lives in memory only.
///
/// # Security
///
/// Whoever runs the channel can stand in for somebody whose key was never seen. Compare
/// fingerprints over another way of talking.
#[derive(Clone, Debug, Default)]
pub struct TrustOnFirstUse(BTreeMap<MemberId, PublicKey>);

impl TrustOnFirstUse {
    /// Knows nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Directory for TrustOnFirstUse {
    fn identity_key(
        &mut self,
        member: &MemberId,
        offered: Option<&PublicKey>,
    ) -> Option<PublicKey> {
        if let (None, Some(offered)) = (self.0.get(member), offered) {
            self.0.insert(member.clone(), *offered);
        }
        self.0.get(member).copied()
    }
}
