//! What a demo or a replay comes to: figures for the report, and whether all holds.

use crate::company::Company;
use crate::compare::{self, Sent};
use crate::failure::Failure;
use crate::report::Report;

/// Compares what everybody heard, with each other and with the `due` lines that were to be sent,
/// and closes the company. Also of a performance that broke off it is told how far it came.
pub(crate) fn reach(
    report: &mut Report,
    company: &Company,
    sent: &[Sent],
    due: usize,
    acted: Result<(), Failure>,
) -> Result<(), Failure> {
    let transcripts = company.transcripts();
    let difference = compare::difference(&transcripts);
    let misheard = compare::misheard(sent, &transcripts);
    company.close();
    report.members = transcripts.len();
    report.operations = company.operations();
    report.messages = sent.len();
    report.fully_acked = compare::fully_acked(sent, &transcripts);
    report.transcripts_equal = difference.is_none();
    report.content_equal = misheard.is_none() && sent.len() == due;
    report.packets = company.stage.traffic.packets();
    report.bytes = company.stage.traffic.bytes();
    acted?;
    if let Some(reason) = difference.or(misheard) {
        return Err(Failure::check(reason));
    }
    if let Some(fault) = company.fault() {
        return Err(fault);
    }
    report.check()
}
