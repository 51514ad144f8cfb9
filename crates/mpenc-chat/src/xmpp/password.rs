//! Where a password comes from: never the command line, which others can read.
//!
//! Every copy of it that is ours is wiped. The system's copy of the environment is not, nor what
//! a terminal keeps: neither is ours.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};

use mpenc_xmpp::Password;
use zeroize::Zeroizing;

use super::hidden::Hidden;
use crate::cli::XmppArgs;
use crate::failure::Failure;
use crate::keys::plain;
use crate::term;

/// The variable that may have it.
pub(crate) const VARIABLE: &str = "MPENC_XMPP_PASSWORD";

/// From the file that the arguments name, else from the environment, else from the terminal.
///
/// Cancel safe: whoever no longer waits for somebody to type finds the terminal as it was.
pub(super) async fn find(args: &XmppArgs, account: &str) -> Result<Password, Failure> {
    if let Some(file) = &args.password_file {
        let shown = term::escape(&file.display().to_string());
        let line = File::open(file).and_then(|mut file| first_line(&mut file));
        let line = line
            .map_err(|error| Failure::input(format!("cannot read {shown}: {}", plain(&error))))?;
        return line
            .map(password)
            .ok_or_else(|| Failure::input(format!("{shown} has no password in its first line")));
    }
    match std::env::var(VARIABLE) {
        Ok(password) if !password.is_empty() => return Ok(Password::new(password)),
        Ok(_) | Err(std::env::VarError::NotPresent) => {}
        Err(std::env::VarError::NotUnicode(_)) => {
            return Err(Failure::input(format!("{VARIABLE} is not valid UTF-8")));
        }
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::input(format!(
            "there is no password for {}: {INSTEAD}",
            term::escape(account)
        )));
    }
    ask(account).await
}

/// Refuses rather than letting others read what is typed.
async fn ask(account: &str) -> Result<Password, Failure> {
    let unable = |error: io::Error| {
        Failure::input(format!(
            "this terminal cannot hide the password for {}, {}: {INSTEAD}",
            term::escape(account),
            plain(&error)
        ))
    };
    let hidden = Hidden::begin(io::stdin()).map_err(unable)?;
    let mut terminal = hidden.reader().map_err(unable)?;
    let prompt = Prompt::show(account);
    // A read of a terminal cannot be interrupted; the process ends without it.
    let read = tokio::task::spawn_blocking(move || first_line(&mut terminal)).await;
    drop(prompt);
    let line = read.map_err(io::Error::other).and_then(|line| line);
    let line = line
        .map_err(|error| Failure::input(format!("cannot read the password: {}", plain(&error))))?;
    hidden.finish();
    line.map(password)
        .ok_or_else(|| Failure::input(format!("no password was given: type one, or {INSTEAD}")))
}

/// The same bytes at the same place.
fn password(mut line: Zeroizing<String>) -> Password {
    Password::new(core::mem::take(&mut *line))
}

/// The question. Its line is ended when it is dropped: what is typed does not end it.
struct Prompt;

impl Prompt {
    fn show(account: &str) -> Self {
        // If it does not appear, the cursor still waits.
        let mut out = io::stderr();
        let _ = write!(out, "Password of {} (not shown): ", term::escape(account));
        let _ = out.flush();
        Self
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        // Who has closed our output does not look at it.
        let _ = writeln!(io::stderr());
    }
}

/// A password that ends with its line, or with the input; `None` if it is empty.
fn first_line(input: &mut impl Read) -> io::Result<Option<Zeroizing<String>>> {
    // Of its full size from the beginning: whatever grows leaves copies behind.
    let mut buffer = Zeroizing::new(vec![0; LONGEST]);
    let mut filled = 0;
    let end = loop {
        let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) else {
            let what = format!("the line is longer than {LONGEST} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        };
        let read = match input.read(rest) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if let Some(at) = rest.iter().take(read).position(|byte| *byte == b'\n') {
            break filled.saturating_add(at);
        }
        filled = filled.saturating_add(read);
        if read == 0 {
            break filled;
        }
    };
    let line = core::str::from_utf8(buffer.get(..end).unwrap_or_default())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the line is not valid UTF-8"))?;
    let line = line.trim_end_matches('\r');
    Ok((!line.is_empty()).then(|| Zeroizing::new(line.to_owned())))
}

/// What to do if nobody can type it.
const INSTEAD: &str =
    "set the environment variable MPENC_XMPP_PASSWORD, or name a file with --password-file";

/// Longest line with a password, in bytes: the longest that a terminal lets anybody type.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time, and is interrupted now and then.
    struct Slow<'a>(&'a [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = self.0.len().min(1);
            self.0.read(&mut buffer[..n])
        }
    }

    #[test]
    fn a_password_is_the_first_line() {
        fn check(input: &str, expect: Option<&str>) {
            let expect = expect.map(|text| Zeroizing::new(text.to_owned()));
            assert_eq!(first_line(&mut input.as_bytes()).unwrap(), expect, "{input:?}");
            assert_eq!(first_line(&mut Slow(input.as_bytes(), false)).unwrap(), expect);
        }
        check("secret\n", Some("secret"));
        check("secret", Some("secret"));
        check("secret\r\nother\n", Some("secret"));
        check(" sécret \n\n", Some(" sécret "));
        check("", None);
        check("\nsecret\n", None);
        check("\r\n", None);
    }

    #[test]
    fn what_is_no_password_is_refused() {
        let long = "x".repeat(LONGEST);
        assert!(first_line(&mut long.as_bytes()).is_err());
        assert!(first_line(&mut format!("{}\n", &long[1..]).as_bytes()).is_ok());
        assert!(first_line(&mut &b"caf\xe9\n"[..]).is_err());
    }

    #[test]
    fn the_advice_names_the_variable() {
        assert!(INSTEAD.contains(VARIABLE));
    }
}
