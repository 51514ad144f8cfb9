use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher as _};

use crate::{SecretBytes, StreamCipher, V1};

impl StreamCipher for V1 {
    /// AES-256-CTR; the first counter block is `iv || 00000000`, big endian.
    ///
    /// # Security
    ///
    /// Gives no integrity, and two uses of one `iv` under one `key` give both plaintexts away: the
    /// caller draws a fresh `iv` for each message.
    fn apply_keystream(key: &SecretBytes<32>, iv: &[u8; 12], data: &mut [u8]) {
        let mut block = [0; 16];
        for (to, from) in block.iter_mut().zip(iv) {
            *to = *from;
        }
        Ctr128BE::<Aes256>::new(key.expose().into(), &block.into()).apply_keystream(data);
    }
}
