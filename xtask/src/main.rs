#![doc = "Under construction."]
fn main() {}
