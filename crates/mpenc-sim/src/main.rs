//! The program `mpenc-sim`: runs seeds and reports.

fn main() {}
