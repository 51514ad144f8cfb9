use mpenc_crypto::Label;

fn main() {
    let _ = Label("sid");
}
