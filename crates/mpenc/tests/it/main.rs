//! One behaviour per module, on whole sessions over a channel in memory with a clock of its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test that cannot go on should stop, and names what it means"
)]

mod abort;
mod ages;
mod agree;
mod blacklist;
mod breaking;
mod change;
mod channel_lies;
mod client;
mod complain;
mod compromise;
mod crowd;
#[path = "../../../mpenc-transcript/tests/it/drawn.rs"]
mod drawn;
mod dropout;
mod ended;
mod evidence;
mod forge;
mod forge_v2;
mod forget;
mod insider;
mod late;
mod life;
mod long;
mod ordering;
mod ordinary;
mod outcome;
mod packets;
mod part;
mod passed_over;
mod position;
mod present;
mod publish;
mod queue;
mod races;
mod random;
mod repair;
mod request;
mod request_table;
mod returns;
mod rotation;
mod rules;
mod shown;
mod silence;
mod suppressed;
mod talk;
mod transparent;
mod unheard;
mod uninvited;
mod warned;
mod world;
