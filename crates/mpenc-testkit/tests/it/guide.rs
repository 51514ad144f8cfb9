//! What `docs/writing-a-channel.md` quotes is there, word for word.
//!
//! A block of Rust in the guide is a part of one of the [`SOURCES`]. Indentation and empty lines
//! do not count; a line `// …` stands for lines that the guide leaves out.

use std::fs;
use std::path::Path;

use mpenc_testkit::Guarantee;

/// What the guide quotes from, seen from this crate.
const SOURCES: [&str; 7] = [
    "examples/hall/channel.rs",
    "examples/hall/main.rs",
    "examples/hall/server.rs",
    "tests/it/good.rs",
    "../mpenc-relay/src/client/link.rs",
    "../mpenc-relay/src/client/mod.rs",
    "../mpenc-relay/src/client/state.rs",
];

const LEFT_OUT: &str = "// …";

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| format!("{}: {error}", path.display()))
}

fn guide() -> String {
    read("../../docs/writing-a-channel.md")
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// The blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("\n```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

/// Whether all pieces of the block are in the source, each in one go, one after the other.
fn quotes(block: &str, source: &str) -> bool {
    let (block, mut rest) = (lines(block), lines(source));
    block.split(|line| *line == LEFT_OUT).filter(|piece| !piece.is_empty()).all(|piece| {
        let Some(at) = rest.windows(piece.len()).position(|found| found == piece) else {
            return false;
        };
        rest.drain(..at + piece.len());
        true
    })
}

#[test]
fn every_rust_block_of_the_guide_is_real() {
    let guide = guide();
    let sources = SOURCES.map(read);
    let blocks = blocks(&guide, "rust");
    assert!(blocks.len() >= 10, "only {} blocks", blocks.len());
    for block in blocks {
        let is_real = sources.iter().any(|source| quotes(block, source));
        assert!(is_real, "in none of {SOURCES:?}:\n{block}");
    }
    assert!(!guide.contains("```rust,") && !guide.contains("``` rust"), "these are not looked at");
}

#[test]
fn the_report_in_the_guide_is_one_that_there_can_be() {
    let guide = guide();
    let report = blocks(&guide, "text").into_iter().find(|block| block.contains("the contract"));
    let mut lines = report.unwrap().lines().rev();
    assert_eq!(lines.next(), Some("the contract IS BROKEN"));
    let words = ["given", "LACKING", "lacking", "UNSEEN", "unseen", "no way"];
    for line in lines {
        let is_real = Guarantee::ALL.into_iter().any(|guarantee| {
            words.iter().any(|word| {
                line.starts_with(&format!("{word:<8} {guarantee} ({})", guarantee.requirements()))
            })
        });
        assert!(is_real, "{line}");
    }
}

#[test]
fn a_quotation_is_word_for_word() {
    let source = "fn a() {\n    one();\n\n    two();\n    three();\n}\nfn b() {}\n";
    assert!(quotes("one();\n\n  two();", source));
    assert!(quotes("fn a() {\n    // …\n    three();\n}", source));
    assert!(!quotes("one();\nthree();", source), "something is missing");
    assert!(!quotes("fn b() {}\n// …\none();", source), "another order");
    assert!(!quotes("one(); // and", source), "something was added");
    assert_eq!(blocks("a\n```rust\nb\nc\n```\nd\n```sh\ne\n```\n", "rust"), ["b\nc"]);
}
