//! As much JSON as message bodies need: writing one string as the original does, and reading the
//! first element of an array while checking the rest.
//!
//! Reading is iterative and as deep as the text is long: old peers know no limit of depth, so
//! neither may we, and the stack must not pay for it (ATK-019).

use alloc::string::String;
use alloc::vec::Vec;

use crate::work;

/// The first element of an array.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// The array is empty.
    Missing,
    /// A string.
    Text(String),
    /// `true` or `false`.
    Truth(bool),
    /// Anything else, or a string that Unicode cannot represent.
    Other,
}

/// `true` or `false`.
pub(crate) fn truth(value: bool) -> String {
    String::from(if value { "true" } else { "false" })
}

/// A string in quotes. Of equal escapes the original uses the shortest, and it escapes only what
/// must be (wire-v1.md section 8).
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    let mut rest = text;
    loop {
        // What needs no escape goes in one piece, since most texts need none.
        let (plain, special) = split_plain(rest);
        out.push_str(plain);
        let mut chars = special.chars();
        let Some(c) = chars.next() else { break };
        rest = chars.as_str();
        match c {
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\u{1f}' => {
                out.push_str("\\u00");
                let code = u32::from(c);
                out.extend(char::from_digit(code >> 4, 16));
                out.extend(char::from_digit(code & 15, 16));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The text before and from the first character that is escaped, ends a string, or may not be in
/// one.
fn split_plain(text: &str) -> (&str, &str) {
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    // Whole chunks first: without an early exit the processor looks at many bytes at once.
    let chunks = text.as_bytes().chunks(64);
    let plain = chunks.take_while(|chunk| {
        work::step();
        !chunk.iter().fold(false, |any, byte| any | special(byte))
    });
    let start: usize = plain.map(<[u8]>::len).sum();
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let end = start.saturating_add(rest.iter().position(special).unwrap_or(rest.len()));
    // ASCII bytes are never inside a character, so the cut is between two.
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// The first element of a text that is a JSON array; none if it is anything else.
pub(crate) fn first_element(text: &str) -> Option<Element> {
    let mut parser = Parser { rest: text };
    parser.skip_space();
    parser.take('[')?;
    // Open brackets, outermost first; a bit would do, but a byte is linear as well.
    let mut open = Vec::from([Bracket::Array]);
    let mut due = Due::ValueOrEnd;
    let mut first = None;
    while let Some(&bracket) = open.last() {
        parser.skip_space();
        let next = parser.peek()?;
        due = match (due, next) {
            (Due::ValueOrEnd, ']') | (Due::KeyOrEnd, '}') => {
                parser.skip(next);
                open.pop();
                Due::CommaOrEnd
            }
            (Due::Value | Due::ValueOrEnd, '[') => {
                parser.skip(next);
                first.get_or_insert(Element::Other);
                open.push(Bracket::Array);
                Due::ValueOrEnd
            }
            (Due::Value | Due::ValueOrEnd, '{') => {
                parser.skip(next);
                first.get_or_insert(Element::Other);
                open.push(Bracket::Object);
                Due::KeyOrEnd
            }
            (Due::Value | Due::ValueOrEnd, _) => {
                let value = parser.scalar(next, first.is_none())?;
                first.get_or_insert(value);
                Due::CommaOrEnd
            }
            (Due::Key | Due::KeyOrEnd, _) => {
                parser.string(false)?;
                parser.skip_space();
                parser.take(':')?;
                Due::Value
            }
            (Due::CommaOrEnd, ',') => {
                parser.skip(next);
                match bracket {
                    Bracket::Array => Due::Value,
                    Bracket::Object => Due::Key,
                }
            }
            (Due::CommaOrEnd, _) => {
                parser.take(bracket.end())?;
                open.pop();
                Due::CommaOrEnd
            }
        };
    }
    parser.skip_space();
    parser.rest.is_empty().then(|| first.unwrap_or(Element::Missing))
}

#[derive(Clone, Copy)]
enum Bracket {
    Array,
    Object,
}

impl Bracket {
    const fn end(self) -> char {
        match self {
            Self::Array => ']',
            Self::Object => '}',
        }
    }
}

/// What may come next.
#[derive(Clone, Copy)]
enum Due {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<char> {
        work::step();
        self.rest.chars().next()
    }

    /// Passes over `c`, which was peeked.
    fn skip(&mut self, c: char) {
        self.rest = self.rest.strip_prefix(c).unwrap_or(self.rest);
    }

    fn take(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(c)?;
        Some(())
    }

    fn take_any(&mut self) -> Option<char> {
        work::step();
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// A value without inner structure that begins with `next`; strings are kept if `keep`.
    fn scalar(&mut self, next: char, keep: bool) -> Option<Element> {
        match next {
            '"' => Some(self.string(keep)?.map_or(Element::Other, Element::Text)),
            't' => self.word("true", Element::Truth(true)),
            'f' => self.word("false", Element::Truth(false)),
            'n' => self.word("null", Element::Other),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, value: Element) -> Option<Element> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(value)
    }

    fn number(&mut self) -> Option<Element> {
        let _ = self.take('-');
        if self.take('0').is_none() {
            self.digits()?;
        }
        if self.take('.').is_some() {
            self.digits()?;
        }
        if self.take('e').or_else(|| self.take('E')).is_some() {
            let _ = self.take('+').or_else(|| self.take('-'));
            self.digits()?;
        }
        Some(Element::Other)
    }

    /// At least one digit.
    fn digits(&mut self) -> Option<()> {
        let rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let any = rest.len() < self.rest.len();
        self.rest = rest;
        any.then_some(())
    }

    /// A string. The inner value is what it says, if `keep` and if Unicode can say it.
    fn string(&mut self, keep: bool) -> Option<Option<String>> {
        self.take('"')?;
        let mut text = String::new();
        let mut sound = true;
        // The first half of a surrogate pair, while the second may still come.
        let mut high: Option<u16> = None;
        loop {
            if high.is_none() {
                let (plain, special) = split_plain(self.rest);
                self.rest = special;
                if keep {
                    text.push_str(plain);
                }
            }
            let unit = match self.take_any()? {
                '"' => break,
                '\0'..='\u{1f}' => return None,
                '\\' => self.escape()?,
                c => Unit::Char(c),
            };
            let pair = match (high.take(), unit) {
                (None, Unit::Surrogate(half)) if is_high(half) => {
                    high = Some(half);
                    continue;
                }
                (None, Unit::Char(c)) => Some(c),
                (Some(high), Unit::Surrogate(low)) => {
                    char::decode_utf16([high, low]).next().and_then(Result::ok)
                }
                (None, Unit::Surrogate(_)) | (Some(_), Unit::Char(_)) => None,
            };
            match pair {
                Some(c) if keep => text.push(c),
                Some(_) => {}
                None => sound = false,
            }
        }
        sound &= high.is_none();
        Some((keep && sound).then_some(text))
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Option<Unit> {
        let c = match self.take_any()? {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            'u' => return self.code_unit(),
            c @ ('"' | '\\' | '/') => c,
            _ => return None,
        };
        Some(Unit::Char(c))
    }

    /// Four hexadecimal digits.
    fn code_unit(&mut self) -> Option<Unit> {
        let mut unit: u16 = 0;
        for _ in 0..4 {
            let digit = self.take_any()?.to_digit(16)?;
            unit = unit << 4 | u16::try_from(digit).ok()?;
        }
        Some(char::from_u32(u32::from(unit)).map_or(Unit::Surrogate(unit), Unit::Char))
    }
}

/// A character, or one half of a pair that makes one.
enum Unit {
    Char(char),
    Surrogate(u16),
}

const fn is_high(surrogate: u16) -> bool {
    surrogate < 0xdc00
}
