//! Three people in three terminals, so to speak.

use std::path::Path;

use crate::program::{Running, arg, mpenc, relay};

fn chat(url: &str, name: &str, data: &Path, more: &[&str]) -> Running {
    let args = [
        "chat",
        "--relay",
        url,
        "--room",
        "tea",
        "--name",
        name,
        "--timing",
        "loopback",
        "--data-dir",
        arg(data),
    ];
    Running::start(&[&args, more].concat())
}

#[test]
fn three_people_talk_and_one_is_killed_and_returns() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let (_relay, url) = relay();
    let mut ann = chat(&url, "ann", data, &[]);
    ann.expect("Profile v2 cannot prevent");
    ann.expect("a new identity key for you");
    ann.expect("you are alone in the room");
    let mut bob = chat(&url, "bob", data, &[]);
    bob.expect("in the room: ann; one of them has to include you");
    ann.expect("first meeting with bob, unverified");
    ann.expect("bob is in the room and waits; to include: /include bob");
    ann.type_line("/include bob");
    ann.expect("you are in a session with bob");
    bob.expect("you are in a session with ann");
    let mut cid = chat(&url, "cid", data, &[]);
    bob.expect("/include cid");
    bob.type_line("/include cid");
    ann.expect("cid can read from now on; in the session with you: bob, cid");
    bob.expect("cid can read from now on; in the session with you: ann, cid");
    cid.expect("you are in a session with ann, bob");

    ann.type_line("good morning");
    for member in [&mut ann, &mut bob, &mut cid] {
        member.expect("[1] ann: good morning");
    }
    cid.type_line("//morning\u{1b}[2J");
    ann.expect("[2] cid: /morning\\u{1b}[2J");
    bob.expect("[2] cid:");
    bob.type_line("/info 2");
    bob.expect("answers: 1");
    bob.expect("readers: ann, bob");
    ann.type_line("/members");
    ann.expect("bob  unverified  ");
    ann.type_line("/verify bob 00");
    ann.expect("that is not the fingerprint of bob");
    ann.type_line("/verify bob");
    ann.expect("bob is now marked verified");
    ann.type_line("/members");
    ann.expect("bob  verified  ");

    // Killed without a chance to say anything.
    drop(cid);
    ann.expect("cid cannot read any more; in the session with you: bob");
    bob.expect("cid cannot read any more; in the session with you: ann");
    bob.type_line("cid is gone");
    ann.expect("[3] bob: cid is gone");

    let mut cid = chat(&url, "cid", data, &[]);
    ann.expect("cid is in the room and waits; to include: /include cid");
    ann.type_line("/include cid");
    cid.expect("you are in a session with ann, bob");
    cid.type_line("back again");
    bob.expect("[4] cid: back again");
    ann.expect("[4] cid: back again");
    cid.type_line("/refresh");
    ann.expect("cid renewed the keys");

    // Three ways to leave: end of input, a command, a signal.
    cid.end_input();
    let (status, text) = cid.end();
    assert_eq!(status, Some(0), "{text}");
    assert!(!text.contains("cid is gone"), "{text}");
    assert!(text.contains("known to have reached everybody"), "{text}");
    bob.expect("cid cannot read any more");
    bob.type_line("/part");
    let (status, text) = bob.end();
    assert_eq!(status, Some(0), "{text}");
    ann.expect("you are alone in the room");
    #[cfg(unix)]
    {
        ann.signal("INT");
        let (status, text) = ann.end();
        assert_eq!(status, Some(1), "the wrong fingerprint was a failed check: {text}");
    }
}

#[test]
fn auto_include_lets_people_in() {
    let data = tempfile::tempdir().unwrap();
    let (_relay, url) = relay();
    let mut ann = chat(&url, "ann", data.path(), &["--auto-include"]);
    ann.expect("you are alone in the room");
    let mut bob = chat(&url, "bob", data.path(), &[]);
    bob.expect("you are in a session with ann");
    ann.expect("you are in a session with bob");
    ann.type_line("welcome");
    bob.expect("[1] ann: welcome");
    bob.type_line("/exclude ann");
    ann.expect("you are no longer in a session with bob");
    bob.expect("you are no longer in a session with ann");
    bob.expect("you are alone in the room");
}

