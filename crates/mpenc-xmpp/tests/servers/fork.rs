//! Two nodes of ejabberd on which two first entries make two rooms of one name: nobody lies, and
//! yet the members are divided.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use mpenc::client::RequestError;
use mpenc::{MemberSet, SessionState};
use mpenc_xmpp::{Account, Password};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::talk::{PATIENCE, Talker};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/ejabberd.sh");

struct Cluster {
    folder: TempDir,
    names: String,
    nodes: [SocketAddr; 2],
}

impl Cluster {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("mpenc-ejabberd-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // Held together, so that they are different.
        let free: Vec<TcpListener> =
            (0..3).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
        let ports: Vec<u16> =
            free.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(free);
        let names = ports[0].to_string();
        let nodes = [ports[1], ports[2]].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let cluster = Self { folder, names, nodes };
        let [one, two] = cluster.nodes.map(|node| node.port().to_string());
        cluster.run("start", &[&one, &two, "alice", "bob"]);
        cluster
    }

    fn run(&self, what: &str, more: &[&str]) {
        let folder: &Path = self.folder.path();
        let mut command = Command::new(SCRIPT);
        command.arg(what).arg(folder).arg(&self.names).args(more);
        let output = command.output().unwrap();
        assert!(output.status.success() || what == "stop", "{output:?}");
    }

    async fn talker(&self, user: &str, node: usize, room: &str) -> Talker {
        let password = Password::new(format!("pw-{user}"));
        // One device for each room, so that rooms do not disturb each other.
        let address = format!("{user}@localhost/{}", room.split('@').next().unwrap());
        let account = Account::new(&address, password).unwrap();
        let account = account.plaintext_on_loopback(self.nodes[node]).unwrap();
        Talker::new(account, room, 2, |client| client).await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run("stop", &[]);
    }
}

/// Two who enter a new room at the same moment on different nodes, and do not find each other.
async fn divided(cluster: &Cluster) -> Option<(Talker, Talker)> {
    for attempt in 0..20 {
        let room = format!("fork{attempt}@conference.localhost");
        let alice = cluster.talker("alice", 0, &room).await;
        let bob = cluster.talker("bob", 1, &room).await;
        let (one, other) = (alice.session.join(), bob.session.join());
        let alone = |talker: &Talker| {
            let me = MemberSet::of(&talker.member);
            talker.session.view(|session| session.channel_members() == Some(&me))
        };
        // Both may be told that they made the room, and only one be its owner: then the other
        // cannot make it show addresses, and says so. That is no fork yet.
        if !(alice.enters().await && bob.enters().await) {
            continue;
        }
        // Should the other's presence be on its way.
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop((one, other));
        if alone(&alice) && alone(&bob) {
            println!("divided at attempt {}", attempt + 1);
            return Some((alice, bob));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_honest_fork_nothing_claims_consistency() {
    let cluster = Cluster::start();
    let Some((alice, bob)) = divided(&cluster).await else {
        panic!("the cluster made one room each time; the test shows nothing")
    };
    for (me, other) in [(&alice, &bob), (&bob, &alice)] {
        // The other is asked in, which it cannot be; the request ends and says so.
        let include = timeout(PATIENCE, me.session.include([other.member.clone()])).await;
        let include = include.expect("the request ends in time");
        println!("{}: {include:?}", me.member);
        let refused = matches!(include, Err(RequestError::Ended(_) | RequestError::Refused(_)));
        assert!(refused, "it must not succeed: {include:?}");
        me.session.view(|session| {
            assert!(!session.members().contains(&other.member));
            assert!(session.is_alone(), "{:?}", session.state());
            assert_ne!(session.state(), SessionState::Error);
            assert!(!session.channel_members().unwrap().contains(&other.member));
            assert!(session.log().next().is_none());
        });
    }
}
