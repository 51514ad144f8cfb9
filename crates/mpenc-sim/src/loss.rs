//! A conversation over a channel that loses messages: what repairing them costs, and what people
//! are told meanwhile (protocol.md section 8).
//!
//! Operations and channel events arrive (CHN-012). Every link loses data packets by itself, the
//! echo to their senders included, and takes a time of its own for each packet; packets to one
//! member keep the order of the channel.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mpenc::{MessageId, Notice, Session, SessionConfig, SessionState, Timestamp};

use crate::dice::Dice;
use crate::links::{Counts, Links, Member};

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Conversation {
    /// Decides everything else.
    pub seed: u64,
    /// How many take part.
    pub members: usize,
    /// How many texts are written, by members chosen at random.
    pub texts: usize,
    /// Data packets lost on each link, in a thousand.
    pub loss: u64,
    /// The longest time a packet takes; the shortest is a twentieth.
    pub latency: Duration,
    /// The mean time between two texts.
    pub pause: Duration,
    /// How long the conversation goes on at least, in silence.
    pub lasts: Duration,
    /// How long one member is cut off from all others, in the middle of the conversation.
    pub cut_off: Duration,
    /// Whether intervals follow what is observed (LIV-034).
    pub adaptive: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Packets that carry messages, as sent.
    pub packets: u64,
    /// How many of them were copies of one sent before.
    pub copies: u64,
    /// How many of them asked for copies.
    pub requests: u64,
    /// Packets times recipients that were lost.
    pub lost: u64,
    /// Texts times readers that were shown.
    pub deliveries: u64,
    /// Notices that something may not have arrived, by kind.
    pub warnings: BTreeMap<&'static str, u64>,
    /// How many of those about messages had no cause: nothing that they depend on was lost or took
    /// longer than BC_LAT.
    pub false_warnings: u64,
    /// Warnings in force at the end.
    pub in_force: u64,
    /// Members that do not know at the end that everybody has everything.
    pub left_behind: Vec<String>,
    /// From the last text to the end, in virtual milliseconds.
    pub until_repaired: u64,
}

struct Lossy {
    what: Conversation,
    seen: BTreeSet<Vec<u8>>,
    figures: Figures,
    /// Losing begins once everybody is in the session.
    lossy: bool,
    /// Until then nothing that the last member says gets out, and nothing reaches it.
    cut_off_until: Timestamp,
}

/// Runs a conversation until everybody knows that everybody has everything, or for an hour after
/// the last text.
#[must_use]
pub fn run(what: Conversation) -> Figures {
    let mut links = Lossy::links(what);
    links.establish();
    links.counts.figures = Figures::default();
    links.counts.lossy = true;
    let mut last = links.now;
    for n in 0..what.texts {
        if n == what.texts / 2 {
            links.counts.cut_off_until = links.now + what.cut_off;
        }
        let pause = 2 * u64::try_from(what.pause.as_millis()).unwrap_or(0);
        let until = links.now + Duration::from_millis(links.dice.below(pause.max(1)));
        links.pass(until);
        let who = links.dice.place(what.members);
        links.call(who, |session, env| {
            // Who cannot is seen at the end: a text less.
            let _ = session.send(env, "said");
        });
        last = links.now;
    }
    links.pass(last.max(Timestamp::ZERO + what.lasts));
    let end = links.now + Duration::from_secs(3600);
    while !links.members.iter().all(|member| is_content(what, &member.session)) && links.now < end {
        links.pass(links.now + Duration::from_secs(1));
    }
    finish(links, last)
}

impl Lossy {
    fn links(what: Conversation) -> Links<Self> {
        let latency = u64::try_from(what.latency.as_millis()).unwrap_or(1);
        let configured = |config: SessionConfig| config.adaptive(what.adaptive);
        let lossy = Self {
            what,
            seen: BTreeSet::new(),
            figures: Figures::default(),
            lossy: false,
            cut_off_until: Timestamp::ZERO,
        };
        Links::new((what.seed, "loss"), what.members, latency, configured, lossy)
    }
}

