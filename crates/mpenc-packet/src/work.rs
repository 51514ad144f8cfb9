//! How much work decoding does, counted in steps: headers looked at, characters passed over.
//! Tests hold it to the length of the input (ATK-003). In every other build there is nothing here.

#[cfg(not(test))]
pub(crate) const fn step() {}

#[cfg(test)]
pub(crate) use counted::{count, step};

#[cfg(test)]
mod counted {
    extern crate std;

    use core::cell::Cell;

    std::thread_local! {
        static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    /// Counts one step.
    pub(crate) fn step() {
        STEPS.set(STEPS.get() + 1);
    }

    /// The steps of a call.
    pub(crate) fn count<T>(call: impl FnOnce() -> T) -> (T, u64) {
        let before = STEPS.get();
        let result = call();
        (result, STEPS.get() - before)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::count;
    use crate::armor;
    use crate::tlv::Writer;
    use crate::v1::{Content, GreetType, decode, record};
    use crate::v2;

    fn records(kind: u16, value: &[u8], count: usize) -> Vec<u8> {
        let mut out = Writer::new();
        (0..count).for_each(|_| out.push(kind, value).unwrap());
        out.into_bytes()
    }

    /// An operation packet with one list of this many entries, and nothing after it.
    fn greeting(kind: u16, value: &[u8], count: usize) -> Vec<u8> {
        let mut out = Writer::new();
        out.push(record::MESSAGE_SIGNATURE, &[0; 64]).unwrap();
        out.push(record::PROTOCOL_VERSION, &[1]).unwrap();
        out.push(record::MESSAGE_TYPE, &[2]).unwrap();
        let greet_type = GreetType::StartUpflow.to_u16().to_be_bytes();
        out.push(record::GREET_TYPE, &greet_type).unwrap();
        out.push(record::SOURCE, b"a").unwrap();
        out.push(record::DEST, b"b").unwrap();
        if kind != record::MEMBER {
            out.push(record::MEMBER, b"a").unwrap();
        }
        let mut bytes = out.into_bytes();
        bytes.extend(records(kind, value, count));
        armor::encode(&bytes)
    }

    fn content(parents: &[u8], body: &[u8]) -> Vec<u8> {
        let mut out = Writer::new();
        out.push(record::MESSAGE_BODY, body).unwrap();
        [parents, &out.into_bytes()].concat()
    }

    fn text(inside: &[u8]) -> Vec<u8> {
        [b"\0[\"", inside, b"\"]"].concat()
    }

    /// An initial packet of the second profile with this many members and as many heads.
    fn initial(count: usize) -> Vec<u8> {
        let mut bytes = vec![2, 2, 1, 1];
        bytes.extend([0; 64 + 32 + 16 + 2]);
        let number = u16::try_from(count).unwrap().to_be_bytes();
        bytes.extend(number);
        for i in 0..count {
            let (high, low) = (u8::try_from(i / 64).unwrap(), u8::try_from(i % 64).unwrap());
            bytes.extend([2, b'0' + high, b'0' + low, if i == 0 { 3 } else { 1 }]);
            bytes.extend(if i == 0 { &[7; 32][..] } else { &[] });
        }
        bytes.extend([0; 64]);
        bytes.extend(number);
        (0..count).for_each(|i| {
            bytes.extend([0; 24]);
            bytes.extend(u64::try_from(i).unwrap().to_be_bytes());
        });
        bytes
    }

    //= docs/spec/attacks.md#ATK-003
    //= type=test
    #[test]
    fn twice_the_size_takes_twice_the_work() {
        type Make = fn(usize) -> Vec<u8>;
        // Sizes are for the larger of two inputs; each fills a packet, or a list.
        let packets: [(Make, usize); 6] = [
            (|n| greeting(record::MEMBER, b"", n), 512),
            (|n| greeting(record::MEMBER, b"", n), 45_000),
            (|n| greeting(record::INT_KEY, &[7; 32], n), 512),
            (|n| greeting(record::NONCE, &[7; 32], n), 512),
            (|n| greeting(record::PUB_KEY, &[7; 32], n), 512),
            (|n| greeting(0xffff, b"", n), 45_000),
        ];
        let contents: [(Make, usize); 7] = [
            (|n| content(&records(record::MESSAGE_PARENT, &[1; 20], n), &text(b"a")), 1360),
            (|n| content(&records(record::MESSAGE_PARENT, b"", n), &text(b"a")), 8000),
            (|n| content(b"", &text(&vec![b'x'; n])), 32_000),
            (|n| content(b"", &text(&b"\\u00e9".repeat(n))), 5000),
            (|n| content(b"", &text(&b"\\n".repeat(n))), 15_000),
            (
                |n| content(b"", &[b"\0[", &vec![b'['; n][..], &vec![b']'; n], b"]"].concat()),
                15_000,
            ),
            (|n| content(b"", &[b"\0[\"a\"", &b",{\"k\":1}".repeat(n)[..], b"]"].concat()), 4000),
        ];
        let body = |raw: &[u8]| count(|| drop(Content::decode(raw))).1;
        let packet = |wire: &[u8]| count(|| drop(decode(wire))).1;
        let runs = packets.iter().map(|(make, n)| (make, *n, packet as fn(&[u8]) -> u64));
        let runs =
            runs.chain(contents.iter().map(|(make, n)| (make, *n, body as fn(&[u8]) -> u64)));
        for (at, (make, n, steps)) in runs.enumerate() {
            let (half, whole) = (steps(&make(n / 2)), steps(&make(n)));
            assert!(half > 0, "run {at} does nothing");
            assert!(10 * whole <= 23 * half, "run {at}: {half} steps, then {whole}");
            let bytes = u64::try_from(make(n).len()).unwrap();
            assert!(whole <= 2 * bytes, "run {at}: {whole} steps for {bytes} bytes");
        }
    }

    /// Every field is looked at once, whether the packet is accepted or not.
    //= docs/spec/attacks.md#ATK-003
    //= type=test
    #[test]
    fn the_second_profile_reads_each_field_once() {
        let fields = |count: usize| u64::try_from(3 + 1 + 4 + 3 * count + 1 + 3 + count).unwrap();
        for count in [2, 256, 512] {
            let (result, steps) = count_of(&initial(count));
            assert!(result.is_ok(), "{result:?}");
            assert_eq!(steps, fields(count));
        }
        assert!(count_of(&initial(513)).1 < 20);
        let mut trailing = initial(512);
        trailing.extend([0; 100_000]);
        assert!(count_of(&trailing).0.is_err());
        assert_eq!(count_of(&trailing).1, fields(512));
    }

    fn count_of(packet: &[u8]) -> (Result<(), v2::DecodeError>, u64) {
        count(|| v2::decode_greeting(packet).map(|_| ()))
    }
}
