use mpenc_greeting::SubsessionKeys;

fn copy(keys: &SubsessionKeys) -> SubsessionKeys {
    keys.clone()
}

fn main() {}
