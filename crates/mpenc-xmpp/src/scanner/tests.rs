use proptest::collection::vec;
use proptest::prelude::*;

use super::invariants::{SMALL, check, check_script, read};
use super::*;

const HEADER: &str = "<?xml version='1.0'?><s:stream xmlns:s='http://etherx.jabber.org/streams'>";

/// What becomes of these stanzas behind a header, however they are cut into pieces.
fn outcome(stanzas: &str) -> Option<Excess> {
    let stream = format!("{HEADER}{stanzas}");
    let found = check(stream.as_bytes(), 1);
    for piece in 2..=stream.len() {
        assert_eq!(check(stream.as_bytes(), piece), found, "pieces of {piece} bytes");
    }
    found
}

#[test]
fn streams_within_the_bounds_pass() {
    for stanzas in [
        "<a/>",
        "<a><b><c/></b></a><a><b><c>text</c></b></a>",
        "<a b='>' c=\"'/>\" d='/'/><a b='</a>'>&lt;&gt;</a>",
        "<a><![CDATA[<b><c><d><e>]]]]><![CDATA[>]]></a>",
        "<a ><b\n/ ></a >",
        "<a/></s:stream>",
        "<ä ö='ü'>ß</ä>",
    ] {
        assert_eq!(outcome(stanzas), None, "{stanzas}");
    }
    // Signs of life between stanzas, for ever.
    assert_eq!(outcome(&" ".repeat(1000)), None);
    assert_eq!(outcome(&"<a/>".repeat(100)), None);
}

#[test]
fn what_nests_too_deep_is_refused() {
    let deep = Some(Excess::Deep(SMALL.depth));
    for stanzas in [
        "<a><b><c><d/></c></b></a>",
        "<a><b><c><d>",
        "<a/><a><b></b><b><c></c><c x='/'><d",
        "<a b='/'><b c='\"'><c d=\"'\"><d e='<'/>",
        // It is the parser that takes no second header; the scanner counts it.
        "<s:stream><?xml",
    ] {
        let expect = if stanzas.ends_with("<?xml") { Some(Excess::Forbidden) } else { deep };
        assert_eq!(outcome(stanzas), expect, "{stanzas}");
    }
}

#[test]
fn what_is_too_long_is_refused() {
    let long = Some(Excess::Long(SMALL.len));
    let much = "x".repeat(SMALL.len);
    for stanzas in [
        format!("<a>{much}</a>"),
        format!("<a b='{much}'/>"),
        format!("<{much}/>"),
        format!("<a><![CDATA[{much}]]></a>"),
        format!("<a>{}</a>", "<b/>".repeat(SMALL.len)),
    ] {
        assert_eq!(outcome(&stanzas), long, "{stanzas}");
    }
    // To the byte.
    let fit = |len: usize| format!("<a>{}</a>", "x".repeat(len - "<a></a>".len()));
    assert_eq!(outcome(&format!("{0}{0}", fit(SMALL.len))), None);
    assert_eq!(outcome(&fit(SMALL.len + 1)), long);
    // A header that never ends.
    assert_eq!(check(format!("<s:stream a='{much}").as_bytes(), 7), long);
    assert_eq!(check(" ".repeat(1000).as_bytes(), 7), long);
}

#[test]
fn what_xmpp_forbids_is_refused() {
    for stanzas in ["<!-- a -->", "<a><!DOCTYPE a></a>", "<?xml version='1.0'?>", "<a><?b?></a>"] {
        assert_eq!(outcome(stanzas), Some(Excess::Forbidden), "{stanzas}");
    }
    assert_eq!(check(b"<!DOCTYPE stream>", 1), Some(Excess::Forbidden));
    assert_eq!(check(b"<![CDAT<", 1), Some(Excess::Forbidden));
}

#[test]
fn pieces_end_where_elements_of_the_stream_do() {
    let mut scanner = Scanner::new(SMALL);
    let mut rest = "<?xml?><s><a/> <b><c/></b><d>e</d> f</s>".as_bytes();
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(scanner.scan(rest).unwrap());
        pieces.push(str::from_utf8(piece).unwrap());
        rest = behind;
    }
    assert_eq!(pieces, ["<?xml?><s>", "<a/>", " <b><c/></b>", "<d>e</d>", " f</s>"]);
}

/// An element with others in it, up to so many levels.
fn element(levels: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("<a/>".to_owned()),
        Just("<a b='/>' c=\"</a>\"/>".to_owned()),
        Just("text".to_owned()),
        Just("<![CDATA[<a>]]>".to_owned()),
    ];
    leaf.prop_recursive(levels, 16, 3, |inner| {
        vec(inner, 0..3).prop_map(|inner| format!("<a b='>'>{}</a>", inner.concat()))
    })
    .boxed()
}

proptest! {
    #[test]
    fn random_elements_are_counted_as_the_parser_does(
        stanzas in vec(element(6), 0..4),
        piece in 1_usize..40,
    ) {
        let stanzas: String = stanzas.iter().map(|inner| format!("<s>{inner}</s>")).collect();
        check(format!("{HEADER}{stanzas}").as_bytes(), piece);
    }

    #[test]
    fn any_depth_is_told_from_the_next(
        depth in 1_usize..100,
        more in 0_usize..100,
        piece in 1_usize..100,
    ) {
        let nested = format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        let bounds = |depth| Bounds { depth, len: nested.len() };
        prop_assert_eq!(read(nested.as_bytes(), piece, bounds(depth + more)), (nested.len(), None));
        let (passed, excess) = read(nested.as_bytes(), piece, bounds(depth - 1));
        prop_assert_eq!(excess, Some(Excess::Deep(depth - 1)));
        prop_assert!(passed <= "<a>".len() * (depth - 1) + 1);
    }

    #[test]
    fn any_bytes_are_counted_as_the_parser_does(
        stream in "(<|>|/|'|\"|=|!|\\[|\\]|CDATA|\\?|xml|a| |<a>|</a>|<a/>|<!\\[CDATA\\[|\\]\\]>){0,40}",
        piece in 1_usize..20,
    ) {
        check(stream.as_bytes(), piece);
        check(format!("{HEADER}{stream}").as_bytes(), piece);
    }
}

/// What fuzzing starts from stays checked.
#[test]
fn the_corpus_is_counted_as_the_parser_does() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/xmpp_scanner");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        found.push(check_script(&std::fs::read(file.unwrap().path()).unwrap()));
    }
    let count = |of: fn(&Option<Excess>) -> bool| found.iter().filter(|found| of(found)).count();
    assert!(count(|found| found.is_none()) >= 4, "{found:?}");
    assert!(count(|found| matches!(found, Some(Excess::Deep(_)))) >= 2, "{found:?}");
    assert!(count(|found| matches!(found, Some(Excess::Long(_)))) >= 2, "{found:?}");
    assert!(count(|found| matches!(found, Some(Excess::Forbidden))) >= 2, "{found:?}");
}
