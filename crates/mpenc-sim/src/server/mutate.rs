//! Packets with bytes or records changed by somebody who has no keys.

use mpenc::MemberId;
use mpenc_packet::armor;

use crate::dice::Dice;

/// Another packet instead of this one.
pub(super) fn mutate(
    packet: &[u8],
    v2: bool,
    archive: &[(MemberId, Vec<u8>)],
    dice: &mut Dice,
) -> Vec<u8> {
    if !v2 && dice.chance(850) {
        // Inside of the armour, where the records are.
        if let Ok(bytes) = armor::decode(packet) {
            let bytes = if dice.chance(400) { records(&bytes, dice) } else { octets(&bytes, dice) };
            return armor::encode(&bytes);
        }
    }
    if v2 && dice.chance(300) {
        return fields(packet, archive, dice);
    }
    octets(packet, dice)
}

fn octets(packet: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = packet.to_vec();
    let at = dice.place(bytes.len());
    match dice.below(6) {
        0 => bytes.truncate(at),
        1 => bytes.push(dice.byte()),
        2 => bytes.insert(at, dice.byte()),
        3 => {
            let last = (at + 32).min(bytes.len());
            if let Some(run) = bytes.get_mut(at..last) {
                run.fill(0);
            }
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (dice.byte() % 8);
            }
        }
    }
    bytes
}

/// Removes, repeats, swaps or empties one record of a v1 packet: type and length have two bytes
/// each.
fn records(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut records: Vec<&[u8]> = Vec::new();
    let mut rest = bytes;
    while let Some([_, _, high, low]) = rest.first_chunk::<4>() {
        let len = 4 + usize::from(u16::from_be_bytes([*high, *low]));
        let Some((record, after)) = rest.split_at_checked(len) else { break };
        records.push(record);
        rest = after;
    }
    let at = dice.place(records.len());
    if at < records.len() {
        match dice.below(3) {
            0 => drop(records.remove(at)),
            1 => records.insert(at, records.get(at).copied().unwrap_or_default()),
            _ => {
                let other = dice.place(records.len());
                records.swap(at, other);
            }
        }
    }
    let mut out = records.concat();
    out.extend_from_slice(rest);
    out
}

/// Puts the end of another packet behind the beginning of this one.
fn fields(packet: &[u8], archive: &[(MemberId, Vec<u8>)], dice: &mut Dice) -> Vec<u8> {
    let other = archive.get(dice.place(archive.len())).map(|(_, bytes)| bytes.as_slice());
    let other = other.unwrap_or_default();
    // Header, signature, operation: the places where fields of v2 packets end.
    let cut = match dice.below(4) {
        0 => 4,
        1 => 4 + 64,
        2 => 4 + 64 + 32,
        _ => dice.place(packet.len()),
    };
    let mut out = packet.get(..cut).unwrap_or(packet).to_vec();
    out.extend_from_slice(other.get(cut..).unwrap_or_default());
    out
}
