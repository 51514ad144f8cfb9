//! Keys in files: our own identity, and the identity keys of others as we first met them.

mod identity;
mod known;
mod place;

pub(crate) use identity::{Origin, load_or_create, plain, random_identity};
pub(crate) use known::{Alarm, KnownKeys, SharedKeys, Trust};
pub(crate) use place::Place;

use mpenc::PublicKey;

/// A key as people compare it: 64 hexadecimal digits in 16 groups of four.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    let digits = hex::encode(key.as_bytes());
    let mut out = String::with_capacity(digits.len().saturating_add(15));
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index.is_multiple_of(4) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Whether `text` is the fingerprint of `key`, whatever its spaces and capitals.
pub(crate) fn is_fingerprint_of(text: &str, key: &PublicKey) -> bool {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits.eq_ignore_ascii_case(&hex::encode(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_come_in_groups() {
        let key = PublicKey::new([0xa1; 32]);
        let text = fingerprint(&key);
        assert!(text.starts_with("a1a1 a1a1 ") && text.len() == 64 + 15);
        assert!(is_fingerprint_of(&text, &key));
        assert!(is_fingerprint_of(&text.to_uppercase().replace(' ', ""), &key));
        assert!(!is_fingerprint_of(&text[1..], &key));
        assert!(!is_fingerprint_of("", &key));
    }
}
