//! Types of records (wire-v1.md section 3).

/// Version of the protocol: one byte, 1.
pub const PROTOCOL_VERSION: u16 = 0x0001;
/// Type of the packet: one byte.
pub const MESSAGE_TYPE: u16 = 0x0002;
/// Signature over everything after it: 64 bytes.
pub const MESSAGE_SIGNATURE: u16 = 0x0003;
/// Ciphertext of a message, or text of an error.
pub const MESSAGE_PAYLOAD: u16 = 0x0010;
/// Initialisation vector: 12 bytes.
pub const MESSAGE_IV: u16 = 0x0011;
/// First byte of the hash that names subsession and key.
pub const SIDKEY_HINT: u16 = 0x0012;
/// Identifier of a parent, inside the ciphertext: 20 bytes.
pub const MESSAGE_PARENT: u16 = 0x0013;
/// Body of a message, inside the ciphertext.
pub const MESSAGE_BODY: u16 = 0x0014;
/// Who the packet says it is by.
pub const SOURCE: u16 = 0x0100;
/// Who must answer; empty for everybody.
pub const DEST: u16 = 0x0101;
/// A member; repeated.
pub const MEMBER: u16 = 0x0102;
/// An intermediate key: 32 bytes, or none for the base point; repeated.
pub const INT_KEY: u16 = 0x0103;
/// A member's nonce: 32 bytes; repeated.
pub const NONCE: u16 = 0x0104;
/// A member's ephemeral public key: 32 bytes; repeated.
pub const PUB_KEY: u16 = 0x0105;
/// Signature by the identity key: 64 bytes.
pub const SESSION_SIGNATURE: u16 = 0x0106;
/// Type of the greeting: two bytes.
pub const GREET_TYPE: u16 = 0x01ff;
/// How bad an error is: one byte.
pub const SEVERITY: u16 = 0x0201;
/// The final packet that an operation follows: 32 bytes.
pub const PREV_PF: u16 = 0x0301;
/// The chain hash up to that packet: 32 bytes.
pub const CHAIN_HASH: u16 = 0x0302;
/// A head of the initiator's transcript: 20 bytes; repeated, ascending.
pub const LATEST_PM: u16 = 0x0303;
