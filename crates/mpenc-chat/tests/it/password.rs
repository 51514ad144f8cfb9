//! Passwords typed at a terminal: nobody sees them, and whoever thinks better of it finds the
//! terminal as it was.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::program::{PATIENCE, arg, assert_refused, mpenc, run, signal};

const SCENE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenes/hamlet-1-1.txt");

/// Where nobody listens.
const NOWHERE: [&str; 7] = [
    "--xmpp",
    "tea@rooms.localhost",
    "--jid",
    "ann@localhost",
    "--server",
    "127.0.0.1:1",
    "--plaintext",
];

/// The program at a terminal, with somebody who types.
struct Seated {
    child: Child,
    terminal: File,
    keyboard: File,
    shown: Receiver<String>,
    /// All of it so far.
    seen: String,
    ended: Receiver<()>,
}

impl Seated {
    #[expect(clippy::disallowed_methods, reason = "a test waits for two things at once")]
    fn start(args: &[&str]) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let terminal = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        let (keyboard, terminal) = (File::from(keyboard), File::from(terminal.unwrap()));

        let mut command = mpenc(args);
        command.env_remove("MPENC_XMPP_PASSWORD").stdout(Stdio::piped());
        command.stdin(terminal.try_clone().unwrap()).stderr(terminal.try_clone().unwrap());
        let mut child = command.spawn().unwrap();

        let (sender, shown) = channel();
        let mut screen = keyboard.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(n) = screen.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
                if n == 0 || sender.send(text).is_err() {
                    return;
                }
            }
        });
        let (sender, ended) = channel();
        let mut output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            // Its output ends when it does.
            let _ = std::io::copy(&mut output, &mut std::io::sink());
            let _ = sender.send(());
        });
        Self { child, terminal, keyboard, shown, seen: String::new(), ended }
    }

    /// One who is asked for a password now.
    #[track_caller]
    fn asked(args: &[&str]) -> Self {
        let mut seated = Self::start(args);
        assert!(seated.shows_what_is_typed());
        seated.expect("Password of ann@localhost");
        assert!(!seated.shows_what_is_typed());
        seated
    }

    #[track_caller]
    fn expect(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let Ok(more) = self.shown.recv_timeout(PATIENCE) else {
                panic!("{text:?} does not come after {:?}", self.seen);
            };
            self.seen.push_str(&more);
        }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn shows_what_is_typed(&self) -> bool {
        tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    #[track_caller]
    fn end(&mut self) -> Option<i32> {
        assert!(self.ended.recv_timeout(PATIENCE).is_ok(), "no end after {:?}", self.seen);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        // A test that failed must not leave programs behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The commands that may ask, as somebody with keys in this folder gives them.
fn commands(data: &str) -> [Vec<&str>; 2] {
    let chat = ["chat", "--data-dir", data];
    let replay = ["replay", SCENE];
    [[&chat[..], &NOWHERE].concat(), [&replay[..], &NOWHERE].concat()]
}

#[test]
fn what_is_typed_is_not_shown() {
    let data = tempfile::tempdir().unwrap();
    for command in commands(arg(data.path())) {
        let mut seated = Seated::asked(&command);
        seated.types("hunter2\n");
        seated.expect("mpenc: cannot reach the server of ann@localhost");
        assert_eq!(seated.end(), Some(2));
        assert!(!seated.seen.contains("hunter2"), "{:?}", seated.seen);
        assert!(seated.shows_what_is_typed());

        let mut seated = Seated::asked(&command);
        seated.types("\n");
        seated.expect("mpenc: no password was given: type one, or set the environment variable");
        assert_eq!(seated.end(), Some(2));
        assert!(seated.shows_what_is_typed());
    }
}

#[test]
fn whoever_thinks_better_of_it_finds_the_terminal_as_it_was() {
    let data = tempfile::tempdir().unwrap();
    for command in commands(arg(data.path())) {
        for (name, status) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
            let mut seated = Seated::asked(&command);
            seated.types("hunt");
            signal(&seated.child, name);
            assert_eq!(seated.end(), Some(status), "{command:?} {name}");
            assert!(seated.shows_what_is_typed(), "{command:?} {name}");
            // The beginning of the password is not there for a shell to read.
            seated.types("next\n");
            let mut line = String::new();
            BufReader::new(&seated.terminal).read_line(&mut line).unwrap();
            assert_eq!(line, "next\n", "{command:?} {name}");
        }
    }
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    for command in commands(arg(data.path())) {
        let refused = mpenc(&command).env_remove("MPENC_XMPP_PASSWORD").output().unwrap();
        assert_refused(
            &refused,
            "set the environment variable MPENC_XMPP_PASSWORD, or name a file",
        );
    }
}

#[test]
fn files_and_variables() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("password");
    let chat = |content: &[u8]| {
        fs::write(&file, content).unwrap();
        let given = ["chat", "--data-dir", arg(data.path()), "--password-file", arg(&file)];
        run(&[&given[..], &NOWHERE].concat())
    };
    assert_refused(&chat(b"hunter2\n"), "cannot reach the server");
    assert_refused(&chat(b"\nhunter2\n"), "has no password in its first line");
    assert_refused(&chat(b"caf\xe9\n"), "the line is not valid UTF-8");
    assert_refused(&chat(&[b'x'; 10_000]), "the line is longer than 4096 bytes");

    let [command, _] = commands(arg(data.path()));
    let with = |value: &[u8]| {
        let value = OsStr::from_bytes(value);
        mpenc(&command).env("MPENC_XMPP_PASSWORD", value).output().unwrap()
    };
    assert_refused(&with(b"hunter2"), "cannot reach the server");
    assert_refused(&with(b"caf\xe9"), "MPENC_XMPP_PASSWORD is not valid UTF-8");
}
