use mpenc_crypto::{GroupDiffieHellman, V1};

fn twice(all: <V1 as GroupDiffieHellman>::Accumulated) {
    let _copy = all.clone();
}

fn main() {
    let _ = twice;
}
