use mpenc_crypto::{PrimeOrderGroup, V2};

fn twice(r: <V2 as PrimeOrderGroup>::Scalar) {
    let _copy = r.clone();
}

fn main() {
    let _ = twice;
}
