use blake2::{Blake2b256, Blake2b512, Digest};
use hkdf::{SimpleHkdf, SimpleHkdfExtract};
use zeroize::Zeroize;

use crate::{FramedHash, KeyDerivation, Label, SecretBytes, V2, framing};

//= docs/spec/v2.md#V2-004
impl FramedHash for V2 {
    const SUITE_ID: u16 = 0x0201;

    /// BLAKE2b with 32 bytes of output, which is not a truncation, without key and salt.
    fn framed(label: Label, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Blake2b256::new();
        framing::hashed::<Self>(label, parts, |piece| hash.update(piece));
        hash.finalize().into()
    }

    /// BLAKE2b with 64 bytes of output.
    fn framed_wide(label: Label, parts: &[&[u8]]) -> [u8; 64] {
        let mut hash = Blake2b512::new();
        framing::hashed::<Self>(label, parts, |piece| hash.update(piece));
        hash.finalize().into()
    }
}

/// HKDF with HMAC-BLAKE2b-512, whose block has 128 bytes.
impl KeyDerivation for V2 {
    fn extract(salt: &[u8], ikm: &[&[u8]]) -> SecretBytes<64> {
        let mut extract = SimpleHkdfExtract::<Blake2b512>::new(Some(salt));
        for part in ikm {
            extract.input_ikm(part);
        }
        let (mut prk, _) = extract.finalize();
        let secret = SecretBytes::fill(|to| to.copy_from_slice(&prk));
        prk.as_mut_slice().zeroize();
        secret
    }

    #[expect(
        clippy::expect_used,
        reason = "constant lengths; going on with a key of zeros would be worse than to stop"
    )]
    fn expand(prk: &SecretBytes<64>, label: Label, parts: &[&[u8]], out: &mut [u8]) {
        let hkdf = SimpleHkdf::<Blake2b512>::from_prk(prk.expose()).expect("a key of 64 bytes");
        hkdf.expand(&framing::derived::<Self>(label, parts), out)
            .expect("HKDF-BLAKE2b-512 gives up to 16320 bytes");
    }
}
