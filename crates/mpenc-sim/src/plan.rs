//! What happens in a run, decided in advance from the seed. Each act has small numbers of its own
//! that are interpreted modulo what is there when it happens, so any part of a plan is a plan.

use std::fmt;

use crate::dice::Dice;
use crate::options::{Adversary, NAMES, Options};

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Somebody does something with its session.
    User { who: u8, deed: Deed, arg: u32 },
    /// Up to so many waiting events reach a member now.
    Deliver { to: u8, count: u8 },
    /// Time passes; what is due happens.
    Pass { millis: u32 },
    /// Something befalls a member.
    Fault { who: u8, fault: Fault },
    /// The next events for a member are not delivered as they should be.
    Tamper { to: u8, how: Tamper, sort: Sort, count: u8, arg: u32 },
    /// The server goes its own ways with the order of events.
    Views(Views),
    /// An old packet again, to some, perhaps in another's name.
    Replay { mask: u8, pick: u32, rename: bool },
    /// Somebody crashes, comes back at once, and gets the packets of a recent operation again, its
    /// own among them.
    Relive { who: u8, back: u8 },
    /// Some are told of an event in the channel that did not happen.
    Lie { mask: u8, whom: u8, lie: Lie },
    /// The next packets of an insider are not what an honest member would send.
    Insider { which: u8, trick: Trick, count: u8, arg: u32 },
}

/// What users do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Join,
    Include,
    Exclude,
    Swap,
    Refresh,
    Part,
    Say,
    SayMuch,
    Ack,
    Abort,
}

/// What befalls members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// All state is lost; the channel notices.
    Crash,
    /// The connection is lost; the session lives on.
    Disconnect,
    /// Delivery stands still.
    Hold,
    /// Delivery goes on.
    Release,
}

/// How the server treats an event on its way to one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tamper {
    Drop,
    Delay,
    Duplicate,
    Reorder,
    Mutate,
    Spoof,
}

/// To which events it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Any,
    Greeting,
    Data,
    Channel,
}

/// How the server equivocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Views {
    /// Members of the mask see another channel from now on.
    Split { mask: u8, link: Link },
    /// A member is moved to another view.
    Move { who: u8, view: u8 },
    /// Something that happened in another view happens in this one.
    Order { view: u8, pick: u8 },
    /// All see one channel again.
    Merge,
}

/// What crosses from one view to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Nothing,
    Messages,
    /// Everything, but later and in another order.
    Later,
}

/// What the server makes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    Enters,
    Leaves,
    /// Those who are lied to are told that they have left, and entered again.
    Thrown,
}

/// What insiders do to their packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trick {
    Withhold,
    Alter,
    /// Different members get different packets.
    TwoFaced,
    /// An earlier packet instead.
    Reuse,
    /// Both the packet and another form of it.
    Both,
    /// Keeps a message back, and then writes as if it had never been.
    Deny,
    /// Writes in the place and name of others whose messages it gets.
    Impersonate,
    /// Proposes at once what fits the members' history, whether it is a member or not.
    Intrude,
}

/// The plan of a run.
pub(crate) fn plan(options: &Options) -> Vec<Act> {
    let mut dice = Dice::new(options.seed, "plan");
    let temper = Temper::draw(&mut dice, options);
    (0..options.acts).map(|_| act(&mut dice, options, &temper)).collect()
}

/// What is frequent in a run.
struct Temper {
    /// How many acts in a thousand are the adversary's.
    hostile: u64,
    faulty: u64,
    /// Longest time between two acts, in milliseconds.
    pause: u64,
    /// Members change rather than talk.
    restless: bool,
}

impl Temper {
    fn draw(dice: &mut Dice, options: &Options) -> Self {
        let hostile = match options.adversary {
            Adversary::Honest | Adversary::Faulty => 0,
            _ => 50 + dice.below(250),
        };
        let faulty = match options.adversary {
            Adversary::Honest => 0,
            Adversary::Faulty | Adversary::All => 30 + dice.below(150),
            _ if dice.chance(400) => 20 + dice.below(80),
            _ => 0,
        };
        let pause = match dice.below(4) {
            0 => 300,
            1 => 2_000,
            2 => 8_000,
            _ => 30_000,
        };
        Self { hostile, faulty, pause, restless: dice.chance(500) }
    }
}

