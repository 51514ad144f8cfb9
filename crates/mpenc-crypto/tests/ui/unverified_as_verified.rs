use mpenc_crypto::{Unverified, Verified};

fn accept(_: Verified<&str>) {}

fn main() {
    accept(Unverified::new("never signed"));
}
