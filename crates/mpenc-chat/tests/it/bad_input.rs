//! Bad input gets one clear sentence on standard error, and exit status 2.

use std::fs;
use std::net::TcpListener;

use crate::program::{Running, arg, assert_refused, last_line, mpenc, relay, run, stdout};

#[test]
fn bad_usage() {
    assert_refused(&run(&["sing"]), "unrecognized subcommand 'sing'");
    assert_refused(&run(&["demo", "--loud"]), "unexpected argument '--loud'");
    assert_refused(&run(&["demo", "--timing", "fast"]), "unknown timing");
    assert_refused(&run(&["replay"]), "required arguments were not provided");
    assert_refused(&run(&["replay", "x", "--max-members", "many"]), "invalid value 'many'");
    assert_refused(&run(&["relay"]), "required arguments were not provided");
}

#[test]
fn wrong_urls() {
    let directory = tempfile::tempdir().unwrap();
    let chat = |url: &str| {
        let data = arg(directory.path());
        run(&["chat", "--relay", url, "--room", "r", "--name", "ann", "--data-dir", data])
    };
    assert_refused(&chat("nonsense"), "is not a relay address");
    assert_refused(&chat("http://127.0.0.1:1"), "is not a relay address");
    assert_refused(&chat("ws://127.0.0.1:port"), "is not a relay address");
    assert_refused(&chat("ws://127.0.0.1:1"), "cannot reach the relay");
    assert_refused(&chat("ws://\u{1b}[2J"), "is not a relay address");

    let scene = concat!(env!("CARGO_MANIFEST_DIR"), "/scenes/hamlet-1-1.txt");
    assert_refused(&run(&["replay", scene, "--relay", "nonsense"]), "is not a relay address");
    assert_refused(&run(&["replay", scene, "--relay", "ws://127.0.0.1:1"]), "cannot reach");
}

#[test]
fn addresses_to_listen_on() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_refused(&run(&["relay", "--listen", &address]), "address already in use");
    assert_refused(&run(&["relay", "--listen", "nonsense"]), "cannot listen on nonsense");
    assert_refused(&run(&["relay", "--listen", "127.0.0.1:99999"]), "cannot listen on");
}

#[test]
fn files_to_replay() {
    let directory = tempfile::tempdir().unwrap();
    let replay = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        run(&["replay", arg(&path)])
    };
    assert_refused(&run(&["replay", "/no/such/file"]), "cannot read /no/such/file");
    assert_refused(&run(&["replay", arg(directory.path())]), "is a directory");
    assert_refused(&replay("empty", b""), "is not a conversation");
    assert_refused(
        &replay("prose", b"It was a dark\nand stormy night.\n"),
        "is not a conversation",
    );
    assert_refused(&replay("bytes", &[0, 159, 146, 150, 10, 255]), "is not a conversation");
    assert_refused(&replay("lonely", b"Ann: is anybody there?\n"), "a session needs two people");
    assert_refused(
        &replay("control", b"Ann: hi\nB\x1b[2Jb: ho\n"),
        "a member name must not contain control characters",
    );
    let long = format!("Ann: hi\nBob: {}\n", "x".repeat(40_000));
    assert_refused(&replay("long", long.as_bytes()), "line 2 of");
    let name = format!("{}: hi\nBob: ho\n", "x".repeat(256));
    assert_refused(&replay("name", name.as_bytes()), "at most 255 bytes");
}

#[test]
fn a_script_gets_an_object_also_for_bad_input() {
    let output = run(&["replay", "/no/such/file", "--json"]);
    assert_refused(&output, "cannot read");
    let object: serde_json::Value = serde_json::from_str(&last_line(&output)).unwrap();
    assert!(object["error"].as_str().unwrap().contains("cannot read"), "{object}");
}

#[test]
fn names_and_rooms() {
    let chat = |name: &str, room: &str| {
        run(&["chat", "--relay", "ws://127.0.0.1:1", "--room", room, "--name", name])
    };
    assert_refused(&chat("a\u{1b}[2Jb", "r"), "must not contain control characters");
    assert_refused(&chat("a\nb", "r"), "must not contain control characters");
    assert_refused(&chat("", "r"), "must not be empty");
    assert_refused(&chat(&"x".repeat(256), "r"), "at most 255 bytes");
}

