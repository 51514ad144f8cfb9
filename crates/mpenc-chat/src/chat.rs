//! `mpenc chat`: a conversation line by line, on a terminal or through pipes.

mod command;
mod input;
mod news;
mod room;
mod screen;
mod status;
mod stop;
mod venue;
mod waiting;
mod warnings;

pub(crate) use stop::Stop;

use mpenc::client::Client;
use mpenc::{Preset, Profile};

use crate::cli::ChatArgs;
use crate::failure::Failure;
use crate::keys::{KnownKeys, Origin, Place, SharedKeys, fingerprint, load_or_create};
use crate::term::{self, say};

use room::Room;
use venue::Venue;

/// Runs the command.
pub(crate) async fn run(args: &ChatArgs) -> Result<(), Failure> {
    let mut stop = Stop::listen();
    let venue = stop.or(Venue::of(args)).await?;
    let name = venue.name()?;
    let place = match (&args.identity, &args.data_dir) {
        (Some(file), _) => Place::of_file(file),
        (None, Some(directory)) => Place::in_directory(directory, &name),
        (None, None) => Place::in_directory(&Place::default_directory()?, &name),
    };
    let (identity, origin) = load_or_create(&place.identity)?;
    let keys = SharedKeys::new(KnownKeys::load(&place.known)?);
    let timing = args.timing.timing(match args.timing {
        Preset::Loopback => LOOPBACK_MEMBERS,
        Preset::Default | Preset::Original => 0,
    });

    let (label, shown) = (venue.room().to_owned(), venue.describe());
    let channel = stop.or(venue.connect(&identity)).await?;

    say(&format!("mpenc: room {shown}"));
    say(PROTECTED);
    say(EXPOSED);
    say(exposed_by(args.profile));
    let path = term::escape(&place.identity.display().to_string());
    if origin == Origin::Created {
        say(&format!("* a new identity key for you lies in {path}"));
    }
    say(&format!("* your fingerprint: {}", fingerprint(&identity.public())));
    say("* /help lists the commands");

    let session = Client::new(name, identity.clone())
        .map_err(|error| Failure::input(error.to_string()))?
        .session_id(label)
        .profile(args.profile)
        .timing(timing)
        .configure(|config| config.adaptive(args.adaptive))
        .directory(keys.clone())
        .auto_include(args.auto_include)
        .stay_if_last(true)
        .patient_join(true)
        .open(channel);
    let room = Room::new(session, keys, identity.public(), timing, args.auto_include);
    room.talk(input::lines(tokio::io::stdin()), stop).await
}

/// What this profile cannot protect against, in short.
fn exposed_by(profile: Profile) -> &'static str {
    match profile {
        Profile::V1 => EXPOSED_BY_V1,
        Profile::V2 | _ => EXPOSED_BY_V2,
    }
}

/// Rooms on one machine are expected to be no larger than this.
const LOOPBACK_MEMBERS: usize = 16;

const PROTECTED: &str = "  What members write is sealed and signed from end to end; you are told who \
can read a line, what it answers, and who is known to have it.";
const EXPOSED: &str = "  Not hidden: who talks with whom, when and how much. Keys marked unverified \
are the server's word until you compare fingerprints. This software has had no independent audit.";
const EXPOSED_BY_V2: &str = "  Profile v2 cannot prevent: that a member shows others what it can \
read; that the server or a member keeps things from getting done, which you are told; that a \
future quantum computer reads what was recorded. More in docs/threat-model.md.";
const EXPOSED_BY_V1: &str = "  Profile v1 cannot prevent: that whoever steals a member's keys reads \
what comes until that member renews them, and perhaps what came before; that a dishonest member \
gives others keys that do not fit together, or prepares to read on after its exclusion; that a \
dishonest server shows members different changes of the membership. Acks that do not come are the \
sign of most of this. More in docs/threat-model.md.";
