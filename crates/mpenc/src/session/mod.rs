//! The session engine: one member's view of a conversation, without input or output of its own.
//!
//! [`Session`] takes events, requests and timeouts, and is asked for packets to transmit and
//! notices to show. Time and randomness are arguments ([`Env`]).

use core::time::Duration;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use mpenc_greeting::Greeter;
use mpenc_liveness::{Deadline, Deadlines, LatencyEstimator, TimerKind, Timing};
use mpenc_transcript::MessageLog;
use mpenc_transcript::order::ServerOrder;
use mpenc_types::{MemberId, MemberSet, PacketId, SubsessionId, Timestamp, guard};
use rand_core::CryptoRng;

use crate::SessionConfig;
use crate::channel::ChannelRequest;
use crate::content::ContentAssembler;
use crate::profile::Rules;
use crate::security::ForkEvidence;

mod complain;
mod confirm;
mod content;
mod ended;
mod fingerprint;
#[cfg(feature = "hazmat")]
mod hazmat;
mod input;
#[cfg(feature = "testing")]
mod insider;
#[cfg(feature = "inspect")]
mod inspect;
mod leaving;
mod log;
mod membership;
mod message;
mod notice;
mod operation;
mod own;
mod presence;
mod progress;
mod prune;
mod publish;
mod query;
mod refresh;
mod repair;
mod resend;
mod rotation;
mod slow;
mod subsession;
mod tasks;
mod timer;
mod trail;
mod trial;
mod warnings;

pub use fingerprint::Fingerprint;
pub use input::{Disposition, RejectReason};
#[cfg(feature = "testing")]
pub use insider::Rewritten;
#[cfg(feature = "inspect")]
pub use inspect::{Revealed, Secrets};
pub use notice::{
    AbortError, BadMessage, Change, ChangeError, FailReason, Notice, OperationError, OperationId,
    SendError,
};
pub use presence::Health;
pub use prune::{CLOSED_KEPT, LOG_KEPT, MAX_LOG_BYTES};
pub use query::{Message, OperationView, SessionState};
pub use subsession::SubsessionState;
pub use trial::MAX_TRIAL_BYTES;
pub use warnings::LASTING_KEPT;

use message::StoredMessage;
use own::{OwnOperation, OwnProposal};
use repair::RecentRequests;
use subsession::Subsession;
use trial::TrialBuffer;

/// Notices that may wait to be polled before new input is refused ([`Disposition::Busy`]). The last
/// input before that adds a few, or one for each member of the channel at most.
pub const MAX_QUEUED_NOTICES: usize = 65_536;

/// Packets and channel requests that may wait to be polled before new input is refused.
pub const MAX_QUEUED_TRANSMITS: usize = 16_384;

/// Ended subsessions whose late packets are still recognised.
const MAX_ENDED: usize = 8;

/// Forks of authors for which evidence is kept; later ones are told, without.
const MAX_EVIDENCE: usize = 16;

/// Senders of foreign packets that are remembered so as to report each once.
const MAX_UNRECOGNISED_SENDERS: usize = 512;

/// Clock and entropy for one call: the only nondeterminism (MOD-012).
pub struct Env<'a> {
    /// Now, on the owner's monotonic clock. Going backwards is taken as standing still.
    pub now: Timestamp,
    /// Randomness of cryptographic quality.
    pub rng: &'a mut dyn CryptoRng,
}

impl core::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Env").field("now", &self.now).finish_non_exhaustive()
    }
}