fn act(dice: &mut Dice, options: &Options, temper: &Temper) -> Act {
    let hostile = temper.hostile;
    match dice.below(1000) {
        n if n < hostile => hostile_act(dice, options.adversary),
        n if n < hostile + temper.faulty => {
            let fault = match dice.below(8) {
                0 | 1 => Fault::Crash,
                2 | 3 => Fault::Disconnect,
                4 | 5 => Fault::Hold,
                _ => Fault::Release,
            };
            Act::Fault { who: dice.byte(), fault }
        }
        _ => match dice.below(10) {
            0..=3 => Act::User { who: dice.byte(), deed: deed(dice, temper), arg: dice.word() },
            4..=6 => Act::Deliver { to: dice.byte(), count: 1 + dice.byte() % 6 },
            _ => Act::Pass { millis: u32::try_from(dice.below(temper.pause)).unwrap_or(0) },
        },
    }
}

fn deed(dice: &mut Dice, temper: &Temper) -> Deed {
    let changes = if temper.restless { 12 } else { 6 };
    match dice.below(8 + changes) {
        0 | 1 => Deed::Join,
        2..=6 => Deed::Say,
        7 => match dice.below(4) {
            0 => Deed::SayMuch,
            1 | 2 => Deed::Ack,
            _ => Deed::Abort,
        },
        8 | 14 => Deed::Exclude,
        9 | 15 => Deed::Refresh,
        10 | 16 => Deed::Part,
        11 | 17 => Deed::Swap,
        _ => Deed::Include,
    }
}

fn hostile_act(dice: &mut Dice, adversary: Adversary) -> Act {
    let tamper = |dice: &mut Dice, how| Act::Tamper {
        to: dice.byte(),
        how,
        sort: match dice.below(6) {
            0 => Sort::Any,
            1..=3 => Sort::Greeting,
            4 => Sort::Data,
            _ => Sort::Channel,
        },
        count: 1 + dice.byte() % 4,
        arg: dice.word(),
    };
    match adversary {
        Adversary::Honest | Adversary::Faulty | Adversary::Delaying => tamper(dice, Tamper::Delay),
        Adversary::Dropping => tamper(dice, Tamper::Drop),
        Adversary::Duplicating => tamper(dice, Tamper::Duplicate),
        Adversary::Reordering => tamper(dice, Tamper::Reorder),
        Adversary::Mutating => tamper(dice, Tamper::Mutate),
        Adversary::Spoofing => tamper(dice, Tamper::Spoof),
        Adversary::Equivocating => Act::Views(match dice.below(8) {
            0..=2 => Views::Split {
                mask: dice.byte(),
                link: match dice.below(4) {
                    0 => Link::Nothing,
                    1 => Link::Messages,
                    _ => Link::Later,
                },
            },
            3 => Views::Move { who: dice.byte(), view: dice.byte() },
            4..=6 => Views::Order { view: dice.byte(), pick: dice.byte() },
            _ => Views::Merge,
        }),
        Adversary::Lying => Act::Lie {
            mask: dice.byte(),
            whom: dice.byte(),
            lie: match dice.below(5) {
                0 | 1 => Lie::Enters,
                2 | 3 => Lie::Leaves,
                _ => Lie::Thrown,
            },
        },
        Adversary::Replaying => {
            let (mask, pick, rename) = (dice.byte(), dice.word(), dice.chance(200));
            let back = pick.to_le_bytes()[0];
            match rename && back & 0x80 != 0 {
                true => Act::Relive { who: mask, back: back & 3 },
                false => Act::Replay { mask, pick, rename },
            }
        }
        Adversary::Insider => Act::Insider {
            which: dice.byte(),
            trick: match dice.below(12) {
                0 => Trick::Withhold,
                1..=3 => Trick::Alter,
                4 | 5 => Trick::TwoFaced,
                6 => Trick::Reuse,
                7 | 8 => Trick::Both,
                9 => Trick::Deny,
                10 => Trick::Impersonate,
                _ => Trick::Intrude,
            },
            count: 1 + dice.byte() % 3,
            arg: dice.word(),
        },
        Adversary::All => {
            // Without the first two, which are harmless, and without itself.
            let kind = usize::try_from(2 + dice.below(10)).unwrap_or(2);
            hostile_act(dice, Adversary::EVERY.get(kind).copied().unwrap_or(Adversary::Dropping))
        }
    }
}

/// The name at a place, of so many members.
pub(crate) fn pick(who: u8, members: usize) -> usize {
    usize::from(who).checked_rem(members).unwrap_or(0)
}

