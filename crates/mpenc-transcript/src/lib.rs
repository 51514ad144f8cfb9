//! The two orders of an mpENC session: the causal order of messages and the total order of
//! membership operations.
//!
//! * [`Transcript`]: the messages of one subsession as a graph, who has acknowledged what, and
//!   which messages a payload answers. Accepting a message costs time proportional to the number
//!   of members, not to the length of the conversation.
//!   [`Transcript::prune`] drops what everybody has; 58 to 73 bytes of a message stay.
//! * [`Deferral`]: verified messages that wait for their parents, in a bounded space that one
//!   author cannot take from the others.
//! * [`MessageLog`]: the payloads of all subsessions in the one line that people read.
//! * [`order`]: which operation packets count, decided from the channel's event order alone.
//!
//! The crate knows nothing of keys, timers or bytes on the wire. Every structure is plain data:
//! it can be cloned, compared and printed, and a refused input leaves it as it was (MOD-014).
//!
//! # Accepting a message
//!
//! ```
//! use mpenc_transcript::{Deferral, Entry, Transcript, TranscriptReject};
//! use mpenc_types::{BodyKind, MemberId, MemberSet, MessageId};
//!
//! let alice = MemberId::from_wire(b"alice");
//! let bob = MemberId::from_wire(b"bob");
//! let members: MemberSet = [alice.clone(), bob.clone()].into_iter().collect();
//! let mut transcript = Transcript::new(&members);
//! let mut deferral = Deferral::new(members.len());
//!
//! let question = MessageId::new(&[1; 20])?;
//! let answer = MessageId::new(&[2; 20])?;
//! // Bob's answer overtakes Alice's question. The buffer keeps what is needed to try again.
//! let mut arrived = vec![(answer, bob, vec![question]), (question, alice.clone(), vec![])];
//! while !arrived.is_empty() {
//!     let (id, author, parents) = arrived.remove(0);
//!     let entry = Entry { id, author: &author, parents: &parents, kind: BodyKind::Payload };
//!     match transcript.accept(entry) {
//!         Ok(accepted) => {
//!             println!("{id} from {author}; fully acked now: {:?}", accepted.fully_acked);
//!             arrived.splice(..0, deferral.release(&id).into_iter().map(|d| d.value));
//!         }
//!         Err(TranscriptReject::MissingParents(missing)) => {
//!             let value = (id, author.clone(), parents);
//!             let evicted = deferral.insert(author, id, &missing, value).expect("new, incomplete");
//!             assert!(evicted.is_empty());
//!         }
//!         Err(reject) => println!("bad message by {author}: {reject}"),
//!     }
//! }
//! assert!(transcript.is_fully_acked(&question));
//! assert_eq!(transcript.heads(), [answer]);
//! assert_eq!(transcript.unacked_by(&answer), MemberSet::of(&alice));
//! # Ok::<(), mpenc_types::MessageIdError>(())
//! ```
#![no_std]

extern crate alloc;

mod deferral;
mod log;
pub mod order;
mod transcript;

pub use deferral::{Deferral, Deferred, NotDeferred, NotDeferredReason};
pub use log::{LogEntry, LogError, LogPlace, MessageLog};
pub use transcript::{Accepted, Entry, Message, NoContext, NoRecord, Transcript, TranscriptReject};
