//! The relay's protocol, byte for byte as `docs/relay-protocol.md` describes it: what both sides
//! write and read.

use core::fmt;

use mpenc::{Identity, MemberId, MemberIdError, PublicKey, Signature};
use mpenc_crypto::{Suite, V1, VerifyingKey};
use serde::{Deserialize, Serialize};

/// The WebSocket sub-protocol both sides must name.
pub(crate) const PROTOCOL: &str = "mpenc-relay-v1";

/// Bytes of a packet frame before the sender's name: sequence number and length of the name.
const PACKET_HEADER_LEN: usize = 8 + 1;

/// Bytes of a control frame from a client, inclusive. The largest is a hello whose two names
/// consist of 255 bytes, each escaped.
pub(crate) const MAX_CONTROL_LEN: usize = 8 * 1024;

/// Ends the possible confusion of a hello with anything else an identity key signs (SKE-007).
const HELLO_LABEL: &[u8] = b"mpenc-relay-hello-v1";

/// Control frames from a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum ToRelay {
    Hello(Hello),
    Enter {
        /// Names the stay that begins; drawn at random by the client.
        ticket: Hex<16>,
    },
    Leave,
    Kick {
        name: String,
    },
}

/// Who a client is, with proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) room: String,
    pub(crate) name: String,
    pub(crate) key: Hex<32>,
    pub(crate) signature: Hex<64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resume: Option<Resume>,
}

/// The stay in the room that a client wants to go on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resume {
    pub(crate) ticket: Hex<16>,
    /// The last event received, 0 if not even the first one of the stay was.
    pub(crate) seq: u64,
}

/// Control frames from the relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum ToClient {
    Challenge {
        challenge: Hex<32>,
    },
    Welcome(Welcome),
    /// The receiver entered; takes the place of `MemberEntered` for it alone.
    Entered {
        seq: u64,
        members: Vec<Presence>,
    },
    MemberEntered {
        seq: u64,
        #[serde(flatten)]
        member: Presence,
    },
    MemberLeft {
        seq: u64,
        name: String,
        reason: LeaveReason,
    },
}

/// The relay's answer to a hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Welcome {
    /// Whether the stay asked for goes on.
    pub(crate) resumed: bool,
    /// Requests of this stay that have arrived; 0 unless resumed.
    pub(crate) received: u64,
    pub(crate) max_packet: usize,
    pub(crate) grace_ms: u64,
    pub(crate) ping_ms: u64,
}

/// Somebody in a room, with the identity key they proved to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Presence {
    pub(crate) name: String,
    pub(crate) key: Hex<32>,
}

/// Why somebody is no longer in a room. For people only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LeaveReason {
    Left,
    Kicked,
    Dropped,
    Lagging,
    Replaced,
    Malformed,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

/// `N` bytes as lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Hex<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl<const N: usize> From<Hex<N>> for String {
    fn from(hex: Hex<N>) -> Self {
        hex::encode(hex.0)
    }
}

impl<const N: usize> TryFrom<String> for Hex<N> {
    type Error = String;

    fn try_from(digits: String) -> Result<Self, String> {
        let mut bytes = [0; N];
        let lower = !digits.bytes().any(|digit| digit.is_ascii_uppercase());
        if lower && hex::decode_to_slice(&digits, &mut bytes).is_ok() {
            Ok(Self(bytes))
        } else {
            Err(format!("expected {} lower-case hexadecimal digits", 2 * N))
        }
    }
}

/// A control frame as text.
pub(crate) fn encode<T: Serialize>(control: &T) -> String {
    // Serialising these types cannot fail: no maps, no foreign code. An empty text would be
    // refused by the other side.
    serde_json::to_string(control).unwrap_or_default()
}

/// Reads a control frame: one JSON object.
pub(crate) fn decode<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, String> {
    // `serde` would take a list for an object.
    if !text.trim_start().starts_with('{') {
        return Err("expected a JSON object".to_owned());
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A packet frame to a client.
pub(crate) fn encode_packet(seq: u64, sender: &MemberId, packet: &[u8]) -> Vec<u8> {
    let name = sender.as_bytes();
    let mut frame = Vec::with_capacity(
        PACKET_HEADER_LEN.saturating_add(name.len()).saturating_add(packet.len()),
    );
    frame.extend_from_slice(&seq.to_be_bytes());
    // Names are checked on hello: at most 255 bytes.
    frame.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    frame.extend_from_slice(name);
    frame.extend_from_slice(packet);
    frame
}

/// Takes a packet frame apart: sequence number, sender, packet.
pub(crate) fn decode_packet(frame: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (seq, rest) = frame.split_first_chunk::<8>()?;
    let (&len, rest) = rest.split_first()?;
    let (name, packet) = rest.split_at_checked(usize::from(len))?;
    Some((u64::from_be_bytes(*seq), name, packet))
}

/// The payload of a ping: the last event sent before it. The pong confirms it.
pub(crate) fn decode_confirmation(pong: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(pong.try_into().ok()?))
}

/// A room's name: 1 to 255 bytes of UTF-8 without control characters, as a member's name.
pub(crate) fn check_room(room: &str) -> Result<(), &'static str> {
    match MemberId::new(room) {
        Ok(_) => Ok(()),
        Err(MemberIdError::Empty) => Err("a room name must not be empty"),
        Err(MemberIdError::TooLong { .. }) => Err("a room name has at most 255 bytes"),
        Err(_) => Err("a room name must not contain control characters"),
    }
}

