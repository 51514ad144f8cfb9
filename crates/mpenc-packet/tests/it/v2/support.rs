//! One example of each packet, and a builder of broken ones.

use mpenc_crypto::{PublicKey, SecretBytes, Signed, SigningKey, Suite, V2};
use mpenc_packet::v2::{
    AbortFields, AbortReason, ConfirmationFields, Contribution, ContributionFields, DataPacket,
    DecodeError, EncodeError, Entry, Greeting, InitialFields, OpId, PacketKind, PublicationPacket,
    RequestPacket, ShareFields, decode_greeting, kind,
};
use mpenc_types::{ChainHash, MemberId, MessageId, PacketId, SubsessionId};

pub(crate) type Key = <V2 as Suite>::SigningKey;

pub(crate) fn key() -> Key {
    Key::from_seed(&SecretBytes::new([0x51; 32]))
}

pub(crate) fn name(name: &str) -> MemberId {
    MemberId::from_wire(name.as_bytes())
}

pub(crate) fn entry(of: &str, was: bool, key: Option<u8>) -> Entry {
    Entry { name: name(of), was, key: key.map(|byte| PublicKey::new([byte; 32])) }
}

pub(crate) fn contribution() -> Contribution {
    Contribution { nonce: [0x41; 32], ephemeral: PublicKey::new([0x42; 32]), point: [0x43; 32] }
}

/// Bob excludes Alice and includes Carol.
pub(crate) fn initial() -> InitialFields {
    InitialFields {
        label: [0x31; 32],
        instance: [0x32; 16],
        place: 0,
        entries: vec![
            entry("alice", true, None),
            entry("bob", true, Some(0x33)),
            entry("carol", false, Some(0x34)),
        ],
        prev_final: PacketId::new([0x35; 32]),
        prev_chain: ChainHash::new([0x36; 32]),
        heads: vec![MessageId::from([0x37; 32]), MessageId::from([0x38; 32])],
        contribution: Some(contribution()),
    }
}

/// Bob excludes everybody else.
pub(crate) fn alone() -> InitialFields {
    InitialFields {
        entries: vec![entry("alice", true, None), entry("bob", true, Some(0x33))],
        heads: Vec::new(),
        contribution: None,
        ..initial()
    }
}

pub(crate) const OP: OpId = OpId::new([0x21; 32]);
pub(crate) const CTX: [u8; 32] = [0x22; 32];

pub(crate) fn contribution_fields() -> ContributionFields {
    ContributionFields { op: OP, place: 1, contribution: contribution() }
}

pub(crate) fn share() -> ShareFields {
    ShareFields { op: OP, place: 2, share: [0x44; 32], challenge: [0x45; 32], response: [0x46; 32] }
}

pub(crate) fn confirmation() -> ConfirmationFields {
    ConfirmationFields { op: OP, place: 0x0102, transcript: [0x47; 32], check: [0x48; 32] }
}

pub(crate) fn abort() -> AbortFields {
    AbortFields { op: OP, place: 3, reason: AbortReason::IdentityKey(1) }
}

pub(crate) fn data() -> DataPacket {
    DataPacket { tag: [0x51; 16], nonce: [0x52; 12], ciphertext: vec![0x53; 128 + 16] }
}

pub(crate) fn publication() -> PublicationPacket {
    PublicationPacket { sid: SubsessionId::new([0x54; 32]), place: 4, seed: [0x55; 32] }
}

pub(crate) fn request() -> RequestPacket {
    RequestPacket { nonce: [0x56; 12], ciphertext: vec![0x57; 128 + 16] }
}

/// One packet of each kind, and another initial one.
pub(crate) fn packets() -> Vec<(PacketKind, Vec<u8>)> {
    let key = key();
    vec![
        (PacketKind::Initial, initial().sign(&key).unwrap().to_wire()),
        (PacketKind::Initial, alone().sign(&key).unwrap().to_wire()),
        (PacketKind::Contribution, contribution_fields().sign(&key).unwrap().to_wire()),
        (PacketKind::Share, share().sign(&key, &CTX).unwrap().to_wire()),
        (PacketKind::Confirmation, confirmation().sign(&key).unwrap().to_wire()),
        (PacketKind::Abort, abort().sign(&key).unwrap().to_wire()),
        (PacketKind::Message, data().to_wire()),
        (PacketKind::Publication, publication().to_wire()),
        (PacketKind::Request, request().to_wire()),
    ]
}

