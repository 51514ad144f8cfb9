fn main() {
    let _verified = mpenc_crypto::Verified("never signed");
}