/// Everything a hello's signature covers, after the label: each part behind its length.
fn signed_parts(challenge: &[u8; 32], room: &str, name: &[u8], key: &PublicKey) -> Vec<u8> {
    let mut signed = Vec::new();
    for part in [challenge.as_slice(), room.as_bytes(), name, key.as_bytes()] {
        let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
        signed.extend_from_slice(&len.to_be_bytes());
        signed.extend_from_slice(part);
    }
    signed
}

/// Answers a challenge.
pub(crate) fn prove(
    identity: &Identity,
    challenge: &[u8; 32],
    room: &str,
    name: &MemberId,
    resume: Option<Resume>,
) -> Hello {
    let key = identity.public();
    let signature =
        identity.sign(HELLO_LABEL, &[&signed_parts(challenge, room, name.as_bytes(), &key)]);
    Hello {
        room: room.to_owned(),
        name: String::from_utf8_lossy(name.as_bytes()).into_owned(),
        key: Hex(*key.as_bytes()),
        signature: Hex(*signature.as_bytes()),
        resume,
    }
}

/// Whether a hello answers the challenge with the key it names.
pub(crate) fn is_proved(hello: &Hello, challenge: &[u8; 32]) -> bool {
    let key = PublicKey::new(hello.key.0);
    let signed = signed_parts(challenge, &hello.room, hello.name.as_bytes(), &key);
    let signature = Signature::new(hello.signature.0);
    <V1 as Suite>::VerifyingKey::import(&key)
        .is_ok_and(|key| key.verify(&[HELLO_LABEL, &signed], &signature).is_ok())
}

/// Why the relay closes a connection: a WebSocket close code and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Closing {
    /// The relay is shutting down.
    pub(crate) const GOING_AWAY: u16 = 1001;
    /// A frame is larger than the relay takes.
    pub(crate) const TOO_LARGE: u16 = 1009;
    /// The relay itself failed.
    pub(crate) const FAILED: u16 = 1011;
    /// A frame, or its place, is against the protocol.
    pub(crate) const MALFORMED: u16 = 4000;
    /// Another connection proved the same key and took the name over.
    pub(crate) const REPLACED: u16 = 4001;
    /// The signature does not prove the key.
    pub(crate) const NOT_PROVED: u16 = 4002;
    /// Somebody with another key has the name.
    pub(crate) const NAME_TAKEN: u16 = 4003;
    /// A limit of the relay.
    pub(crate) const FULL: u16 = 4004;
    /// No hello came in time.
    pub(crate) const HELLO_TIMEOUT: u16 = 4005;
    /// The client is too far behind.
    pub(crate) const LAGGING: u16 = 4006;
    /// Nothing came from the client, not even answers to pings.
    pub(crate) const SILENT: u16 = 4007;

    /// Bytes that a WebSocket close frame has for the text.
    const MAX_REASON_LEN: usize = 123;

    pub(crate) fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        while reason.len() > Self::MAX_REASON_LEN {
            reason.pop();
        }
        Self { code, reason }
    }

    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::new(Self::MALFORMED, reason)
    }
}

#[cfg(test)]
pub(crate) mod invariants;

#[cfg(test)]
mod tests {
    use super::*;
    use mpenc::SecretBytes;

    fn identity(seed: u8) -> Identity {
        Identity::from_seed(&SecretBytes::new([seed; 32]))
    }

    #[test]
    fn packet_frames_come_back() {
        let alice = MemberId::new("ålice").unwrap();
        let frame = encode_packet(0x0102, &alice, b"hello");
        assert_eq!(&frame[..9], &[0, 0, 0, 0, 0, 0, 1, 2, 6]);
        assert_eq!(decode_packet(&frame), Some((0x0102, "ålice".as_bytes(), b"hello".as_slice())));
        for short in 0..9 + "ålice".len() {
            assert_eq!(decode_packet(&frame[..short]), None);
        }
    }