/// One member's whole view of a conversation.
///
/// # The loop
///
/// 1. Give every channel event to [`handle_input`](Self::handle_input), in the channel's order.
/// 2. Hand everything that [`poll_transmit`](Self::poll_transmit) returns to the channel.
/// 3. Show what [`poll_notice`](Self::poll_notice) returns.
/// 4. Call [`handle_timeout`](Self::handle_timeout) at or after [`poll_timeout`](Self::poll_timeout).
/// 5. Call [`send`](Self::send), [`change`](Self::change) and the other requests whenever the
///    user wants to.
///
/// `examples/drive_loop.rs` is this loop in full.
///
/// # Contract
///
/// 1. Calls may come in any order; nothing needs to be drained between them.
/// 2. `poll_*` never changes protocol state, and ends with `None`.
/// 3. Time going backwards is clamped; an early or repeated timeout does nothing.
/// 4. Equal inputs, times and seeds give equal outputs, byte for byte.
/// 5. A failed or abandoned operation leaves the current subsession as it was.
/// 6. Output queues are bounded ([`MAX_QUEUED_NOTICES`], [`MAX_QUEUED_TRANSMITS`]); when one is
///    full, new input is refused and may be presented again. Queued output is never dropped.
///
/// # Security
///
/// The channel is trusted with nothing. What the session cannot check itself (whose identity key
/// is whose) it is told by [`set_identity`](Self::set_identity).
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    rules: Box<dyn Rules>,
    greeter: Box<dyn Greeter>,
    order: ServerOrder,
    now: Timestamp,

    // The channel as its events say it is (CHN-002).
    channel: Option<MemberSet>,
    /// How many are in the channel besides, that are not followed (CHN-018).
    surplus: usize,
    seniors: MemberSet,
    /// Named by proposals that passed us over while we were waiting to be included, and still in
    /// the channel (ORD-047).
    passed_over_for: MemberSet,

    // Subsessions and what they share.
    current: Option<Subsession>,
    /// Newest first (SES-008).
    previous: VecDeque<Subsession>,
    /// Oldest first.
    ended: VecDeque<ended::Ended>,
    log: MessageLog,
    messages: BTreeMap<mpenc_types::MessageId, StoredMessage>,
    kept: prune::Kept,
    trial: TrialBuffer,
    requests: RecentRequests,
    /// Whether a subsession was ever dropped inconsistent (FIN-014).
    dropped_inconsistent: bool,

    // The operation in progress, as far as the session has to know (the rest is the greeter's).
    operation: Option<operation::Running>,

    // Tasks (section 11.4) and own requests (11.5).
    task_exclude: MemberSet,
    task_leave: MemberSet,
    own: Option<OwnOperation>,
    proposal: Option<OwnProposal>,
    /// What the operation changed that this call completed; it may resolve an own request.
    succeeded: Option<Change>,
    next_operation: u64,
    /// The own leave-intent was announced (SES-002).
    parting: bool,
    state_out: SessionState,
    state_reported: SessionState,
    broken: bool,
    /// Leaving was asked of the channel; cleared when it happened.
    leave_requested: bool,
    /// How long to wait before leaving is asked for once more; doubles (SES-054).
    leave_patience: Duration,
    /// We are about to leave and enter again, so that others are there before us (ORD-047).
    going_round: bool,
    /// Whether a shutdown may be over because of who has left (see `rotation`).
    recheck_shutdown: bool,
    /// The last join ended without success, and nothing was asked for since (SES-002).
    join_gave_up: bool,
    /// We are leaving because nobody came to send us away (ORD-034).
    stranded: bool,
    /// When others were last sent away by the rules for entering (ATK-080).
    sent_away: VecDeque<Timestamp>,
    /// Candidates that an automatic inclusion could not name, such as those without a key.
    auto_include_failed: MemberSet,
    metadata_authenticated: Option<bool>,
    /// Those whose confirmation of the last operation is missing (ORD-036).
    confirmations: Option<confirm::Confirmations>,
    /// Members whose account of the operations differs from ours (ORD-037).
    order_inconsistent: MemberSet,
    key_age: refresh::KeyAge,
    /// The text that is being cut into messages.
    sending: Option<String>,
    /// Texts that arrive in parts (V2-028).
    contents: ContentAssembler<(SubsessionId, MemberId)>,
    /// When predecessors were blacklisted that the order remembers, oldest first (V2-030).
    blacklisted: VecDeque<(PacketId, Timestamp)>,
    /// Whose proposals took the place of our latest ones, and how many in a row (ATK-072).
    lost_to: Option<(MemberId, u32)>,
    /// Tasks are left alone; only ever set for recordings.
    tasks_held: bool,

    /// How long packets take, from what was observed (LIV-034).
    latency: LatencyEstimator,
    /// When we renewed what a member must have seen to be in the subsession (LIV-028).
    nonce_since: Timestamp,
    deadlines: Deadlines<TimerKind>,
    transmits: VecDeque<ChannelRequest>,
    notices: VecDeque<Notice>,
    /// Warnings that nothing withdraws (UIX-015).
    lasting: warnings::Lasting,
    unrecognised: BTreeSet<MemberId>,
    /// What proves forks of authors to others, oldest first (V2-025).
    evidence: Vec<ForkEvidence>,
    /// What the others are to be told of (ORD-046).
    complaints: VecDeque<complain::Complaint>,
}

