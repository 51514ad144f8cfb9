use mpenc_crypto::{GroupDiffieHellman, V1};

fn main() {
    let _secret = V1::group_key([0; 32]);
}
