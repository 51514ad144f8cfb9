//! A server of somebody else: TLS, accounts with passwords, and rooms as they are.

use core::time::Duration;
use std::fs;
use std::path::PathBuf;

use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Running, arg, assert_refused, last_line, mpenc, run, stderr};

pub(crate) const SCENE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenes/hamlet-1-1.txt");
const ACCOUNTS: [(&str, &str); 2] = [("ann", "pw-a"), ("bob", "pw-b")];

struct Stranger {
    server: Prosody,
    /// For keys and passwords.
    folder: TempDir,
}

impl Stranger {
    /// Set up as Debian does it: with stream management, and a limit to what a client may send.
    async fn start() -> Self {
        let mut options = Options::default();
        options.certificate_for = Some("localhost".to_owned());
        options.hibernation = Some(Duration::from_secs(600));
        options.bytes_per_second = Some(10_000);
        let server = Prosody::start(&options, &ACCOUNTS).await.unwrap();
        Self { server, folder: tempfile::tempdir().unwrap() }
    }

    /// The arguments with which somebody goes to a room, with trust in the server's authority.
    fn arguments(&self, room: &str, who: usize) -> Vec<String> {
        let authority = self.server.authority().unwrap();
        [self.without_trust(room, who), vec!["--xmpp-ca".to_owned(), text(authority)]].concat()
    }

    fn without_trust(&self, room: &str, who: usize) -> Vec<String> {
        let (user, password) = ACCOUNTS[who];
        let file = self.folder.path().join(user);
        fs::write(&file, format!("{password}\n")).unwrap();
        let room = format!("{room}@{ROOMS}");
        let (jid, server) = (format!("{user}@localhost"), self.server.address().to_string());
        ["--xmpp", &room, "--jid", &jid, "--server", &server, "--password-file", &text(file)]
            .map(str::to_owned)
            .to_vec()
    }
}

fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().unwrap()
}

fn strs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scene_is_replayed_in_a_room_of_a_stranger() {
    let stranger = Stranger::start().await;
    let arguments = stranger.arguments("castle", 0);
    // Twice, since the room is left as it was found.
    for _ in 0..2 {
        let output = run(&[&["replay", SCENE, "--json"], &strs(&arguments)[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{}\n{}", last_line(&output), stderr(&output));
        let object: Value = serde_json::from_str(&last_line(&output)).unwrap();
        assert_eq!(object["transcripts_equal"], true, "{object}");
        assert_eq!(object["content_equal"], true, "{object}");
        assert_eq!(object["messages"], 60, "{object}");
        assert_eq!(object["fully_acked"], 60, "{object}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_with_somebody_in_it_is_no_stage() {
    let stranger = Stranger::start().await;
    let data = stranger.folder.path().join("data");
    let first = ["chat", "--data-dir", arg(&data)];
    let mut bob =
        Running::spawn(mpenc(&[&first, &strs(&stranger.arguments("inn", 1))[..]].concat()));
    bob.expect("you are alone in the room");
    let refused = run(&[&["replay", SCENE], &strs(&stranger.arguments("inn", 0))[..]].concat());
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("bob@localhost/mpenc is in the room"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chat_on_a_server_whose_authority_they_name() {
    let stranger = Stranger::start().await;
    let start = |who: usize| {
        let data = stranger.folder.path().join("data");
        let first = ["chat", "--timing", "loopback", "--auto-include", "--data-dir", arg(&data)];
        Running::spawn(mpenc(&[&first, &strs(&stranger.arguments("tea", who))[..]].concat()))
    };
    let mut ann = start(0);
    ann.expect("you are alone in the room");
    let mut bob = start(1);
    bob.expect("you are in a session with ann@localhost/mpenc");
    bob.type_line("is this a safe place?");
    ann.expect("is this a safe place?");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_authority_it_says_what_to_do() {
    let stranger = Stranger::start().await;
    let data = stranger.folder.path().join("data");
    let first = ["chat", "--data-dir", arg(&data)];
    let refused = run(&[&first, &strs(&stranger.without_trust("tea", 0))[..]].concat());
    assert_refused(&refused, "no authority that is trusted here vouches for its certificate");
    assert_refused(&refused, "--xmpp-ca FILE");
}
