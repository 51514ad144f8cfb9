use mpenc_crypto::{GroupDiffieHellman, V1};

fn twice(x: <V1 as GroupDiffieHellman>::Contribution) {
    let _copy = x.clone();
}

fn main() {
    let _ = twice;
}
