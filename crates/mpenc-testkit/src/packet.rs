//! Packets that tell by themselves who sent them, as which, and whether they are whole.

/// Bytes before the filling: mark, author, number, length.
const HEAD: usize = 12;
const MARK: &[u8; 3] = b"kit";

/// The filling repeats itself after so many bytes. A prime number, so that pieces that were put
/// together in the wrong order do not fit.
const PERIOD: usize = 251;

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag {
    pub(crate) author: u8,
    pub(crate) number: u32,
}

/// A packet of at least [`HEAD`] bytes.
pub(crate) fn make(tag: Tag, len: usize) -> Vec<u8> {
    let len = len.max(HEAD);
    let mut bytes = Vec::with_capacity(len);
    bytes.extend_from_slice(MARK);
    bytes.push(tag.author);
    bytes.extend_from_slice(&tag.number.to_be_bytes());
    bytes.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    let filling = filling(tag);
    while let Some(missing @ 1..) = len.checked_sub(bytes.len()) {
        bytes.extend_from_slice(filling.get(..missing).unwrap_or(&filling));
    }
    bytes
}

/// What a packet is, and whether it is as it was made. `None` if it is none of ours.
pub(crate) fn read(bytes: &[u8]) -> Option<(Tag, bool)> {
    let rest = bytes.strip_prefix(MARK)?;
    let (author, rest) = rest.split_first()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (len, filled) = rest.split_first_chunk()?;
    let tag = Tag { author: *author, number: u32::from_be_bytes(*number) };
    let long_enough = usize::try_from(u32::from_be_bytes(*len)) == Ok(bytes.len());
    let filling = filling(tag);
    let whole = filled.chunks(PERIOD).all(|chunk| filling.starts_with(chunk));
    Some((tag, long_enough && whole))
}

fn filling(tag: Tag) -> [u8; PERIOD] {
    let [.., low, lower] =
        tag.number.wrapping_mul(31).wrapping_add(u32::from(tag.author)).to_be_bytes();
    core::array::from_fn(|at| {
        let [.., byte] = at.wrapping_mul(7).to_be_bytes();
        byte ^ low.rotate_left(3) ^ lower
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_tells_what_it_is() {
        let tag = Tag { author: 3, number: 70_000 };
        for len in [0, HEAD, 13, 1000] {
            let packet = make(tag, len);
            assert_eq!(packet.len(), len.max(HEAD));
            assert_eq!(read(&packet), Some((tag, true)));
            let mut altered = packet.clone();
            *altered.last_mut().unwrap() ^= 1;
            assert_ne!(read(&altered), Some((tag, true)));
            let cut = &packet[..packet.len() - 1];
            assert_ne!(read(cut), Some((tag, true)));
        }
        assert_eq!(read(b"something else"), None);
    }

    #[test]
    fn pieces_in_the_wrong_order_are_noticed() {
        let tag = Tag { author: 1, number: 2 };
        for piece in [256, 4096] {
            let mut packet = make(tag, HEAD + 3 * piece);
            packet[HEAD..].rotate_left(piece);
            assert_eq!(read(&packet), Some((tag, false)));
        }
    }
}