#[test]
fn what_is_typed_outside_waits_for_a_decision() {
    let data = tempfile::tempdir().unwrap();
    let (_relay, url) = relay();
    let mut ann = chat(&url, "ann", data.path(), &["--auto-include"]);
    ann.expect("you are alone in the room");
    for line in ["first", "second", "third"] {
        ann.type_line(line);
        ann.expect("* not sent; it waits until you decide: /queue");
    }
    let mut bob = chat(&url, "bob", data.path(), &[]);
    bob.expect("you are in a session with ann");
    ann.expect("you are in a session with bob");
    ann.type_line("/queue");
    ann.expect("(1) first");
    ann.expect("it was written outside a session with others");
    ann.type_line("/discard 1");
    ann.expect("it will not be sent again");
    ann.type_line("/resend 1");
    ann.expect("* sent now: what waited");
    bob.expect("[1] ann: second");
    ann.type_line("/resend 2");
    ann.expect("mpenc: nothing waits at place 2");
    ann.type_line("/part");
    ann.expect("mpenc: one line was never sent");
    assert_eq!(ann.end().0, Some(1));
}

#[test]
fn a_changed_key_is_refused_loudly() {
    let data = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let (_relay, url) = relay();
    // The relay may take a moment to see that the last one with a name is gone.
    let come = |name: &str, data: &Path| {
        loop {
            let mut member = chat(&url, name, data, &[]);
            if !member.expect("mpenc: ").contains("is taken") {
                return member;
            }
        }
    };
    let mut ann = come("ann", data.path());
    ann.expect("you are alone in the room");
    let mut bob = come("bob", data.path());
    ann.expect("/include bob");
    bob.type_line("/part");
    assert_eq!(bob.end().0, Some(0));

    let mut impostor = come("bob", other.path());
    ann.expect("THE IDENTITY KEY OF bob HAS CHANGED, AND IS REFUSED");
    ann.expect("with a key that is not the one you know, and is refused");
    ann.type_line("/include bob");
    ann.expect("mpenc: bob is refused, since its identity key has changed");
    ann.type_line("/warnings");
    ann.expect("! the identity key of bob has changed and is refused");
    impostor.type_line("/part");
    assert_eq!(impostor.end().0, Some(0));

    let mut bob = come("bob", data.path());
    ann.expect("bob is in the room and waits");
    ann.type_line("/include bob");
    bob.expect("you are in a session with ann");
}

#[test]
fn an_identity_of_the_users_choice() {
    let directory = tempfile::tempdir().unwrap();
    let identity = directory.path().join("ann.id");
    let (_relay, url) = relay();
    let start = || {
        Running::start(&[
            "chat",
            "--relay",
            &url,
            "--room",
            "tea",
            "--name",
            "ann",
            "--identity",
            arg(&identity),
            "--timing",
            "loopback",
        ])
    };
    let mut first = start();
    first.expect("a new identity key for you lies in ");
    let fingerprint = first.expect("your fingerprint: ");
    first.expect("you are alone in the room");
    first.type_line("/part");
    assert_eq!(first.end().0, Some(0));
    let mut second = start();
    assert_eq!(second.expect("your fingerprint: "), fingerprint);
    second.end_input();
    assert_eq!(second.end().0, Some(0));
}

#[test]
fn keys_lie_where_the_convention_wants_them() {
    let directory = tempfile::tempdir().unwrap();
    let (_relay, url) = relay();
    let start = |variable: &str| {
        let mut command = mpenc(&["chat", "--relay", &url, "--room", "tea", "--name", "A/b"]);
        command.env(variable, directory.path());
        let mut chat = Running::spawn(command);
        chat.expect("you are alone in the room");
        chat.type_line("/quit");
        assert_eq!(chat.end().0, Some(0));
    };
    start("XDG_DATA_HOME");
    assert!(directory.path().join("mpenc/identities/A%2Fb.key").is_file());
    start("HOME");
    assert!(directory.path().join(".local/share/mpenc/identities/A%2Fb.key").is_file());
}
