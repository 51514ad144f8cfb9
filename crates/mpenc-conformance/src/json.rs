//! Reading a vector file: every value knows where it stands, and nothing is taken for granted.

use std::fmt;

use mpenc_types::{MemberId, MemberSet, MessageId};
use serde_json::Value;

/// Something that is not as recorded, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path of the first field that differs, such as `cases[2].sid`.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
}

impl Fault {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

pub(crate) type Checked<T = ()> = Result<T, Fault>;

/// A value of the file and its path.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    place: String,
}

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { value, place: String::new() }
    }

    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// A fault at this place.
    pub(crate) fn fault(&self, what: impl Into<String>) -> Fault {
        Fault::new(self.place.clone(), what)
    }

    /// A fault at a field of this value.
    pub(crate) fn fault_at(&self, key: &str, what: impl Into<String>) -> Fault {
        Fault::new(self.below(key), what)
    }

    fn below(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    /// A field, if it is there and not null: missing fields mean "none".
    pub(crate) fn opt(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Self { value, place: self.below(key) })
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.opt(key).is_some()
    }

    pub(crate) fn get(&self, key: &str) -> Checked<Self> {
        self.opt(key).ok_or_else(|| self.fault_at(key, "is missing"))
    }

    /// Entries of a list.
    pub(crate) fn items(&self) -> Checked<Vec<Self>> {
        let list = self.value.as_array().ok_or_else(|| self.fault("is not a list"))?;
        let item = |(i, value)| Self { value, place: format!("{}[{i}]", self.place) };
        Ok(list.iter().enumerate().map(item).collect())
    }

    /// Entries of the list in a field; none if the field is missing.
    pub(crate) fn list(&self, key: &str) -> Checked<Vec<Self>> {
        self.opt(key).map_or(Ok(Vec::new()), |node| node.items())
    }

    /// Fields of a map, in its order.
    pub(crate) fn fields(&self) -> Checked<Vec<(&'a str, Self)>> {
        let map = self.value.as_object().ok_or_else(|| self.fault("is not a map"))?;
        let field = |(key, value): (&'a String, &'a Value)| {
            (key.as_str(), Self { value, place: self.below(key) })
        };
        Ok(map.iter().map(field).collect())
    }

    pub(crate) fn is_text(&self) -> bool {
        self.value.is_string()
    }

    pub(crate) fn is_true(&self) -> bool {
        self.value == &Value::Bool(true)
    }

    pub(crate) fn text(&self) -> Checked<&'a str> {
        self.value.as_str().ok_or_else(|| self.fault("is not a string"))
    }

    pub(crate) fn flag(&self) -> Checked<bool> {
        self.value.as_bool().ok_or_else(|| self.fault("is not true or false"))
    }

    pub(crate) fn number(&self) -> Checked<u64> {
        let integral = || {
            let value = self.value.as_f64()?;
            // Some writers say 5000.0.
            let text = format!("{value:.0}");
            (value >= 0.0 && value.fract() == 0.0).then(|| text.parse().ok()).flatten()
        };
        let number = self.value.as_u64().or_else(integral);
        number.ok_or_else(|| self.fault("is not a whole number from 0"))
    }

    pub(crate) fn size(&self) -> Checked<usize> {
        usize::try_from(self.number()?).map_err(|_| self.fault("is too large"))
    }

    pub(crate) fn real(&self) -> Checked<f64> {
        self.value.as_f64().ok_or_else(|| self.fault("is not a number"))
    }

    pub(crate) fn hex(&self) -> Checked<Vec<u8>> {
        hex::decode(self.text()?).map_err(|error| self.fault(format!("is not hex: {error}")))
    }

    pub(crate) fn array<const N: usize>(&self) -> Checked<[u8; N]> {
        let bytes = self.hex()?;
        let found = bytes.len();
        bytes.try_into().map_err(|_| self.fault(format!("has {found} bytes instead of {N}")))
    }

    pub(crate) fn message_id(&self) -> Checked<MessageId> {
        Ok(MessageId::from(self.array::<20>()?))
    }

    /// A member as the files of packets write it.
    pub(crate) fn hex_member(&self) -> Checked<MemberId> {
        Ok(MemberId::from_wire(&self.hex()?))
    }

    /// A member as the files of operations and sessions write it.
    pub(crate) fn member(&self) -> Checked<MemberId> {
        Ok(member(self.text()?))
    }

    pub(crate) fn members(&self) -> Checked<Vec<MemberId>> {
        self.items()?.iter().map(Self::member).collect()
    }

    pub(crate) fn hex_members(&self) -> Checked<Vec<MemberId>> {
        self.items()?.iter().map(Self::hex_member).collect()
    }

    pub(crate) fn member_set(&self) -> Checked<MemberSet> {
        Ok(self.members()?.into_iter().collect())
    }

    pub(crate) fn message_ids(&self) -> Checked<Vec<MessageId>> {
        self.items()?.iter().map(Self::message_id).collect()
    }

    /// Holds what we computed against this value.
    pub(crate) fn expect_hex(&self, found: &[u8]) -> Checked {
        let expected = self.hex()?;
        self.expect(&hex::encode(expected), &hex::encode(found))
    }

    pub(crate) fn expect_text(&self, found: &[u8]) -> Checked {
        let expected = self.text()?;
        self.expect(&expected, &String::from_utf8_lossy(found).as_ref())
    }

    pub(crate) fn expect_number(&self, found: usize) -> Checked {
        self.expect(&self.size()?, &found)
    }

    pub(crate) fn expect_flag(&self, found: bool) -> Checked {
        self.expect(&self.flag()?, &found)
    }

    pub(crate) fn expect<T: PartialEq + fmt::Debug>(&self, expected: &T, found: &T) -> Checked {
        if expected == found {
            return Ok(());
        }
        let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
        Err(self.fault(difference(&expected, &found)))
    }
}