#[test]
fn places_for_keys() {
    let directory = tempfile::tempdir().unwrap();
    let chat = |more: &[&str]| {
        let args = ["chat", "--relay", "ws://127.0.0.1:1", "--room", "r", "--name", "ann"];
        run(&[&args, more].concat())
    };
    assert_refused(&chat(&[]), "neither XDG_DATA_HOME nor HOME is set");
    let file = directory.path().join("file");
    fs::write(&file, "something else\n").unwrap();
    assert_refused(&chat(&["--identity", arg(directory.path())]), "is not an identity file");
    let below = file.join("below");
    assert_refused(&chat(&["--data-dir", arg(&below)]), "not a directory");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        assert_refused(&chat(&["--identity", arg(&file)]), "can be read by other users");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_refused(&chat(&["--identity", arg(&file)]), "is not an identity file");
    }
    let known = directory.path().join("ann.id.known");
    fs::write(&known, "damaged\n").unwrap();
    let identity = directory.path().join("ann.id");
    assert_refused(&chat(&["--identity", arg(&identity)]), "line 1 is damaged");
}

#[cfg(feature = "xmpp")]
#[test]
fn servers_of_strangers() {
    let directory = tempfile::tempdir().unwrap();
    let scene = concat!(env!("CARGO_MANIFEST_DIR"), "/scenes/hamlet-1-1.txt");
    let check = |file: &str, expect: &str| {
        let xmpp = ["--xmpp", "tea@rooms.example", "--jid", "ann@example", "--xmpp-ca", file];
        let data = arg(directory.path());
        assert_refused(&run(&[&["chat", "--data-dir", data], &xmpp[..]].concat()), expect);
        assert_refused(&run(&[&["replay", scene], &xmpp[..]].concat()), expect);
    };
    check("/no/such/file", "cannot read /no/such/file");
    check("/no/such/file", "--xmpp-ca takes the file with the certificate of your server's");
    let file = directory.path().join("authority.pem");
    for (content, expect) in [
        ("", "there is no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "1 in it is damaged"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
    ] {
        fs::write(&file, content).unwrap();
        check(arg(&file), expect);
        check(arg(&file), "makes PEM of other certificates");
    }
    let chaos = ["--xmpp", "tea@rooms.example", "--jid", "ann@example", "--chaos", "1"];
    let refused = run(&[&["replay", scene], &chaos[..]].concat());
    assert_refused(&refused, "--chaos needs a server of our own");
    let plain = ["--server", "127.0.0.1:1", "--plaintext", "--xmpp-ca", "x"];
    let chat = ["chat", "--xmpp", "tea@rooms.example", "--jid", "ann@example"];
    assert_refused(&run(&[&chat[..], &plain].concat()), "cannot be used with");
}

#[test]
fn lines_typed_in_a_chat() {
    let directory = tempfile::tempdir().unwrap();
    let (_relay, url) = relay();
    let mut chat = Running::start(&[
        "chat",
        "--relay",
        &url,
        "--room",
        "r",
        "--name",
        "ann",
        "--timing",
        "loopback",
        "--data-dir",
        arg(directory.path()),
    ]);
    chat.expect("you are alone in the room");
    let mut check = |line: &str, expect: &str| {
        chat.type_line(line);
        chat.expect(&format!("mpenc: {expect}"));
    };
    check("/include bob", "there is nobody called bob in the room");
    check("/exclude bob", "there is nobody called bob in the session");
    check("/verify bob", "no key of anybody called bob is known");
    check("/info 1", "there is no message [1]");
    check("/sing", "there is no command /sing; /help lists them");
    check("/include \u{1b}[2J", "a member name must not contain control characters");
    check(&"x".repeat(40_000), "the line is too long: 40000 bytes");
    chat.type_line("hello?");
    chat.expect("* not sent; it waits until you decide: /queue");
    chat.type_bytes(b"caf\xe9\n");
    chat.expect("mpenc: the line is not valid UTF-8");
    chat.end_input();
    let (status, _) = chat.end();
    assert_eq!(status, Some(2), "what could not be used shows in the end");
}

#[test]
fn whoever_closes_our_output_causes_no_panic() {
    let scene = concat!(env!("CARGO_MANIFEST_DIR"), "/scenes/hamlet-1-1.txt");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = mpenc(&["replay", scene, "--limit", "4"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), "");
}
