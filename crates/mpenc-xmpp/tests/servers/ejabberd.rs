//! Two nodes of ejabberd as one cluster.

use core::net::{Ipv4Addr, SocketAddr};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use mpenc_xmpp::{Account, Password};
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/ejabberd.sh");

/// The cluster, with the accounts `alice` and `bob`; it ends with this value.
pub(crate) struct Cluster {
    folder: TempDir,
    names: String,
    nodes: [SocketAddr; 2],
}

impl Cluster {
    pub(crate) fn start() -> Self {
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

    /// The account of a user on a node.
    pub(crate) fn account(&self, user: &str, device: &str, node: usize) -> Account {
        let password = Password::new(format!("pw-{user}"));
        let account = Account::new(&format!("{user}@localhost/{device}"), password).unwrap();
        account.plaintext_on_loopback(self.nodes[node]).unwrap()
    }

    /// Where a node listens.
    pub(crate) fn address(&self, node: usize) -> SocketAddr {
        self.nodes[node]
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run("stop", &[]);
    }
}
