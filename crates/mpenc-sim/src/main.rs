//! The program `mpenc-sim`: runs seeds and reports.

use std::process::ExitCode;

fn main() -> ExitCode {
    mpenc_sim::cli::main()
}
