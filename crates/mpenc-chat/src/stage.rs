//! What a demo or replay takes place on: a relay, a room, and how long things may take.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use mpenc::client::Client;
use mpenc::{Identity, MemberId, Profile, PublicKey, Timing};
use mpenc_relay::{Relay, RelayChannel, RelayConfig};
use tokio::sync::oneshot;

use crate::actor::Actor;
use crate::failure::Failure;
use crate::keys::{plain, random_identity};
use crate::tap::{Tap, Traffic};
use crate::term;

/// A relay and a room on it, with the people who may come.
#[derive(Debug)]
pub(crate) struct Stage {
    url: String,
    room: String,
    profile: Profile,
    timing: Timing,
    people: BTreeMap<MemberId, Identity>,
    directory: BTreeMap<MemberId, PublicKey>,
    /// What went over the channel so far.
    pub(crate) traffic: Arc<Traffic>,
    /// How long things may take.
    pub(crate) bounds: Bounds,
    /// Stops our own relay when it is dropped.
    _own: Option<oneshot::Sender<()>>,
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
    /// Sets a stage on the relay at `url`, or on one of our own that waits for `grace` before it
    /// takes a broken connection for a departure.
    ///
    /// # Errors
    ///
    /// If our own relay cannot be started.
    pub(crate) async fn set(
        url: Option<&str>,
        people: &[MemberId],
        profile: Profile,
        timing: Timing,
        largest: usize,
        grace: Duration,
    ) -> Result<Self, Failure> {
        let (url, own) = match url {
            Some(url) => (url.to_owned(), None),
            None => {
                let (url, stop) = own_relay(grace).await?;
                (url, Some(stop))
            }
        };
        let people = people
            .iter()
            .map(|name| Ok((name.clone(), random_identity()?)))
            .collect::<Result<BTreeMap<_, _>, Failure>>()?;
        let directory =
            people.iter().map(|(name, identity)| (name.clone(), identity.public())).collect();
        Ok(Self {
            url,
            room: random_room()?,
            profile,
            timing,
            people,
            directory,
            traffic: Arc::default(),
            bounds: Bounds::new(&timing, largest),
            _own: own,
        })
    }

    /// Where the relay is.
    pub(crate) fn url(&self) -> &str {
        &self.url
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
        let connecting =
            RelayChannel::connect(&self.url, &self.room, name.clone(), identity.clone());
        let channel = tokio::time::timeout(self.bounds.enter, connecting)
            .await
            .map_err(|_| {
                Failure::check(format!(
                    "{} cannot connect to {} in time",
                    term::name(name),
                    self.url
                ))
            })?
            .map_err(|error| Failure::input(error.to_string()))?;
        let connection = channel.connection();
        let (channel, tap) = Tap::new(channel, name.clone(), Arc::clone(&self.traffic));
        let session = Client::new(name.clone(), identity)
            .map_err(|error| Failure::input(error.to_string()))?
            .session_id(self.room.clone())
            .profile(self.profile)
            .timing(self.timing)
            .directory(self.directory.clone())
            .stay_if_last(true)
            .patient_join(true)
            .open(channel);
        Ok(Actor::new(name.clone(), session, connection, tap))
    }
}

async fn own_relay(grace: Duration) -> Result<(String, oneshot::Sender<()>), Failure> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = RelayConfig { grace, ..RelayConfig::default() };
    let relay = Relay::bind(free, config)
        .await
        .map_err(|error| Failure::check(format!("cannot start a relay: {}", plain(&error))))?;
    let url = relay.url();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(relay.run(async {
        // Dropping the sender is what stops the relay.
        let _ = stopped.await;
    }));
    Ok((url, stop))
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
