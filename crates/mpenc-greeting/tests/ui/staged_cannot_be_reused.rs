use mpenc_greeting::{Greeter, Staged};

fn twice(greeter: &mut dyn Greeter, staged: Staged) {
    let _ = greeter.merge(staged);
    let _ = greeter.merge(staged);
}

fn copy(staged: &Staged) -> Staged {
    staged.clone()
}

fn main() {}
