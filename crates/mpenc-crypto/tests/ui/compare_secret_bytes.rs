fn main() {
    let secret = mpenc_crypto::SecretBytes::new([0; 32]);
    let other = mpenc_crypto::SecretBytes::new([0; 32]);
    let _equal = secret == other;
}
