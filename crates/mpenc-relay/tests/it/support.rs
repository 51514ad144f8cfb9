//! A relay on a free port, and channels to it.

use core::time::Duration;

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::{Identity, MemberId, MemberSet, SecretBytes};
use mpenc_relay::{ConnectError, Relay, RelayChannel, RelayConfig, RelayStats};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Everything that is waited for comes long before this.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.unwrap()
}

pub(crate) struct TestRelay {
    pub(crate) url: String,
    pub(crate) stats: RelayStats,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl TestRelay {
    pub(crate) async fn start(config: RelayConfig) -> Self {
        Self::start_at(0, config).await
    }

    pub(crate) async fn start_at(port: u16, config: RelayConfig) -> Self {
        let relay = within(Relay::bind(([127, 0, 0, 1], port).into(), config)).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let (url, stats) = (relay.url(), relay.stats());
        let task = tokio::spawn(relay.run(async move {
            let _ = stopped.await;
        }));
        Self { url, stats, stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        within(self.task).await.unwrap().unwrap();
    }

    /// Drops the relay's future, as a program that ends without caring would.
    pub(crate) fn abandon(self) {
        self.task.abort();
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Connects under `name`, with the identity that belongs to it.
    pub(crate) async fn connect(&self, name: &str) -> RelayChannel {
        self.try_connect("room", name, identity(name)).await.unwrap()
    }

    pub(crate) async fn try_connect(
        &self,
        room: &str,
        name: &str,
        identity: Identity,
    ) -> Result<RelayChannel, ConnectError> {
        within(RelayChannel::connect(&self.url, room, id(name), identity)).await
    }

    /// Connects and enters.
    pub(crate) async fn enter(&self, name: &str) -> RelayChannel {
        let mut channel = self.connect(name).await;
        enter(&mut channel).await;
        channel
    }
}

pub(crate) fn id(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

pub(crate) fn identity(name: &str) -> Identity {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    Identity::from_seed(&SecretBytes::new(seed))
}

pub(crate) async fn enter(channel: &mut RelayChannel) -> String {
    request(channel, ChannelRequest::Enter).await;
    let entered = next(channel).await;
    assert!(entered.starts_with("entered"), "{entered}");
    entered
}

pub(crate) async fn request(channel: &mut RelayChannel, what: ChannelRequest) {
    within(channel.request(what)).await.unwrap();
}

pub(crate) async fn send(channel: &mut RelayChannel, bytes: &[u8]) {
    let bytes = bytes.to_vec();
    request(channel, ChannelRequest::Send { recipients: MemberSet::new(), bytes }).await;
}

pub(crate) async fn kick(channel: &mut RelayChannel, names: &[&str]) {
    let leave = names.iter().map(|name| id(name)).collect();
    request(channel, ChannelRequest::Change { enter: MemberSet::new(), leave }).await;
}

/// The next event but for identity keys, which are checked: `entered alice, bob`, `+bob`, `-bob`,
/// `bob: text`, `left`.
pub(crate) async fn next(channel: &mut RelayChannel) -> String {
    loop {
        match within(channel.next_event()).await.unwrap() {
            ChannelEvent::Identity { member, key } => {
                let name = member.to_string();
                assert_eq!(key, identity(&name).public(), "{name}");
            }
            event => return describe(event),
        }
    }
}

pub(crate) fn describe(event: ChannelEvent) -> String {
    match event {
        ChannelEvent::Entered { members } => format!("entered {members}"),
        ChannelEvent::Left => "left".to_owned(),
        ChannelEvent::Changed { enter, leave } if leave.is_empty() => format!("+{enter}"),
        ChannelEvent::Changed { enter, leave } if enter.is_empty() => format!("-{leave}"),
        ChannelEvent::Packet { sender, bytes } => {
            format!("{sender}: {}", String::from_utf8_lossy(&bytes))
        }
        other => panic!("{other:?}"),
    }
}

/// The end of the channel, which must come next but for `left`.
pub(crate) async fn end(channel: &mut RelayChannel) -> ChannelError {
    loop {
        match within(channel.next_event()).await {
            Ok(ChannelEvent::Left) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => return error,
        }
    }
}
