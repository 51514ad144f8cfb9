fn main() {
    let secret = mpenc_crypto::SecretBytes::new([0; 32]);
    let _copy = secret.clone();
}
