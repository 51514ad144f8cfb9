use mpenc_crypto::{SecretBytes, SigningKey, Suite, V1};

fn main() {
    let key = <V1 as Suite>::SigningKey::from_seed(&SecretBytes::new([0; 32]));
    let _copy = key.clone();
}