impl Counts for Lossy {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others do not count here")]
    fn told(&mut self, members: &[Member], now: Timestamp, who: usize, notice: &Notice) {
        let kind = match notice {
            Notice::MessageReady { id, .. } => {
                let message = members.get(who).and_then(|member| {
                    member.session.message(id).filter(|message| *message.author != member.name)
                });
                self.figures.deliveries += u64::from(message.is_some());
                return;
            }
            Notice::NotFullyAcked { .. } => "NotFullyAcked",
            Notice::NotAccepted { .. } => "NotAccepted",
            Notice::MessageDiscarded { .. } => "MessageDiscarded",
            Notice::NotDecrypted { .. } => "NotDecrypted",
            Notice::UserNotPresent { .. } => "UserNotPresent",
            Notice::OrderNotConfirmed { .. } => "OrderNotConfirmed",
            Notice::BadMessage { .. } => "BadMessage",
            Notice::AuthorFork { .. } => "AuthorFork",
            Notice::OrderInconsistent { .. } => "OrderInconsistent",
            _ => return,
        };
        *self.figures.warnings.entry(kind).or_default() += 1;
        let cause = members.get(who).is_none_or(|us| has_cause(members, now, us, notice));
        self.figures.false_warnings += u64::from(!cause);
    }

    fn sent(&mut self, packet: &[u8]) {
        if is_message(packet) {
            self.figures.packets += 1;
            self.figures.requests += u64::from(is_request(packet));
            self.figures.copies += u64::from(!self.seen.insert(packet.to_vec()));
        }
    }

    fn loses(
        &mut self,
        dice: &mut Dice,
        now: Timestamp,
        (from, to): (usize, usize),
        packet: &[u8],
    ) -> bool {
        let last = self.what.members.saturating_sub(1);
        let alone = now < self.cut_off_until && (from == last || to == last);
        let lost = self.lossy && is_message(packet) && (alone || dice.chance(self.what.loss));
        self.figures.lost += u64::from(lost);
        lost
    }

    fn arrived(&mut self) {}
}

/// Whether something was lost or late without which the warning would not be there.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others have causes of other sorts")]
fn has_cause(members: &[Member], now: Timestamp, us: &Member, notice: &Notice) -> bool {
    let bc_lat = us.session.timing_in_force().bc_lat();
    match notice {
        Notice::NotFullyAcked { id, unacked_by, .. } => {
            let readers = members.iter().filter(|member| unacked_by.contains(&member.name));
            let mut late =
                readers.map(|reader| ack_is_late(members, now, (us, reader), id, bc_lat));
            late.any(|late| late)
        }
        Notice::NotAccepted { missing, .. } => missing.iter().any(|id| {
            let sent = sent_at(members, id);
            sent.is_some_and(|sent| sent + bc_lat <= now)
        }),
        _ => true,
    }
}

/// Whether a reader has a message late or not at all, or its acknowledgement took longer than
/// BC_LAT on the way to us.
fn ack_is_late(
    members: &[Member],
    now: Timestamp,
    (us, reader): (&Member, &Member),
    id: &MessageId,
    bc_lat: Duration,
) -> bool {
    let Some(sent) = sent_at(members, id) else {
        return false;
    };
    let theirs = &reader.session;
    let Some(read) = theirs.accepted_at(id) else { return sent + bc_lat <= now };
    if read > sent + bc_lat {
        return true;
    }
    let ack = theirs.first_ack(&reader.name, id);
    let acked = ack.and_then(|ack| theirs.accepted_at(&ack));
    let here = ack.and_then(|ack| us.session.accepted_at(&ack));
    here.is_none() && acked.is_some_and(|acked| acked + bc_lat <= now)
}

/// When a message was sent: nobody accepts it before its author.
fn sent_at(members: &[Member], id: &MessageId) -> Option<Timestamp> {
    members.iter().filter_map(|member| member.session.accepted_at(id)).min()
}

/// Everything said is here, everybody is known to have it, and no warning is in force.
fn is_content(what: Conversation, session: &Session) -> bool {
    session.state() == SessionState::Joined
        && session.log_len() == what.texts
        && session.not_fully_acked().next().is_none()
        && session.warnings().is_empty()
}

