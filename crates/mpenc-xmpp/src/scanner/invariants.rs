//! What must hold for any bytes as what a server sends: the parser agrees. The fuzz target and
//! the tests check the same.

use crate::rxml::error::EndOrError;
use crate::rxml::{Event, Parse as _, Parser};
use crate::scanner::{Bounds, Excess, Scanner};

/// Bounds that a few bytes reach.
pub(crate) const SMALL: Bounds = Bounds { depth: 4, len: 100 };

/// Checks bytes as the size of pieces, in one byte, and a stream that comes in these.
pub(crate) fn check_script(script: &[u8]) -> Option<Excess> {
    let (piece, stream) = script.split_first()?;
    check(stream, usize::from(*piece))
}

/// Checks bytes as a stream that comes in pieces; says why it is not read to the end.
pub(crate) fn check(bytes: &[u8], piece: usize) -> Option<Excess> {
    let (_, found) = read(bytes, bytes.len(), SMALL);
    let (passed, again) = read(bytes, piece, SMALL);
    assert_eq!(again, found, "it does not matter how the bytes come");
    let (passed, _) = bytes.split_at(passed);
    let (part, _) = parse(passed);
    assert!(part.depth <= SMALL.depth, "{} deep: {:?}", part.depth, text(passed));
    assert!(part.len <= SMALL.len, "{} bytes: {:?}", part.len, text(passed));

    let (whole, parsed) = parse(bytes);
    if parsed {
        match found {
            None => {}
            Some(Excess::Deep(_)) => {
                assert!(whole.depth.max(whole.begun) > SMALL.depth, "{:?}", text(bytes))
            }
            // Outside of stanzas the parser counts a CDATA section as it comes.
            Some(Excess::Long(_)) => assert!(
                whole.len > SMALL.len || text(bytes).contains("<![CDATA["),
                "{:?}",
                text(bytes)
            ),
            Some(Excess::Forbidden) => assert!(
                text(bytes).contains("<!") || text(bytes).contains("<?"),
                "{:?}",
                text(bytes)
            ),
        }
    }
    found
}

/// How many bytes pass, and what comes then.
pub(crate) fn read(bytes: &[u8], piece: usize, bounds: Bounds) -> (usize, Option<Excess>) {
    let mut scanner = Scanner::new(bounds);
    let mut passed = 0;
    for mut piece in bytes.chunks(piece.max(1)) {
        while !piece.is_empty() {
            match scanner.scan(piece) {
                Ok(len) => {
                    assert!((1..=piece.len()).contains(&len), "it comes on, and not too far");
                    passed += len;
                    piece = &piece[len..];
                }
                Err(excess) => return (passed, Some(excess)),
            }
        }
    }
    (passed, None)
}

/// What the parser has met.
struct Met {
    depth: usize,
    /// Where an element would be that is not an event yet.
    begun: usize,
    len: usize,
}

/// What the parser makes of it, and whether it takes it all.
fn parse(bytes: &[u8]) -> (Met, bool) {
    let mut parser = Parser::default();
    parser.set_text_buffering(false);
    let mut rest = bytes;
    let mut met = Met { depth: 0, begun: 0, len: 0 };
    let (mut known, mut depth, mut len) = (0_usize, 0_usize, 0);
    loop {
        let event = match parser.parse(&mut rest, false) {
            Ok(Some(event)) => event,
            Ok(None) => return (met, true),
            Err(EndOrError::NeedMoreData) => {
                let begun = bytes.len() - known;
                if begun > 0 {
                    met.begun = depth + 1;
                    met.len = met.len.max(len + begun);
                }
                return (met, true);
            }
            Err(EndOrError::Error(_)) => return (met, false),
        };
        known += event.metrics().len();
        len += event.metrics().len();
        if depth == 1 && matches!(event, Event::Text(..)) {
            len = 0;
        }
        met.len = met.len.max(len);
        match event {
            Event::StartElement(..) => {
                depth += 1;
                met.depth = met.depth.max(depth);
                if depth == 1 {
                    len = 0;
                }
            }
            Event::EndElement(_) => {
                depth -= 1;
                if depth <= 1 {
                    len = 0;
                }
            }
            Event::Text(..) | Event::XmlDeclaration(..) => {}
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
