use core::fmt;

macro_rules! id32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes 32 bytes as they are.
            #[must_use]
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                write_hex(f, &self.0)?;
                f.write_str(")")
            }
        }
    };
}

id32! {
    /// Identifies an operation packet together with its channel sender and the channel
    /// membership at that moment (ORD-003).
    PacketId
}
id32! {
    /// Running hash over the accepted operation packets (ORD-004).
    ChainHash
}
id32! {
    /// `sid`: identifies a subsession, derived from the operation that made it: in v1
    /// from its members and their nonces (SKE-001), in v2 from all contributions and shares.
    SubsessionId
}

/// Identifies a message: the same for every member that holds the same packet (MOD-007).
///
/// 1 to 32 bytes; 20 in a v1 session, 32 in a v2 session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    // Unused trailing bytes are zero, so that the derived order is the order of the bytes.
    bytes: [u8; 32],
    len: u8,
}

/// A message identifier of 0 bytes, or of more than 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageIdError {
    /// The length found, in bytes.
    pub found: usize,
}

impl fmt::Display for MessageIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message identifier must have 1 to 32 bytes, found {}", self.found)
    }
}

impl core::error::Error for MessageIdError {}

impl MessageId {
    /// Takes the bytes of an identifier.
    ///
    /// # Errors
    ///
    /// [`MessageIdError`] if there are none, or more than 32.
    pub fn new(id: &[u8]) -> Result<Self, MessageIdError> {
        let mut bytes = [0; 32];
        match (bytes.get_mut(..id.len()), u8::try_from(id.len())) {
            (Some(head), Ok(len)) if len > 0 => {
                head.copy_from_slice(id);
                Ok(Self { bytes, len })
            }
            _ => Err(MessageIdError { found: id.len() }),
        }
    }

    /// The bytes of the identifier.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl From<[u8; 20]> for MessageId {
    fn from(id: [u8; 20]) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(id) {
            *to = from;
        }
        Self { bytes, len: 20 }
    }
}

impl From<[u8; 32]> for MessageId {
    fn from(bytes: [u8; 32]) -> Self {
        Self { bytes, len: 32 }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.as_bytes())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageId(")?;
        write_hex(f, self.as_bytes())?;
        f.write_str(")")
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    // A precision shortens: `{id:.8}` prints the first four bytes.
    let digits = f.precision().unwrap_or(usize::MAX);
    for byte in bytes.iter().take(digits.div_ceil(2)) {
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn message_id_keeps_its_length() {
        let short = MessageId::new(&[0xab; 20]).unwrap();
        assert_eq!(short.as_bytes(), &[0xab; 20]);
        assert_eq!(format!("{short:.8}"), "abababab");
        assert!(MessageId::new(&[0; 32]).is_ok());
        assert_eq!(MessageId::new(&[]), Err(MessageIdError { found: 0 }));
        assert_eq!(MessageId::new(&[0; 33]), Err(MessageIdError { found: 33 }));
    }

    #[test]
    fn message_id_of_fixed_width() {
        assert_eq!(Ok(MessageId::from([7; 20])), MessageId::new(&[7; 20]));
        assert_eq!(Ok(MessageId::from([7; 32])), MessageId::new(&[7; 32]));
    }

    #[test]
    fn equal_prefixes_of_different_length_differ() {
        let a = MessageId::new(&[1]).unwrap();
        let b = MessageId::new(&[1, 0]).unwrap();
        assert_ne!(a, b);
        assert!(a < b);
    }
}
