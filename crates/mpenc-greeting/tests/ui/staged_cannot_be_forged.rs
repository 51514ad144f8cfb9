use mpenc_greeting::Staged;
use mpenc_types::SubsessionId;

fn main() {
    let _ = Staged { sid: SubsessionId::new([0; 32]), metadata_authenticated: true };
}
