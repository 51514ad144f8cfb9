//! `mpenc replay`: a conversation from a file, acted out by as many members as it has people.

mod chaos;
mod perform;

use core::time::Duration;
use std::path::Path;

use mpenc_relay::Loss;
use tokio::time::Instant;

use crate::chat::Stop;
use crate::cli::ReplayArgs;
use crate::company::Company;
use crate::failure::Failure;
use crate::hall::Hall;
use crate::keys::plain;
use crate::log::{Deed, Log, Script, cast};
use crate::plan::Plan;
use crate::report::Report;
use crate::stage::{LONG_GRACE, SHORT_GRACE, Stage};
use crate::term;
use crate::verdict;
#[cfg(feature = "xmpp")]
use crate::xmpp::Xmpp;

use chaos::Chaos;
use perform::Performance;

/// Runs the command.
pub(crate) async fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let started = Instant::now();
    let mut report = Report::default();
    // Whoever is stopped without listening leaves behind what it began: a terminal that shows
    // nothing, a server of our own.
    let mut stop = Stop::listen();
    let result = tokio::select! {
        result = replay(args, &mut report) => result,
        status = stop.wait() => return Err(Failure::Told(status)),
    };
    report.wall_seconds = started.elapsed().as_secs_f64();
    report.conclude("replay", args.json, result)
}

async fn replay(args: &ReplayArgs, report: &mut Report) -> Result<(), Failure> {
    let script = read(args)?;
    let plan = Plan::new(&script);
    report.ignored = script.ignored;
    report.skipped = script.skipped.saturating_add(plan.unheard);
    let file = term::escape(&args.file.display().to_string());
    let cast = plan.cast();
    if cast.len() < 2 {
        return Err(Failure::input(format!(
            "nobody talks to anybody in {file}: a session needs two people"
        )));
    }
    check_sizes(&script, plan.largest(), &args.file)?;

    let timing = args.timing.timing(plan.largest());
    let grace = if args.chaos.is_some() { LONG_GRACE } else { SHORT_GRACE };
    let hall = hall(args, grace).await?;
    let stage = Stage::set(hall, &script.people, args.profile, timing, plan.largest())?
        .adaptive(args.adaptive);
    let chaos = args.chaos.map(|seed| Chaos::new(seed, plan.lines()));
    if !args.json {
        term::say(&format!(
            "replay: {} by {} from {file}, up to {} at a time, on {}",
            term::count(plan.lines(), "line"),
            term::count(cast.len(), "person").replace("persons", "people"),
            plan.largest(),
            stage.place(),
        ));
    }
    let company = Company::new(stage);
    let mut performance = Performance::new(&script, &plan, company, chaos, args.lose.is_some());
    let acted = performance.act().await;
    report.disconnections = performance.disconnections();
    let (company, sent) = performance.end();

    verdict::reach(report, &company, &sent, plan.lines(), acted)
}

#[cfg(feature = "xmpp")]
async fn hall(args: &ReplayArgs, grace: Duration) -> Result<Hall, Failure> {
    match &args.xmpp {
        Some(Some(_)) if args.chaos.is_some() => Err(Failure::input(
            "--chaos needs a server of our own; use --xmpp without a room, or no --chaos",
        )),
        Some(Some(room)) => Ok(Hall::Xmpp(Xmpp::room(room, &args.account).await?)),
        Some(None) => Ok(Hall::Xmpp(Xmpp::own(args.chaos.map(|_| HIBERNATION)).await?)),
        None => Hall::relay(args.relay.as_deref(), grace, lost(args)).await,
    }
}

#[cfg(not(feature = "xmpp"))]
async fn hall(args: &ReplayArgs, grace: Duration) -> Result<Hall, Failure> {
    Hall::relay(args.relay.as_deref(), grace, lost(args)).await
}

/// What our relay loses.
fn lost(args: &ReplayArgs) -> Option<Loss> {
    args.lose.map(|percent| Loss { permille: percent.saturating_mul(10), seed: args.lose_seed })
}

fn read(args: &ReplayArgs) -> Result<Script, Failure> {
    let file = term::escape(&args.file.display().to_string());
    let bytes = std::fs::read(&args.file)
        .map_err(|error| Failure::input(format!("cannot read {file}: {}", plain(&error))))?;
    let limit = args.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let log = Log::parse(&bytes, limit).map_err(|_| {
        Failure::input(format!("{file} is not a conversation: no line of it has a known form"))
    })?;
    cast(&log, args.max_members.map(usize::from))
        .map_err(|bad| Failure::input(format!("line {} of {file}: {}", bad.line, bad.error)))
}

/// Refuses lines that one packet may not be able to carry.
fn check_sizes(script: &Script, largest: usize, file: &Path) -> Result<(), Failure> {
    // A message names as parents at most the latest message of each member.
    let limit = MAX_CONTENT.saturating_sub(largest.saturating_mul(PARENT_LEN));
    for act in &script.acts {
        if let Deed::Says(text) = &act.deed
            && text.len() > limit
        {
            return Err(Failure::input(format!(
                "line {} of {} is too long: {} bytes, and a message among {largest} members \
                 holds at most {limit}",
                act.line,
                term::escape(&file.display().to_string()),
                text.len(),
            )));
        }
    }
    Ok(())
}

/// How long an XMPP server waits for somebody whose connection broke: long enough for a busy
/// machine to make a new one, and less than anybody waits for somebody who was cut off to be gone.
#[cfg(feature = "xmpp")]
const HIBERNATION: Duration = Duration::from_secs(10);

/// Bytes of the records of one message (MSG-007), less the header of the body.
const MAX_CONTENT: usize = 32_766 - 4;
/// Bytes of the record that names a parent.
const PARENT_LEN: usize = 24;
