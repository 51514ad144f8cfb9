//! Where a password comes from: never the command line, which others can read.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::Command;

use mpenc_xmpp::Password;

use crate::cli::XmppArgs;
use crate::failure::Failure;
use crate::keys::plain;
use crate::term;

/// The variable that may have it.
pub(crate) const VARIABLE: &str = "MPENC_XMPP_PASSWORD";

/// From the file that the arguments name, else from the environment, else from the terminal.
pub(super) fn find(args: &XmppArgs, account: &str) -> Result<Password, Failure> {
    if let Some(file) = &args.password_file {
        let shown = term::escape(&file.display().to_string());
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::input(format!("cannot read {shown}: {}", plain(&error))))?;
        let first = text.lines().next().filter(|line| !line.is_empty());
        let first = first
            .ok_or_else(|| Failure::input(format!("{shown} has no password in its first line")))?;
        return Ok(Password::new(first.to_owned()));
    }
    match std::env::var(VARIABLE) {
        Ok(password) if !password.is_empty() => return Ok(Password::new(password)),
        Ok(_) | Err(_) => {}
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::input(format!(
            "there is no password for {}: set {VARIABLE}, or name a file with --password-file",
            term::escape(account)
        )));
    }
    ask(account)
}

fn ask(account: &str) -> Result<Password, Failure> {
    eprint!("Password of {}: ", term::escape(account));
    // If it does not appear, the cursor still waits.
    let _ = io::stderr().flush();
    let silent = echo(false);
    let mut line = String::new();
    let read = io::stdin().read_line(&mut line);
    if silent {
        echo(true);
        eprintln!();
    }
    match read {
        Ok(1..) => Ok(Password::new(line.trim_end_matches(['\r', '\n']).to_owned())),
        Ok(_) | Err(_) => Err(Failure::input("no password was given")),
    }
}

/// Whether the terminal now shows, or does not show, what is typed.
fn echo(on: bool) -> bool {
    let word = if on { "echo" } else { "-echo" };
    Command::new("stty").arg(word).status().is_ok_and(|status| status.success())
}
