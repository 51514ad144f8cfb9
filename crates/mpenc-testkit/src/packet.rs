//! Packets that tell by themselves who sent them, as which, and whether they are whole.

/// Bytes before the filling: mark, author, number, length.
const HEAD: usize = 12;
const MARK: &[u8; 3] = b"kit";

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
    bytes.extend((HEAD..len).map(|at| filling(tag, at)));
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
    let mut filled = filled.iter().enumerate();
    let whole = filled.all(|(i, byte)| *byte == filling(tag, HEAD.saturating_add(i)));
    Some((tag, long_enough && whole))
}

fn filling(tag: Tag, at: usize) -> u8 {
    let [.., low, lower] =
        tag.number.wrapping_mul(31).wrapping_add(u32::from(tag.author)).to_be_bytes();
    let [.., byte] = at.wrapping_mul(7).to_be_bytes();
    byte ^ low.rotate_left(3) ^ lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_tells_what_it_is() {
        let tag = Tag { author: 3, number: 70_000 };
        for len in [0, HEAD, 13, 1000] {
            let packet = make(tag, len);
            assert_eq!(read(&packet), Some((tag, true)));
            let mut altered = packet.clone();
            *altered.last_mut().unwrap() ^= 1;
            assert_ne!(read(&altered), Some((tag, true)));
            let cut = &packet[..packet.len() - 1];
            assert_ne!(read(cut), Some((tag, true)));
        }
        assert_eq!(read(b"something else"), None);
    }
}
