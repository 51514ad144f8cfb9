//! Running the program, and talking with it while it runs.

use core::time::Duration;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// Longest wait for anything. The machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The program with arguments, not yet started, in an environment of its own.
pub(crate) fn mpenc(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mpenc"));
    command.args(args).env_remove("MPENC_LOG").env_remove("XDG_DATA_HOME").env_remove("HOME");
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    mpenc(args).output().expect("the program starts")
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is text")
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("output is text")
}

/// The last line of standard output.
pub(crate) fn last_line(output: &Output) -> String {
    stdout(output).lines().last().unwrap_or_default().to_owned()
}

/// Checks that the program refused its input: exit status 2, one sentence on standard error.
#[track_caller]
pub(crate) fn assert_refused(output: &Output, sentence: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("mpenc: "), "{text}");
    assert!(text.contains(sentence), "{text:?} does not contain {sentence:?}");
    assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
}

/// A program that runs, and whose lines can be read as they come.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Everything it printed so far, for messages about failures.
    seen: Vec<String>,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::spawn(mpenc(args))
    }

    /// Starts a command that has been prepared.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (sender, lines) = channel();
        let out = child.stdout.take().expect("piped");
        let err = child.stderr.take().expect("piped");
        forward(out, sender.clone());
        forward(err, sender);
        let input = child.stdin.take();
        Self { child, input, lines, seen: Vec::new() }
    }

    /// Waits for a line that contains `text`.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("{text:?} does not come after:\n{}", self.seen.join("\n"));
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("input is open");
        writeln!(input, "{line}").expect("the program reads");
    }

    /// Types bytes as they are.
    pub(crate) fn type_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("input is open");
        input.write_all(bytes).expect("the program reads");
    }

    /// Ends its input.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Sends it a signal by name.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for its end; its exit status and everything it printed.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        let status = self.child.wait().expect("the program ends");
        (status.code(), self.seen.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed must not leave programs behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by name.
#[cfg(unix)]
pub(crate) fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
    assert!(sent.success());
}

/// A relay on a free port, and its address.
pub(crate) fn relay() -> (Running, String) {
    let mut relay = Running::start(&["relay", "--listen", "127.0.0.1:0", "--grace", "0.3"]);
    let line = relay.expect("listening on ");
    let url = line.split("listening on ").nth(1).expect("an address").to_owned();
    (relay, url)
}

/// A path as an argument.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().expect("test paths are text")
}

#[expect(clippy::disallowed_methods, reason = "a test waits for two streams at once")]
fn forward(stream: impl std::io::Read + Send + 'static, lines: std::sync::mpsc::Sender<String>) {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            match stream.by_ref().read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    if lines.send(text).is_err() {
                        return;
                    }
                }
            }
        }
    });
}