/// In words, for a run with so many members.
pub(crate) struct InWords(pub(crate) Act, pub(crate) usize);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |who: u8| NAMES.get(pick(who, self.1)).copied().unwrap_or_default();
        let some = |mask: u8| {
            let chosen: Vec<_> = NAMES
                .iter()
                .take(self.1)
                .enumerate()
                .filter(|(i, _)| mask >> i & 1 == 1)
                .map(|(_, name)| *name)
                .collect();
            if chosen.is_empty() { "nobody".to_owned() } else { chosen.join(", ") }
        };
        match self.0 {
            Act::User { who, deed, arg } => {
                let other = name(arg.to_le_bytes()[0]);
                match deed {
                    Deed::Join => write!(f, "{} joins", name(who)),
                    Deed::Include => write!(f, "{} includes those who wait", name(who)),
                    Deed::Exclude => write!(f, "{} excludes {other} or another", name(who)),
                    Deed::Swap => write!(
                        f,
                        "{} includes those who wait and excludes {other} or another",
                        name(who)
                    ),
                    Deed::Refresh => write!(f, "{} refreshes the keys", name(who)),
                    Deed::Part => write!(f, "{} parts", name(who)),
                    Deed::Say => write!(f, "{} says something", name(who)),
                    Deed::SayMuch => write!(f, "{} says much", name(who)),
                    Deed::Ack => write!(f, "{} acknowledges", name(who)),
                    Deed::Abort => write!(f, "{} aborts", name(who)),
                }
            }
            Act::Deliver { to, count } => write!(f, "up to {count} events reach {}", name(to)),
            Act::Pass { millis } => write!(f, "{millis} ms pass"),
            Act::Fault { who, fault } => match fault {
                Fault::Crash => write!(f, "{} loses all state", name(who)),
                Fault::Disconnect => write!(f, "{} loses the connection", name(who)),
                Fault::Hold => write!(f, "{} gets nothing for a while", name(who)),
                Fault::Release => write!(f, "{} gets what waited", name(who)),
            },
            Act::Tamper { to, how, sort, count, .. } => {
                let sort = match sort {
                    Sort::Any => "events",
                    Sort::Greeting => "packets of operations",
                    Sort::Data => "messages",
                    Sort::Channel => "channel events",
                };
                let how = match how {
                    Tamper::Drop => "are dropped",
                    Tamper::Delay => "are delayed",
                    Tamper::Duplicate => "come twice",
                    Tamper::Reorder => "are overtaken by others",
                    Tamper::Mutate => "are altered",
                    Tamper::Spoof => "come in another's name",
                };
                write!(f, "the next {count} {sort} for {} {how}", name(to))
            }
            Act::Views(Views::Split { mask, link }) => {
                let link = match link {
                    Link::Nothing => "nothing",
                    Link::Messages => "only messages",
                    Link::Later => "everything, but later,",
                };
                write!(f, "{} see a channel of their own, {link} comes across", some(mask))
            }
            Act::Views(Views::Move { who, view }) => {
                write!(f, "{} is shown view {view} modulo their number", name(who))
            }
            Act::Views(Views::Order { view, .. }) => {
                write!(f, "something from elsewhere happens in view {view} modulo their number")
            }
            Act::Views(Views::Merge) => f.write_str("everybody sees one channel again"),
            Act::Replay { mask, rename, .. } => {
                let whose = if rename { " in another's name" } else { "" };
                write!(f, "an old packet comes again to {}{whose}", some(mask))
            }
            Act::Relive { who, .. } => {
                write!(f, "{} crashes, returns, and gets an old operation again", name(who))
            }
            Act::Lie { mask, whom, lie } => match lie {
                Lie::Enters => write!(f, "{} hear that {} enters", some(mask), name(whom)),
                Lie::Leaves => write!(f, "{} hear that {} leaves", some(mask), name(whom)),
                Lie::Thrown => write!(f, "{} hear that they left and entered", some(mask)),
            },
            Act::Insider { trick, count, .. } => {
                let trick = match trick {
                    Trick::Withhold => "keeps back",
                    Trick::Alter => "alters",
                    Trick::TwoFaced => "sends different members different forms of",
                    Trick::Reuse => "sends old packets instead of",
                    Trick::Both => "sends, with another form of each,",
                    Trick::Deny => "keeps back the first, and leaves it out of the others, of",
                    Trick::Impersonate => {
                        return write!(f, "an insider writes in others' names, {count} times");
                    }
                    Trick::Intrude => {
                        return f.write_str("an insider proposes what fits the history");
                    }
                };
                write!(f, "an insider {trick} its next {count} packets")
            }
        }
    }
}
