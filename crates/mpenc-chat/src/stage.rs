//! What a demo or replay takes place on: a hall, a room, and how long things may take.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::time::Duration;

use mpenc::client::Client;
use mpenc::{Identity, MemberId, Profile, PublicKey, Timing};

use crate::actor::Actor;
use crate::failure::Failure;
use crate::hall::Hall;
use crate::keys::random_identity;
use crate::tap::{Tap, Traffic};
use crate::term;

/// A hall and a room in it, with the people who may come.
#[derive(Debug)]
pub(crate) struct Stage {
    hall: Hall,
    room: String,
    profile: Profile,
    timing: Timing,
    adaptive: bool,
    people: BTreeMap<MemberId, Identity>,
    directory: BTreeMap<MemberId, PublicKey>,
    /// What went over the channel so far.
    pub(crate) traffic: Arc<Traffic>,
    /// How long things may take.
    pub(crate) bounds: Bounds,
}

/// How long to wait for something before it counts as failed. Generous: a machine may be busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Somebody connects and enters the channel.
    pub(crate) enter: Duration,
    /// An operation, from the proposal until everybody has the new keys.
    pub(crate) operation: Duration,
    /// A message reaches everybody, or is acknowledged by everybody.
    pub(crate) message: Duration,
    /// Somebody departs, and the others exclude it.
    pub(crate) departure: Duration,
}

impl Bounds {
    /// What is generous for a group of up to `members`.
    pub(crate) fn new(timing: &Timing, members: usize) -> Self {
        // The v1 greeting takes a packet of every member, one after the other, and one more.
        let hops = u32::try_from(members).unwrap_or(u32::MAX).saturating_add(1);
        let operation = timing.op_timeout(hops).saturating_add(timing.proposal_timeout());
        let message = timing.fa_intv().saturating_mul(10).max(FLOOR);
        Self {
            enter: timing.enter_timeout().max(FLOOR),
            operation: operation.max(FLOOR),
            message,
            departure: operation
                .saturating_add(timing.fin_timeout())
                .saturating_add(timing.exclusion_stagger(hops))
                .saturating_add(message),
        }
    }
}

impl Stage {
    /// Sets a stage in a hall.
    ///
    /// # Errors
    ///
    /// If the system has no randomness.
    pub(crate) fn set(
        hall: Hall,
        people: &[MemberId],
        profile: Profile,
        timing: Timing,
        largest: usize,
    ) -> Result<Self, Failure> {
        let people = people
            .iter()
            .map(|name| Ok((name.clone(), random_identity()?)))
            .collect::<Result<BTreeMap<_, _>, Failure>>()?;
        let directory =
            people.iter().map(|(name, identity)| (name.clone(), identity.public())).collect();
        Ok(Self {
            hall,
            room: random_room()?,
            profile,
            timing,
            adaptive: false,
            people,
            directory,
            traffic: Arc::default(),
            bounds: Bounds::new(&timing, largest),
        })
    }

    /// Everybody who connects from now on judges the channel by how fast it is.
    pub(crate) fn adaptive(mut self, on: bool) -> Self {
        self.adaptive = on;
        self
    }

    /// The profile that everybody speaks.
    pub(crate) const fn profile(&self) -> Profile {
        self.profile
    }

    /// Where it is, for people.
    pub(crate) fn place(&self) -> String {
        self.hall.describe()
    }

    /// Connects somebody to the room, with a session that has not joined yet.
    ///
    /// # Errors
    ///
    /// If the connection cannot be made in time.
    pub(crate) async fn connect(&self, name: &MemberId) -> Result<Actor, Failure> {
        let identity =
            self.people.get(name).cloned().ok_or_else(|| {
                Failure::check(format!("{} is not in the cast", term::name(name)))
            })?;
        let connecting = self.hall.connect(&self.room, name, &identity);
        let connected = tokio::time::timeout(self.bounds.enter, connecting).await;
        let (channel, connection) = connected.map_err(|_| {
            let (name, place) = (term::name(name), self.place());
            Failure::check(format!("{name} cannot connect to {place} in time"))
        })??;
        let (channel, tap) = Tap::new(channel, name.clone(), Arc::clone(&self.traffic));
        let session = Client::new(name.clone(), identity)
            .map_err(|error| Failure::input(error.to_string()))?
            .session_id(self.room.clone())
            .profile(self.profile)
            .timing(self.timing)
            .configure(|config| config.adaptive(self.adaptive))
            .directory(self.directory.clone())
            .stay_if_last(true)
            .patient_join(true)
            .open(channel);
        Ok(Actor::new(name.clone(), session, connection, tap))
    }
}

fn random_room() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::check(format!("the system gives no randomness: {error}")))?;
    Ok(format!("stage-{}", hex::encode(bytes)))
}

/// Where nobody comes back after an interruption, so that waiting for it only takes time.
pub(crate) const SHORT_GRACE: Duration = Duration::from_millis(250);
/// Where connections break and are restored, also on a busy machine.
pub(crate) const LONG_GRACE: Duration = Duration::from_secs(2);
const FLOOR: Duration = Duration::from_secs(20);
