use alloc::sync::Arc;
use core::fmt;

use crate::limits::MAX_MEMBER_ID_LEN;

/// Names a member of a session: an opaque byte string, compared byte for byte (MOD-013).
///
/// [`MemberId::new`] accepts what a session accepts. [`MemberId::from_wire`] takes any bytes,
/// because codec and hashes below the session do; [`MemberId::check`] tells them apart.
/// Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(Arc<[u8]>);

/// Why a string cannot name a member of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberIdError {
    /// No bytes at all (ATK-012).
    Empty,
    /// More than 255 bytes.
    TooLong {
        /// Length found, in bytes.
        found: usize,
    },
    /// A control character, which hashes use as separators and terminals obey (ATK-011).
    ControlCharacter,
    /// Bytes that are not UTF-8.
    NotUtf8,
}

impl fmt::Display for MemberIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a member name must not be empty"),
            Self::TooLong { found } => write!(
                f,
                "a member name has at most {MAX_MEMBER_ID_LEN} bytes, this one has {found}"
            ),
            Self::ControlCharacter => {
                f.write_str("a member name must not contain control characters")
            }
            Self::NotUtf8 => f.write_str("a member name must be valid UTF-8"),
        }
    }
}

impl core::error::Error for MemberIdError {}

impl MemberId {
    /// Takes a name that a session accepts: 1 to 255 bytes of UTF-8 without control characters.
    ///
    /// # Errors
    ///
    /// One [`MemberIdError`] for each of these conditions.
    pub fn new(name: impl AsRef<str>) -> Result<Self, MemberIdError> {
        let id = Self::from_wire(name.as_ref().as_bytes());
        id.check()?;
        Ok(id)
    }

    /// Takes bytes as they came, unchecked.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    /// Whether a session accepts this name; see [`MemberId::new`].
    ///
    /// # Errors
    ///
    /// One [`MemberIdError`] for each condition.
    pub fn check(&self) -> Result<(), MemberIdError> {
        if self.0.is_empty() {
            return Err(MemberIdError::Empty);
        }
        if self.0.len() > MAX_MEMBER_ID_LEN {
            return Err(MemberIdError::TooLong { found: self.0.len() });
        }
        let name = core::str::from_utf8(&self.0).map_err(|_| MemberIdError::NotUtf8)?;
        if name.chars().any(char::is_control) {
            return Err(MemberIdError::ControlCharacter);
        }
        Ok(())
    }

    /// The bytes of the name.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Prints the name with everything that is not printable text escaped.
impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if crate::guard!("escape-output") && c.is_control() {
                    write!(f, "{}", c.escape_default())?;
                } else {
                    write!(f, "{c}")?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String};

    #[test]
    fn names_are_checked() {
        fn check(name: &str, expect: Result<(), MemberIdError>) {
            assert_eq!(MemberId::new(name).map(|_| ()), expect, "{name:?}");
        }
        check("alice", Ok(()));
        check("ålice@example/phone", Ok(()));
        check("", Err(MemberIdError::Empty));
        check("a\nb", Err(MemberIdError::ControlCharacter));
        check("a\u{85}b", Err(MemberIdError::ControlCharacter));
        let long: String = core::iter::repeat_n('x', 256).collect();
        check(long.get(..255).unwrap(), Ok(()));
        check(&long, Err(MemberIdError::TooLong { found: 256 }));
        assert_eq!(MemberId::from_wire(&[0xff]).check(), Err(MemberIdError::NotUtf8));
    }

    #[test]
    fn printing_is_harmless() {
        assert_eq!(format!("{}", MemberId::from_wire(b"a\x1b[2Jb\xff")), "a\\u{1b}[2Jb\\xff");
    }
}
