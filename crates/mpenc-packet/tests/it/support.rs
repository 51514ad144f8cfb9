//! Vectors, golden packets and a builder of broken ones.

use mpenc_crypto::{SecretBytes, SigningKey, Suite, V1};
use mpenc_packet::armor;
use mpenc_packet::tlv::{Records, Writer};
use mpenc_packet::v1::{self, DataPacket, DecodeError, GreetingPacket, Packet};
use mpenc_types::{MemberId, MemberSet, MessageId};
use serde_json::Value;

pub(crate) type Key = <V1 as Suite>::SigningKey;

/// A file of vectors.
pub(crate) fn vectors(text: &str) -> Value {
    serde_json::from_str(text).expect("vectors are JSON")
}

pub(crate) fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], |entries| entries)
}

pub(crate) fn hex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("hexadecimal string")).expect("hexadecimal string")
}

pub(crate) fn hex_array<const N: usize>(value: &Value) -> [u8; N] {
    hex(value).try_into().expect("fixed width")
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("string")
}

pub(crate) fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("number")).expect("small number")
}

pub(crate) fn member(value: &Value) -> MemberId {
    MemberId::from_wire(&hex(value))
}

pub(crate) fn message_id(value: &Value) -> MessageId {
    MessageId::from(hex_array::<20>(value))
}

pub(crate) fn members(value: &Value) -> MemberSet {
    array(value).iter().map(member).collect()
}

pub(crate) fn key(seed: [u8; 32]) -> Key {
    Key::from_seed(&SecretBytes::new(seed))
}

/// Every packet of the vectors as the channel carries it: greeting, data and error packets.
pub(crate) fn golden() -> Vec<Vec<u8>> {
    golden_with_keys().into_iter().map(|(wire, _)| wire).collect()
}

/// The same with the keys that signed them; any key for those without signature.
pub(crate) fn golden_with_keys() -> Vec<(Vec<u8>, Key)> {
    let mut packets = Vec::new();
    for file in [GREET_PACKETS, DATA_PACKETS, ERROR_PACKETS] {
        for case in array(&vectors(file)["cases"]) {
            let seed = case["eph_seed"].as_str().map(|_| hex_array(&case["eph_seed"]));
            packets.push((text(&case["wire"]).into(), key(seed.unwrap_or([0; 32]))));
        }
    }
    packets
}

pub(crate) fn greeting(wire: &[u8]) -> GreetingPacket {
    match v1::decode(wire) {
        Ok(Packet::Greeting(packet)) => packet.peek().clone(),
        other => panic!("expected a greeting packet, got {other:?}"),
    }
}

pub(crate) fn data(wire: &[u8]) -> DataPacket {
    match v1::decode(wire) {
        Ok(Packet::Data(packet)) => packet.peek().clone(),
        other => panic!("expected a data packet, got {other:?}"),
    }
}

/// The records of a packet, to be altered and put together again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) Vec<(u16, Vec<u8>)>);

impl Broken {
    pub(crate) fn of(wire: &[u8]) -> Self {
        let bytes = armor::decode(wire).expect("armoured");
        Self(
            Records::new(&bytes)
                .map(|record| record.expect("whole record"))
                .map(|record| (record.kind, record.value.to_vec()))
                .collect(),
        )
    }

    pub(crate) fn kinds(&self) -> Vec<u16> {
        self.0.iter().map(|(kind, _)| *kind).collect()
    }

    pub(crate) fn position(&self, kind: u16) -> usize {
        self.0.iter().position(|(found, _)| *found == kind).expect("record is there")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        for (kind, value) in &self.0 {
            out.push(*kind, value).expect("fits");
        }
        out.into_bytes()
    }

    pub(crate) fn decode(&self) -> Result<Packet, DecodeError> {
        v1::decode(&armor::encode(&self.bytes()))
    }
}

pub(crate) const TLV: &str = include_str!("../../vectors/tlv.json");
pub(crate) const ARMOR: &str = include_str!("../../vectors/armor.json");
pub(crate) const MESSAGE_BODY: &str = include_str!("../../vectors/message-body.json");
pub(crate) const PADDING: &str = include_str!("../../vectors/padding.json");
pub(crate) const GREET_PACKETS: &str = include_str!("../../vectors/greet-packets.json");
pub(crate) const DATA_PACKETS: &str = include_str!("../../vectors/data-packets.json");
pub(crate) const ERROR_PACKETS: &str = include_str!("../../vectors/error-packets.json");
pub(crate) const PACKET_ID: &str = include_str!("../../vectors/packet-id.json");
