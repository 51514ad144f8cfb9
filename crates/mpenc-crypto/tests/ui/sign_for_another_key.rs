use mpenc_crypto::{PublicKey, SecretBytes, SigningKey, Suite, V1};

fn main() {
    let seed = SecretBytes::new([0; 32]);
    let foreign = PublicKey::new([0; 32]);
    let _key = <V1 as Suite>::SigningKey::from_seed(&seed, &foreign);
}
