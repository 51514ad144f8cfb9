//! Records: every vector, and nothing looser (wire-v1.md section 3).

use mpenc_crypto::{Suite, V1};
use mpenc_packet::tlv::{Reader, Records, TlvError, ValueTooLong, Writer};

use crate::support::{TLV, array, hex, number, vectors};

fn write(kind: usize, value: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    out.push(u16::try_from(kind).unwrap(), value).unwrap();
    out.into_bytes()
}

#[test]
fn encode_vectors() {
    for case in array(&vectors(TLV)["encode"]) {
        let kind = number(&case["type"]);
        if case["value"].is_string() {
            assert_eq!(write(kind, &hex(&case["value"])), hex(&case["encoded"]), "{case}");
        } else {
            let byte = hex(&case["value_byte"]);
            let encoded = write(kind, &byte.repeat(number(&case["value_len"])));
            assert_eq!(&V1::hash(&[&encoded])[..], hex(&case["encoded_sha256"]));
        }
    }
}

#[test]
fn decode_vectors() {
    let mut lenient = 0;
    for case in array(&vectors(TLV)["decode"]) {
        let input = hex(&case["input"]);
        let found: Result<Vec<_>, _> = Records::new(&input).collect();
        if case["error"].is_string() || case["lenient"] == true {
            assert_eq!(found, Err(TlvError::Truncated), "{case}");
            lenient += usize::from(case["lenient"] == true);
            continue;
        }
        let found = found.unwrap();
        let expected = array(&case["records"]);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(usize::from(found.kind), number(&expected["type"]));
            assert_eq!(found.value, hex(&expected["value"]));
        }
        let again: Vec<u8> =
            found.iter().flat_map(|r| write(usize::from(r.kind), r.value)).collect();
        assert_eq!(again, input, "encode(decode(x)) == x");
    }
    assert_eq!(lenient, 4);
}

#[test]
fn values_beyond_a_record_are_refused() {
    let mut out = Writer::new();
    assert!(out.push(1, &[0; 65_535]).is_ok());
    assert_eq!(out.push(1, &[0; 65_536]), Err(ValueTooLong { found: 65_536 }));
    assert_eq!(out.into_bytes().len(), 4 + 65_535, "nothing of the second was written");
}

// ATK-001
#[test]
fn length_beyond_the_end_is_refused() {
    let whole = write(7, b"abc");
    for cut in 1..whole.len() {
        assert_eq!(Reader::new(&whole[..cut]).peek(), Err(TlvError::Truncated));
    }
    assert_eq!(Reader::new(b"\0\x07\xff\xff").peek(), Err(TlvError::Truncated));
}

#[test]
fn errors_leave_the_reader_where_it_was() {
    let bytes = [write(7, b"abc"), write(8, b"")].concat();
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.take(8), Err(TlvError::Unexpected { expected: 8, found: Some(7) }));
    assert_eq!(reader.take_array::<2>(7), Err(TlvError::Width { kind: 7, expected: 2, found: 3 }));
    assert_eq!(reader.position(), 0);
    assert_eq!(reader.take_array(7), Ok(*b"abc"));
    assert_eq!(reader.take_if(7), Ok(None));
    assert_eq!(reader.clone().finish(), Err(TlvError::Trailing));
    assert_eq!(reader.take(8), Ok(&[][..]));
    assert_eq!(reader.take(8), Err(TlvError::Unexpected { expected: 8, found: None }));
    assert_eq!(reader.position(), bytes.len());
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn counting_stops_at_the_limit() {
    let bytes = write(7, b"").repeat(5);
    let reader = Reader::new(&bytes);
    assert_eq!(reader.count(7, 10), Ok(5));
    assert_eq!(reader.count(7, 2), Ok(3), "one more than the limit tells that it is exceeded");
    assert_eq!(reader.count(8, 10), Ok(0));
    assert_eq!(reader.position(), 0);
}

#[test]
fn iteration_ends_after_an_error() {
    let mut records = Records::new(b"\0\x01\0\0\xff");
    assert!(matches!(records.next(), Some(Ok(_))));
    assert_eq!(records.next(), Some(Err(TlvError::Truncated)));
    assert_eq!(records.next(), None);
}