/// Decodes a packet of any kind and writes it again, with the signature it had.
pub(crate) fn rewrite(packet: &[u8]) -> Result<Vec<u8>, DecodeError> {
    match kind(packet)? {
        PacketKind::Message => DataPacket::decode(packet).map(|found| found.to_wire()),
        PacketKind::Publication => PublicationPacket::decode(packet).map(|found| found.to_wire()),
        PacketKind::Request => RequestPacket::decode(packet).map(|found| found.to_wire()),
        PacketKind::Initial
        | PacketKind::Contribution
        | PacketKind::Share
        | PacketKind::Confirmation
        | PacketKind::Abort => {
            let found = decode_greeting(packet)?;
            // Written from its fields, and signed by somebody.
            let again = sign(&found).expect("decoded, so encodable");
            Ok([&again[..4], &packet[4..68], &again[68..]].concat())
        }
    }
}

/// Makes a packet with the same fields.
fn sign(greeting: &Greeting) -> Result<Vec<u8>, EncodeError> {
    let key = key();
    Ok(match greeting {
        Greeting::Initial(p) => p.peek().fields().clone().sign(&key)?.to_wire(),
        Greeting::Contribution(p) => p.peek().fields().clone().sign(&key)?.to_wire(),
        Greeting::Share(p) => p.peek().fields().clone().sign(&key, &CTX)?.to_wire(),
        Greeting::Confirmation(p) => p.peek().fields().clone().sign(&key)?.to_wire(),
        Greeting::Abort(p) => p.peek().fields().clone().sign(&key)?.to_wire(),
    })
}

/// The signature of a decoded packet, and what it covers.
pub(crate) fn covered(greeting: &Greeting) -> ([u8; 64], Vec<u8>) {
    fn of(packet: &impl Signed) -> ([u8; 64], Vec<u8>) {
        (*packet.signature().as_bytes(), packet.signed_bytes().to_vec())
    }
    match greeting {
        Greeting::Initial(p) => of(p.peek()),
        Greeting::Contribution(p) => of(p.peek()),
        Greeting::Share(p) => of(p.peek()),
        Greeting::Confirmation(p) => of(p.peek()),
        Greeting::Abort(p) => of(p.peek()),
    }
}

/// Everything in an initial packet that has a count, written without looking at it.
#[derive(Clone)]
pub(crate) struct Broken {
    pub(crate) place: u16,
    pub(crate) entries: Vec<(Vec<u8>, u8)>,
    pub(crate) heads: Vec<[u8; 32]>,
    pub(crate) contribution: bool,
}

impl Broken {
    /// The same as [`initial`].
    pub(crate) fn new() -> Self {
        let entries = [("alice", 1), ("bob", 3), ("carol", 2)];
        Self {
            place: 0,
            entries: entries.map(|(name, flags)| (name.as_bytes().to_vec(), flags)).to_vec(),
            heads: vec![[0x37; 32], [0x38; 32]],
            contribution: true,
        }
    }

    pub(crate) fn packet(&self) -> Vec<u8> {
        let count = |len: usize| u16::try_from(len).unwrap().to_be_bytes();
        let mut bytes = [&[2, 2, 1, 1][..], &[0; 64], &[0x31; 32], &[0x32; 16]].concat();
        bytes.extend(self.place.to_be_bytes());
        bytes.extend(count(self.entries.len()));
        for (name, flags) in &self.entries {
            bytes.push(u8::try_from(name.len()).unwrap());
            bytes.extend(name);
            bytes.push(*flags);
            if flags & 2 != 0 {
                bytes.extend([0x33; 32]);
            }
        }
        bytes.extend([[0x35; 32], [0x36; 32]].concat());
        bytes.extend(count(self.heads.len()));
        bytes.extend(self.heads.concat());
        if self.contribution {
            bytes.extend([[0x41; 32], [0x42; 32], [0x43; 32]].concat());
        }
        bytes
    }

    pub(crate) fn decode(&self) -> Result<Greeting, DecodeError> {
        decode_greeting(&self.packet())
    }
}