    #[test]
    fn control_frames_are_what_the_page_says() {
        fn check<T>(control: &T, text: &str)
        where
            T: Serialize + for<'a> Deserialize<'a> + PartialEq + fmt::Debug,
        {
            assert_eq!(encode(control), text);
            assert_eq!(decode::<T>(text).as_ref(), Ok(control));
        }
        let (aa, bb) = ("aa".repeat(32), "bb".repeat(16));
        check(
            &ToRelay::Enter { ticket: Hex([0xbb; 16]) },
            &format!(r#"{{"type":"enter","ticket":"{bb}"}}"#),
        );
        check(&ToRelay::Leave, r#"{"type":"leave"}"#);
        check(&ToRelay::Kick { name: "bob".into() }, r#"{"type":"kick","name":"bob"}"#);
        check(
            &ToClient::Challenge { challenge: Hex([0xaa; 32]) },
            &format!(r#"{{"type":"challenge","challenge":"{aa}"}}"#),
        );
        check(
            &ToClient::Entered {
                seq: 7,
                members: vec![Presence { name: "al".into(), key: Hex([0xaa; 32]) }],
            },
            &format!(r#"{{"type":"entered","seq":7,"members":[{{"name":"al","key":"{aa}"}}]}}"#),
        );
        check(
            &ToClient::MemberEntered {
                seq: 8,
                member: Presence { name: "bo".into(), key: Hex([0xaa; 32]) },
            },
            &format!(r#"{{"type":"member-entered","seq":8,"name":"bo","key":"{aa}"}}"#),
        );
        check(
            &ToClient::MemberLeft { seq: 9, name: "bo".into(), reason: LeaveReason::Dropped },
            r#"{"type":"member-left","seq":9,"name":"bo","reason":"dropped"}"#,
        );
        check(
            &ToClient::Welcome(Welcome {
                resumed: true,
                received: 3,
                max_packet: 262_144,
                grace_ms: 5000,
                ping_ms: 10_000,
            }),
            r#"{"type":"welcome","resumed":true,"received":3,"max_packet":262144,"grace_ms":5000,"ping_ms":10000}"#,
        );
    }

    #[test]
    fn control_frames_are_objects() {
        assert_eq!(decode::<ToRelay>("[\"leave\"]"), Err("expected a JSON object".to_owned()));
        assert_eq!(decode::<ToRelay>(""), Err("expected a JSON object".to_owned()));
        assert_eq!(decode(" {\"type\":\"leave\"}"), Ok(ToRelay::Leave));
    }

    #[test]
    fn digits_are_checked() {
        fn check(text: &str) {
            assert!(serde_json::from_str::<Hex<2>>(text).is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<Hex<2>>("\"00ff\"").unwrap(), Hex([0, 255]));
        check("\"00FF\"");
        check("\"00f\"");
        check("\"00ff00\"");
        check("\"zz00\"");
    }

    /// The example of the page, for whoever writes a client.
    #[test]
    fn example_hello_is_what_the_page_says() {
        let name = MemberId::new("zoë").unwrap();
        let hello = prove(&identity(7), &[0x11; 32], "tea", &name, None);
        assert_eq!(
            encode(&ToRelay::Hello(hello)),
            concat!(
                r#"{"type":"hello","room":"tea","name":"zoë","#,
                r#""key":"ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c","#,
                r#""signature":"6ad25c868560e038edf9934eeebd33b1ce718529f77f536a5921cb566190f099"#,
                r#"beb2c3f289243c2389191068e0794abfd3f99294c157ae48663bafeaa1d80f0e"}"#,
            )
        );
    }

    #[test]
    fn largest_hello_fits() {
        let name = MemberId::new("\"".repeat(255)).unwrap();
        let room = "\\".repeat(255);
        let resume = Some(Resume { ticket: Hex([0; 16]), seq: u64::MAX });
        let hello = prove(&identity(1), &[7; 32], &room, &name, resume);
        assert!(encode(&ToRelay::Hello(hello)).len() <= MAX_CONTROL_LEN);
    }

    #[test]
    fn proof_covers_every_part() {
        let alice = MemberId::new("alice").unwrap();
        let hello = prove(&identity(1), &[7; 32], "room", &alice, None);
        assert!(is_proved(&hello, &[7; 32]));
        assert!(!is_proved(&hello, &[8; 32]), "another challenge");
        let broken = |change: fn(&mut Hello)| {
            let mut hello = hello.clone();
            change(&mut hello);
            is_proved(&hello, &[7; 32])
        };
        assert!(!broken(|hello| hello.room.push('s')));
        assert!(!broken(|hello| hello.name = "bob".into()));
        assert!(!broken(|hello| hello.key = Hex(*identity(2).public().as_bytes())));
        assert!(!broken(|hello| hello.signature.0[3] ^= 1));
        // The border between two parts cannot be moved.
        assert!(!broken(|hello| {
            hello.room = "rooma".into();
            hello.name = "lice".into();
        }));
    }

    #[test]
    fn long_reasons_are_cut_between_characters() {
        let closing = Closing::malformed("å".repeat(100));
        assert_eq!(closing.reason, "å".repeat(61));
    }
}