/// A member identifier as text: one character is one byte, as in the original.
pub(crate) fn member(name: &str) -> MemberId {
    let narrow: Option<Vec<u8>> = name.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    match narrow {
        Some(bytes) => MemberId::from_wire(&bytes),
        None => MemberId::from_wire(name.as_bytes()),
    }
}

/// What is expected and what is there, from a little before the first difference.
fn difference(expected: &str, found: &str) -> String {
    const SHOWN: usize = 96;
    let same = expected.chars().zip(found.chars()).take_while(|(a, b)| a == b).count();
    let from = if expected.len().max(found.len()) <= SHOWN { 0 } else { same.saturating_sub(16) };
    let cut = |text: &str| {
        let part: String = text.chars().skip(from).take(SHOWN).collect();
        let (before, after) =
            (if from > 0 { "…" } else { "" }, text.chars().count() > from + SHOWN);
        format!("{before}{part}{}", if after { "…" } else { "" })
    };
    let place = if from > 0 { format!(" (at character {same})") } else { String::new() };
    format!("expected {}, found {}{place}", cut(expected), cut(found))
}

/// Parses a file. Texts of JavaScript may contain halves of surrogate pairs, which no Unicode text
/// has; each becomes U+FFFF, which no vector has otherwise.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&without_lone_surrogates(text)))
        .map_err(|error| format!("is not JSON: {error}"))
}

/// What stands for half of a surrogate pair.
pub(crate) const LONE_SURROGATE: char = '\u{ffff}';

fn without_lone_surrogates(text: &str) -> String {
    let unit = |at: usize| -> Option<u32> {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let take = if !rest.starts_with('\\') {
            rest.find('\\').unwrap_or(rest.len())
        } else {
            match unit(at) {
                Some(0xd800..0xdc00) if matches!(unit(at + 6), Some(0xdc00..0xe000)) => 12,
                Some(0xd800..0xe000) => {
                    clean.push_str("\\uffff");
                    at += 6;
                    continue;
                }
                Some(_) => 6,
                None => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            }
        };
        clean.push_str(rest.get(..take).unwrap_or(rest));
        at += take;
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_surrogates_are_marked_and_whole_ones_kept() {
        let text = r#"["\ud83d\ude00", "\ud800", "\\ud800", "\udc00\ud800x", "\n"]"#;
        let value = parse(text).unwrap();
        let found: Vec<&str> =
            value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        assert_eq!(found, ["\u{1f600}", "\u{ffff}", "\\ud800", "\u{ffff}\u{ffff}x", "\n"]);
    }

    #[test]
    fn missing_and_wrong_fields_are_named() {
        let value = parse(r#"{"a": [{"b": 1}], "n": null}"#).unwrap();
        let root = Node::root(&value);
        assert!(!root.has("n"));
        let item = root.get("a").unwrap().items().unwrap().remove(0);
        assert_eq!(item.get("c").unwrap_err().to_string(), "a[0].c: is missing");
        assert_eq!(
            item.get("b").unwrap().text().unwrap_err().to_string(),
            "a[0].b: is not a string"
        );
        let wrong = item.get("b").unwrap().expect_number(2).unwrap_err();
        assert_eq!(wrong.to_string(), "a[0].b: expected 1, found 2");
    }

    #[test]
    fn long_differences_are_cut() {
        let (a, b) = ("x".repeat(300), format!("{}y", "x".repeat(299)));
        assert!(difference(&a, &b).len() < 250);
        assert!(difference(&a, &b).contains("character 299"));
    }
}
