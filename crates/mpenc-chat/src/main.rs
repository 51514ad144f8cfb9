//! The program `mpenc`: a relay, a line-mode chat, a demonstration, and re-enacted conversations.
#![expect(
    clippy::disallowed_methods,
    reason = "a program reads the clock and draws randomness by nature"
)]

extern crate alloc;

mod actor;
mod chat;
mod cli;
mod company;
mod compare;
mod demo;
mod failure;
mod hall;
mod keys;
mod log;
mod peer;
mod plan;
mod relay;
mod replay;
mod report;
mod stage;
mod tap;
mod term;
mod verdict;
#[cfg(feature = "xmpp")]
mod xmpp;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use cli::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() || error.kind() == HELP_INSTEAD => error.exit(),
        Err(error) => return end(Err(Failure::input(cli::sentence(&error)))),
    };
    let filter = EnvFilter::try_from_env("MPENC_LOG").unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return end(Err(Failure::check(format!("cannot start: {error}"))));
        }
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Demo(args) => demo::run(&args).await,
            Command::Replay(args) => replay::run(&args).await,
            Command::Relay(args) => relay::run(&args).await,
            Command::Chat(args) => chat::run(&args).await,
            Command::Peer => peer::run().await,
        }
    });
    // A read of standard input may be pending, and cannot be interrupted.
    runtime.shutdown_background();
    end(result)
}

/// Says what went wrong in one sentence, and gives the exit status.
fn end(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told(status)) => ExitCode::from(status),
        Err(failure) => {
            term::complain(&format!("mpenc: {}", term::escape(&failure.to_string())));
            ExitCode::from(failure.status())
        }
    }
}

const HELP_INSTEAD: clap::error::ErrorKind =
    clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
