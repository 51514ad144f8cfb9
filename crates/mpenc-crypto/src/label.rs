//! Every label under which a v2 session hashes, derives or signs (wire-v2.md sections 1.3, 1.4).
//!
//! # Security
//!
//! The registry is closed: no label can be made outside this module, so that no two uses anywhere
//! share one unless they share the constant. A test enumerates both lists.

/// Says what a hash or a derived value is for (V2-004).
///
/// ASCII, 1 to 255 bytes, without a zero byte.
//= docs/spec/v2.md#V2-004
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(&'static str);

/// Says what a signature is for (V2-009): the first part of everything that is signed.
///
/// Text without a zero byte, then one zero byte, so that none is a prefix of another.
//= docs/spec/v2.md#V2-009
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignLabel(&'static str);

impl Label {
    /// The label as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The bytes that go into a frame.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

impl SignLabel {
    /// The bytes that go before what is signed, the zero byte at the end included.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

/// Constants and the list of all of them, so that none can be missing there.
macro_rules! registry {
    ($kind:ident, $all:ident, $(#[$list:meta])* { $($(#[$doc:meta])* $name:ident = $text:literal;)* }) => {
        impl $kind {
            $($(#[$doc])* pub const $name: Self = Self($text);)*
        }

        $(#[$list])*
        pub const $all: &[$kind] = &[$($kind::$name),*];
    };
}

registry!(Label, ALL,
    /// All labels of hashes and derivations.
    {
        /// `H`: the label of the session, section 4.1.
        SESSION_LABEL = "session-label";
        /// `H`: identifier of an operation, section 4.1.
        OPERATION = "operation";
        /// `H`: all contributions of an operation, `ctx`, section 3.1.
        CONTRIBUTIONS = "contributions";
        /// `H64`: challenge of a proof, section 3.2.
        PROOF = "proof";
        /// `H`: contributions and shares, `T`, section 3.3.
        TRANSCRIPT = "transcript";
        /// `H`: identifier of a subsession, section 3.3.
        SID = "sid";
        /// `H`: fingerprint of a session, section 3.4.
        FINGERPRINT = "fingerprint";
        /// `H`: identifier of a packet, section 2.
        PACKET = "packet";
        /// `H`: identifier of a leave event, section 2.
        LEAVE = "leave";
        /// `H`: where the chain of operations begins, section 2.
        CHAIN_START = "chain-start";
        /// `H`: the chain of operations, section 2.
        CHAIN = "chain";
        /// `H`: the hedging key, section 7.
        HEDGING_KEY = "hedging-key";
        /// `Expand`: the key-check value, section 3.3.
        KEY_CHECK = "key-check";
        /// `Expand`: what the next operation starts from, section 3.3.
        EXPORTER = "exporter";
        /// `Expand`: the root of all message keys, section 3.3.
        MESSAGES = "messages";
        /// `Expand`: first chain key of an author, section 5.1.
        AUTHOR_CHAIN = "author-chain";
        /// `Expand`: key of message identifiers, section 5.1.
        MESSAGE_ID_KEY = "message-id-key";
        /// `Expand`: next chain key and message key, section 5.1.
        CHAIN_STEP = "chain-step";
        /// `Expand`: tag, key and nonce key of a message, section 5.1.
        MESSAGE_KEYS = "message-keys";
        /// `Expand`: key and nonce key of the requests of a subsession, section 5.6.
        REQUEST_KEYS = "request-keys";
        /// `Expand`: a hedged random value, section 7.
        HEDGED = "hedged";
        /// `H`: identifier of a message, section 5.3.
        MESSAGE_ID = "message-id";
        /// `H`: what the author of a message signs, section 5.3.
        MESSAGE = "message";
        /// `H`: nonce of a message, section 5.2.
        NONCE = "nonce";
        /// `H`: digest of a content in parts, section 5.5.
        CONTENT = "content";
    }
);

registry!(SignLabel, ALL_SIGN,
    /// All labels of signatures.
    {
        /// An initial packet, by the identity key.
        INITIAL = "mpENC-2 initial\0";
        /// A contribution, by the identity key.
        CONTRIBUTION = "mpENC-2 contribution\0";
        /// A share, by the ephemeral key.
        SHARE = "mpENC-2 share\0";
        /// A confirmation, by the identity key.
        CONFIRMATION = "mpENC-2 confirmation\0";
        /// An abort, by the identity key.
        ABORT = "mpENC-2 abort\0";
        /// A message, by the ephemeral key.
        MESSAGE = "mpENC-2 message\0";
        /// Where the hedging key comes from; by the identity key, never sent.
        HEDGING = "mpENC-2 hedging\0";
    }
);

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    //= docs/spec/v2.md#V2-004
    //= type=test
    //= docs/spec/attacks.md#ATK-016
    //= type=test
    #[test]
    fn no_two_uses_share_a_label() {
        // Counted by hand in wire-v2.md section 1.4.
        assert_eq!(ALL.len(), 25);
        let distinct: BTreeSet<&[u8]> = ALL.iter().map(|label| label.as_bytes()).collect();
        assert_eq!(distinct.len(), ALL.len());
        for label in ALL {
            assert!((1..=255).contains(&label.as_bytes().len()), "{label:?}");
            assert!(label.as_str().bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()));
        }
    }

    //= docs/spec/v2.md#V2-009
    //= type=test
    //= docs/spec/attacks.md#ATK-015
    //= type=test
    #[test]
    fn no_label_of_a_signature_begins_another() {
        assert_eq!(ALL_SIGN.len(), 7);
        for (i, one) in ALL_SIGN.iter().enumerate() {
            for other in ALL_SIGN.iter().skip(i + 1) {
                assert!(!one.as_bytes().starts_with(other.as_bytes()), "{one:?}");
                assert!(!other.as_bytes().starts_with(one.as_bytes()), "{one:?}");
            }
            let (last, text) = one.as_bytes().split_last().unwrap();
            assert_eq!(*last, 0);
            assert!(text.starts_with(b"mpENC-2 ") && text.is_ascii() && !text.contains(&0));
        }
    }

    /// The tables of the specification and the registry name the same.
    #[test]
    fn the_registry_is_the_one_of_the_specification() {
        let spec = include_str!("../../../docs/spec/wire-v2.md");
        let rows = |section: &str| -> BTreeSet<&'static str> {
            let (_, rest) = spec.split_once(section).unwrap();
            let table: BTreeSet<&str> = rest
                .lines()
                .skip_while(|line| !line.starts_with("| ---"))
                .skip(1)
                .take_while(|line| line.starts_with('|'))
                .flat_map(|line| line.split('|'))
                .filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`'))
                .filter(|cell| !cell.contains(['`', '(']) && cell.trim() == *cell)
                .collect();
            table
        };
        let ours: BTreeSet<&str> = ALL.iter().map(|label| label.as_str()).collect();
        assert_eq!(rows("### 1.4"), ours);
        let ours: BTreeSet<&str> =
            ALL_SIGN.iter().map(|label| label.0.strip_suffix('\0').unwrap()).collect();
        assert_eq!(rows("### 1.3"), ours);
    }
}
