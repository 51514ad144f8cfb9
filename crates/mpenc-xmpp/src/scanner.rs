//! How deep the elements of a stream lie and how long its stanzas are, told from the bytes alone.
//!
//! The parser behind this goes down one call for each level of elements and gathers a stanza
//! until it ends, both for as long as the server likes. So what it may read is decided before.
//!
//! Whether the text is XML at all is the parser's business. This only has to count as it does:
//! where the two could disagree, the parser refuses the text.

use core::fmt;

/// Bounds of a stream, inclusive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Elements that lie in one another, the stream's own among them.
    pub(crate) depth: usize,
    /// Bytes of an element of the stream with all that is in it, or of the stream's header.
    pub(crate) len: usize,
}

/// Why a stream is read no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    /// More elements in one another than this.
    Deep(usize),
    /// An element of more bytes than this.
    Long(usize),
    /// A comment, a document type or a processing instruction (RFC 6120, 11.1).
    Forbidden,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deep(depth) => {
                write!(f, "the server sent elements nested more than {depth} deep")
            }
            Self::Long(len) => write!(f, "the server sent a stanza of more than {len} bytes"),
            Self::Forbidden => {
                f.write_str("the server sent a comment or an instruction, which XMPP forbids")
            }
        }
    }
}

impl core::error::Error for Excess {}

/// Follows one stream from its header on.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    bounds: Bounds,
    place: Place,
    /// Elements that are open.
    depth: usize,
    /// Bytes since the last element of the stream ended.
    len: usize,
}

/// Where in the text a scanner is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Between tags.
    Text,
    /// Behind `<`.
    Tag,
    /// In the tag that begins an element. `slash`: the last byte was one.
    Start { slash: bool },
    /// In a value within such a tag, up to this byte.
    Value(u8),
    /// In the tag that ends an element.
    End,
    /// Behind `<!`, with so many bytes of what begins a CDATA section.
    Bang(usize),
    /// In a CDATA section, behind so many brackets, of which two count.
    Cdata(usize),
    /// In the XML declaration. `question`: the last byte was a question mark.
    Declaration { question: bool },
}

impl Scanner {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, place: Place::Text, depth: 0, len: 0 }
    }

    /// Reads on, up to the end of an element of the stream at most, and says how far that is.
    ///
    /// # Errors
    ///
    /// What is too much, or may not be there. Then none of these bytes may be parsed.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Result<usize, Excess> {
        for (at, byte) in bytes.iter().enumerate() {
            if self.step(*byte)? {
                return Ok(at.saturating_add(1));
            }
        }
        Ok(bytes.len())
    }

    /// Whether an element of the stream, or the stream itself, ends with this byte.
    fn step(&mut self, byte: u8) -> Result<bool, Excess> {
        self.len = self.len.saturating_add(1);
        if self.len > self.bounds.len {
            return Err(Excess::Long(self.bounds.len));
        }
        let mut ended = false;
        self.place = match (self.place, byte) {
            (Place::Text, b'<') => Place::Tag,
            (Place::Text, _) => {
                if self.depth == 1 {
                    // Spaces between stanzas keep a connection alive, for as long as it lasts.
                    // The reader drops them; it bears nothing else there.
                    self.len = 0;
                }
                Place::Text
            }
            (Place::Tag, b'/') => Place::End,
            (Place::Tag, b'!') => Place::Bang(0),
            // The declaration stands before all elements; the parser bears it at the start only.
            (Place::Tag, b'?') if self.depth == 0 => Place::Declaration { question: false },
            (Place::Tag, b'?') => return Err(Excess::Forbidden),
            (Place::Tag, _) if self.depth >= self.bounds.depth => {
                return Err(Excess::Deep(self.bounds.depth));
            }
            (Place::Tag, _) => Place::Start { slash: false },
            (Place::Start { slash: true }, b'>') => {
                ended = self.depth <= 1;
                Place::Text
            }
            (Place::Start { slash: false }, b'>') => {
                self.depth = self.depth.saturating_add(1);
                // The header of the stream is over.
                ended = self.depth == 1;
                Place::Text
            }
            (Place::Start { .. }, b'"' | b'\'') => Place::Value(byte),
            (Place::Start { .. }, _) => Place::Start { slash: byte == b'/' },
            (Place::Value(quote), _) if byte == quote => Place::Start { slash: false },
            (Place::End, b'>') => {
                self.depth = self.depth.saturating_sub(1);
                ended = self.depth <= 1;
                Place::Text
            }
            (Place::Bang(found), _) => match CDATA.get(found) {
                Some(expected) if *expected == byte && found.saturating_add(1) == CDATA.len() => {
                    Place::Cdata(0)
                }
                Some(expected) if *expected == byte => Place::Bang(found.saturating_add(1)),
                Some(_) | None => return Err(Excess::Forbidden),
            },
            (Place::Cdata(brackets), b']') => Place::Cdata(brackets.saturating_add(1)),
            (Place::Cdata(2..), b'>') => Place::Text,
            (Place::Cdata(_), _) => Place::Cdata(0),
            (Place::Declaration { question: true }, b'>') => Place::Text,
            (Place::Declaration { .. }, _) => Place::Declaration { question: byte == b'?' },
            (place @ (Place::Value(_) | Place::End), _) => place,
        };
        if ended {
            self.len = 0;
        }
        Ok(ended)
    }
}

/// What makes a CDATA section, behind `<!`.
const CDATA: &[u8] = b"[CDATA[";

#[cfg(test)]
pub(crate) mod invariants;
#[cfg(test)]
mod tests;