fn finish(links: Links<Lossy>, last: Timestamp) -> Figures {
    let Lossy { what, mut figures, .. } = links.counts;
    for Member { name, session, .. } in &links.members {
        figures.in_force += session.warnings().len() as u64;
        if !is_content(what, session) {
            figures.left_behind.push(name.to_string());
        }
    }
    let waited = links.now.since(last).as_millis();
    figures.until_repaired = u64::try_from(waited).unwrap_or(u64::MAX);
    figures
}

/// Whether a packet of the second profile carries a message or asks for one (wire-v2.md 1.1).
fn is_message(packet: &[u8]) -> bool {
    use mpenc_packet::v2::PacketKind;
    matches!(mpenc_packet::v2::kind(packet), Ok(PacketKind::Message | PacketKind::Request))
}

fn is_request(packet: &[u8]) -> bool {
    matches!(mpenc_packet::v2::kind(packet), Ok(mpenc_packet::v2::PacketKind::Request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(loss: u64) -> Conversation {
        Conversation {
            seed: 1,
            members: 8,
            texts: 60,
            loss,
            latency: Duration::from_millis(2_000),
            pause: Duration::from_millis(2_000),
            lasts: Duration::ZERO,
            cut_off: Duration::ZERO,
            adaptive: false,
        }
    }

    //= docs/spec/attacks.md#ATK-124
    //= type=test
    //= docs/spec/protocol.md#LIV-015
    //= type=test
    #[test]
    fn a_tenth_lost_is_repaired_and_nobody_is_left_behind() {
        let figures = run(conversation(100));
        assert!(figures.left_behind.is_empty(), "{figures:?}");
        assert_eq!(figures.in_force, 0, "every warning ended");
        assert_eq!(figures.deliveries, 60 * 7);
        assert!(figures.lost > 100, "{figures:?}");
    }

    //= docs/spec/v2.md#V2-035
    //= type=test
    #[test]
    fn three_tenths_lost_are_repaired_with_few_packets() {
        let bare = run(conversation(0));
        let figures = run(conversation(300));
        assert!(figures.left_behind.is_empty(), "{figures:?}");
        assert_eq!((figures.in_force, figures.deliveries), (0, 60 * 7));
        assert!(figures.requests > 0 && figures.packets < 10 * bare.packets, "{figures:?}");
    }

    //= docs/spec/attacks.md#ATK-127
    //= type=test
    //= docs/spec/protocol.md#SEC-002
    //= type=test
    #[test]
    fn no_warning_comes_without_a_cause() {
        let figures = run(Conversation { texts: 1_500, ..conversation(20) });
        assert_eq!(figures.deliveries, 1_500 * 7, "more than ten thousand");
        assert!(figures.left_behind.is_empty(), "{figures:?}");
        assert_eq!((figures.false_warnings, figures.in_force), (0, 0), "{figures:?}");
        assert!(figures.warnings.values().sum::<u64>() > 0, "something is to be judged");
    }

    //= docs/spec/v2.md#V2-015
    //= type=test
    //= docs/spec/v2.md#V2-036
    //= type=test
    #[test]
    fn who_was_cut_off_catches_up_before_keys_are_renewed() {
        let cut_off = Duration::from_secs(300);
        let figures = run(Conversation { seed: 0, texts: 1_000, cut_off, ..conversation(100) });
        assert!(figures.left_behind.is_empty(), "{figures:?}");
        assert_eq!((figures.in_force, figures.deliveries), (0, 7_000), "{figures:?}");
    }

    #[test]
    fn nothing_lost_is_nothing_warned_of() {
        let figures = run(conversation(0));
        assert!(figures.left_behind.is_empty(), "{figures:?}");
        assert!(figures.warnings.is_empty(), "{figures:?}");
        assert_eq!((figures.lost, figures.copies), (0, 0));
    }

    #[test]
    fn equal_seeds_give_equal_figures() {
        assert_eq!(run(conversation(20)), run(conversation(20)));
    }
}