impl Session {
    /// A session outside the channel; [`join`](Self::join) enters it.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        let rules = config.profile.rules();
        let greeter = rules.greeter(&config);
        let contents = ContentAssembler::new(rules.content_digest(), config.max_content);
        Self {
            rules,
            greeter,
            order: ServerOrder::new(),
            now: Timestamp::ZERO,
            channel: None,
            surplus: 0,
            seniors: MemberSet::new(),
            passed_over_for: MemberSet::new(),
            current: None,
            previous: VecDeque::new(),
            ended: VecDeque::new(),
            log: MessageLog::new(),
            messages: BTreeMap::new(),
            kept: prune::Kept::default(),
            trial: TrialBuffer::default(),
            requests: RecentRequests::default(),
            dropped_inconsistent: false,
            operation: None,
            task_exclude: MemberSet::new(),
            task_leave: MemberSet::new(),
            own: None,
            proposal: None,
            succeeded: None,
            next_operation: 0,
            parting: false,
            state_out: SessionState::Parted,
            state_reported: SessionState::Parted,
            broken: false,
            leave_requested: false,
            leave_patience: Duration::ZERO,
            going_round: false,
            recheck_shutdown: false,
            join_gave_up: false,
            stranded: false,
            sent_away: VecDeque::new(),
            auto_include_failed: MemberSet::new(),
            metadata_authenticated: None,
            confirmations: None,
            order_inconsistent: MemberSet::new(),
            key_age: refresh::KeyAge::default(),
            sending: None,
            contents,
            blacklisted: VecDeque::new(),
            lost_to: None,
            tasks_held: false,
            latency: LatencyEstimator::new(config.timing),
            nonce_since: Timestamp::ZERO,
            deadlines: Deadlines::new(),
            transmits: VecDeque::new(),
            notices: VecDeque::new(),
            lasting: warnings::Lasting::default(),
            unrecognised: BTreeSet::new(),
            evidence: Vec::new(),
            complaints: VecDeque::new(),
            config,
        }
    }

    /// Tells the identity key of a member, or takes it back. Without one no operation with that
    /// member is possible (SKE-008).
    ///
    /// # Security
    ///
    /// Whether the key belongs to the person is the application's concern; a key that is wrong
    /// here lets whoever holds its secret take part as that member.
    pub fn set_identity(&mut self, member: &MemberId, key: Option<mpenc_crypto::PublicKey>) {
        self.greeter.set_identity(member, key);
        self.auto_include_failed.remove(member);
    }

    /// The next packet or channel request to hand to the channel, in order. Answers change with
    /// every call that handles input, timeouts or requests.
    pub fn poll_transmit(&mut self) -> Option<ChannelRequest> {
        self.transmits.pop_front()
    }

    /// The next notice, in the order of their causes.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        let notice = self.notices.pop_front();
        if let Some(Notice::MessageReady { .. }) = &notice {
            self.kept.handed_over();
        }
        notice
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called next; `None` if nothing
    /// waits for time to pass.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.next_deadline()
    }

    fn owner(&self) -> &MemberId {
        &self.config.owner
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    /// The intervals in which packets and acknowledgements are expected: the configured ones, or
    /// with a latency as observed (LIV-034).
    fn pace(&self) -> Timing {
        if self.config.adaptive { self.latency.timing() } else { self.config.timing }
    }

    fn notify(&mut self, notice: Notice) {
        tracing::debug!(owner = %self.config.owner, ?notice, "notice");
        self.lasting.keep(&notice);
        self.notices.push_back(notice);
    }

    fn transmit(&mut self, request: ChannelRequest) {
        self.transmits.push_back(request);
    }

    fn broadcast(&mut self, recipients: MemberSet, packet: Vec<u8>) {
        self.transmit(ChannelRequest::Send { recipients, bytes: packet });
    }

    fn kick(&mut self, members: MemberSet) {
        if !members.is_empty() {
            self.transmit(ChannelRequest::Change { enter: MemberSet::new(), leave: members });
        }
    }

    /// Time never goes back (contract 3).
    fn clamp(&mut self, now: Timestamp) -> Timestamp {
        self.now = if guard!("monotonic") { self.now.max(now) } else { now };
        self.now
    }

    /// Members of the session: the current subsession's, or only the owner.
    fn session_members(&self) -> MemberSet {
        match &self.current {
            Some(current) => MemberSet::clone(current.members()),
            None => MemberSet::of(self.owner()),
        }
    }

    fn packet_id(&self, sender: &MemberId, packet: &[u8]) -> PacketId {
        let nobody = MemberSet::new();
        let channel = self.channel.as_ref().filter(|_| guard!("pid-covers-channel"));
        self.rules.packet_id(sender, channel.unwrap_or(&nobody), packet)
    }

    /// A fault of ours: stop taking part, keep what can be kept (SES-046).
    fn internal_error(&mut self, description: &str) {
        tracing::error!(owner = %self.config.owner, description, "internal error");
        self.broken = true;
        self.notify(Notice::InternalError { description: description.into() });
    }
}
