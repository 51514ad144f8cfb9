//! Error packets: format only (wire-v1.md section 10).

use mpenc_crypto::{SigningKey, V1, VerifyingKey};
use mpenc_packet::v1::{self, DecodeError, ERROR_CONTEXT, ErrorFields, Packet, Severity, record};

use crate::support::{Broken, ERROR_PACKETS, array, hex_array, key, member, number, text, vectors};

#[test]
fn vectors_are_met() {
    for case in array(&vectors(ERROR_PACKETS)["cases"]) {
        let fields = ErrorFields {
            source: member(&case["from"]),
            severity: [Severity::Info, Severity::Warning, Severity::Terminal]
                [number(&case["severity"])],
            text: text(&case["message"]).into(),
        };
        let key = case["eph_seed"].as_str().map(|_| key(hex_array(&case["eph_seed"])));
        let packet = fields.clone().sign(key.as_ref().map(|key| key as &dyn SigningKey)).unwrap();
        let wire = text(&case["wire"]).as_bytes();
        assert_eq!(packet.to_wire(), wire);

        let Ok(Packet::Error(found)) = v1::decode(wire) else { panic!("not an error packet") };
        assert_eq!(found.peek(), &packet);
        assert_eq!(found.peek().fields(), &fields);
        assert_eq!(found.peek().signed().is_some(), key.is_some());
        if let (Some(signed), Some(key)) = (found.peek().signed(), key) {
            let verifying = VerifyingKey::import(&key.public()).unwrap();
            let verified = signed.verify::<V1>(&verifying, &[ERROR_CONTEXT]).unwrap();
            assert_eq!(verified.fields(), &fields);
        }
    }
}

#[test]
fn unknown_severity_is_refused() {
    let file = vectors(ERROR_PACKETS);
    let mut packet = Broken::of(text(&file["cases"][0]["wire"]).as_bytes());
    let at = packet.position(record::SEVERITY);
    packet.0[at].1 = vec![3];
    assert_eq!(packet.decode(), Err(DecodeError::UnknownSeverity { found: 3 }));
}
