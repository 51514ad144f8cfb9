//! One encoding of each value, and nothing else is read (ATK-004 to ATK-008).

use mpenc_packet::v2::{
    AbortFields, AbortReason, DecodeError, EncodeError, FieldError, Greeting, InitialFields,
    Misfit, decode_greeting,
};
use mpenc_types::{MemberId, MemberIdError, MessageId};

use crate::v2::support::{
    Broken, OP, abort, alone, confirmation, contribution, contribution_fields, entry, initial, key,
    name, publication, rewrite, share,
};

fn names(names: &[&str]) -> Vec<(Vec<u8>, u8)> {
    names.iter().map(|name| (name.as_bytes().to_vec(), 3)).collect()
}

#[test]
fn what_the_builder_of_broken_packets_builds_is_not_broken() {
    let Ok(Greeting::Initial(found)) = Broken::new().decode() else { panic!("no packet") };
    let mut expected = initial();
    expected.entries[2] = entry("carol", false, Some(0x33));
    assert_eq!(found.peek().fields(), &expected);
}

//= docs/spec/v2.md#V2-005
//= type=test
//= docs/spec/attacks.md#ATK-006
//= type=test
#[test]
fn names_ascend() {
    for (list, right) in [
        (["ab", "abc", "b"], true),
        (["abc", "ab", "b"], false),
        (["ab", "b", "abc"], false),
        (["Z", "a", "z"], true),
        (["a", "Z", "z"], false),
        (["z", "é", "–"], true),
        (["é", "z", "–"], false),
    ] {
        let found = Broken { entries: names(&list), ..Broken::new() }.decode();
        assert_eq!(found.is_ok(), right, "{list:?}");
        if !right {
            assert_eq!(found, Err(FieldError::Order.into()));
        }
    }
}

//= docs/spec/attacks.md#ATK-005
//= type=test
#[test]
fn names_and_heads_stand_once() {
    for list in [["a", "a", "b"], ["a", "b", "b"], ["a", "a", "a"]] {
        let found = Broken { entries: names(&list), ..Broken::new() }.decode();
        assert_eq!(found, Err(FieldError::Order.into()), "{list:?}");
    }
    for heads in [vec![[1; 32], [1; 32]], vec![[1; 32], [2; 32], [2; 32]]] {
        let found = Broken { heads, ..Broken::new() }.decode();
        assert_eq!(found, Err(FieldError::Order.into()));
    }
}

//= docs/spec/attacks.md#ATK-006
//= type=test
#[test]
fn heads_ascend() {
    let mut late = [1; 32];
    late[31] = 2;
    for (heads, right) in [
        (vec![], true),
        (vec![[1; 32], late, [2; 32]], true),
        (vec![late, [1; 32]], false),
        (vec![[2; 32], [1; 32]], false),
        (vec![[1; 32], [3; 32], [2; 32]], false),
    ] {
        let found = Broken { heads, ..Broken::new() }.decode();
        assert_eq!(found.is_ok(), right);
        if !right {
            assert_eq!(found, Err(FieldError::Order.into()));
        }
    }
}

//= docs/spec/attacks.md#ATK-011
//= type=test
//= docs/spec/attacks.md#ATK-012
//= type=test
#[test]
fn names_are_what_a_session_accepts() {
    use MemberIdError::{ControlCharacter, Empty, NotUtf8};
    for (name, error) in [
        (&b""[..], Empty),
        (b"a\n", ControlCharacter),
        (b"a\0", ControlCharacter),
        (b"a\x7f", ControlCharacter),
        (b"a\xc2\x85", ControlCharacter),
        (b"a\xff", NotUtf8),
        (b"a\xc3", NotUtf8),
        (b"\xc0\x80", NotUtf8),
    ] {
        let entries = vec![(name.to_vec(), 3), (b"z".to_vec(), 3)];
        let mut broken = Broken { entries, ..Broken::new() };
        broken.entries.sort();
        assert_eq!(broken.decode(), Err(DecodeError::Name(error)), "{name:?}");
        let mut fields = initial();
        fields.entries[0].name = MemberId::from_wire(name);
        assert_eq!(fields.sign(&key()).err(), Some(EncodeError::Name(error)));
    }
    let mut fields = initial();
    fields.entries[0].name = MemberId::from_wire(&[b'x'; 256]);
    let error = EncodeError::Name(MemberIdError::TooLong { found: 256 });
    assert_eq!(fields.sign(&key()).err(), Some(error));
}

#[test]
fn reserved_flags() {
    for flags in (0..=u8::MAX).filter(|flags| !(1..=3).contains(flags)) {
        let mut broken = Broken::new();
        broken.entries[1].1 = flags;
        assert_eq!(broken.decode(), Err(DecodeError::Flags { found: flags }));
    }
}

/// All combinations of three members that are included, excluded or stay, and all places.
#[test]
fn memberships_and_places_fit() {
    for code in 0..27_u8 {
        let flags = [code % 3 + 1, code / 3 % 3 + 1, code / 9 + 1];
        let next: Vec<u8> = flags.into_iter().filter(|flags| flags & 2 != 0).collect();
        for place in 0..5_u16 {
            for contribution in [false, true] {
                let entries = names(&["a", "b", "c"]).into_iter().zip(flags);
                let entries = entries.map(|((name, _), flags)| (name, flags)).collect();
                let broken = Broken { place, entries, contribution, ..Broken::new() };
                let stays = next.get(usize::from(place)) == Some(&3);
                let right = stays && contribution == (next.len() > 1);
                assert_eq!(broken.decode().is_ok(), right, "{flags:?} {place} {contribution}");
                if right {
                    let again = rewrite(&broken.packet());
                    assert_eq!(again, Ok(broken.packet()));
                } else if contribution == (next.len() > 1) {
                    assert_eq!(broken.decode(), Err(Misfit::Place.into()));
                }
            }
        }
    }
}

#[test]
fn somebody_must_be_there_and_something_must_happen() {
    let nobody = Broken { entries: vec![], contribution: false, ..Broken::new() };
    assert_eq!(nobody.decode(), Err(Misfit::Nobody.into()));
    let alone = Broken { entries: names(&["a"]), contribution: false, ..Broken::new() };
    assert_eq!(alone.decode(), Err(Misfit::Nothing.into()));
}

#[test]
fn fields_that_contradict_each_other_have_no_encoding() {
    fn check(alter: impl FnOnce(&mut InitialFields), expected: EncodeError) {
        let mut fields = initial();
        alter(&mut fields);
        assert_eq!(fields.clone().sign(&key()).err(), Some(expected), "{fields:?}");
    }
    check(|f| f.entries.clear(), Misfit::Nobody.into());
    check(|f| f.entries.truncate(1), Misfit::Nothing.into());
    check(|f| f.entries[0].was = false, Misfit::Neither.into());
    for place in [1, 2, 511, u16::MAX] {
        check(|f| f.place = place, Misfit::Place.into());
    }
    check(|f| f.contribution = None, Misfit::Contribution.into());
    check(|f| f.entries.truncate(2), Misfit::Contribution.into());
    check(|f| f.entries[1].name = name("alice"), EncodeError::Duplicate);
    check(|f| f.heads.push(MessageId::from([0x37; 32])), EncodeError::Duplicate);
    let found = EncodeError::Identifier { found: 20 };
    check(|f| f.heads.push(MessageId::from([1; 20])), found);
    let mut fields = alone();
    fields.contribution = Some(contribution());
    assert_eq!(fields.sign(&key()).err(), Some(Misfit::Contribution.into()));
}

#[test]
fn lists_are_sorted_by_the_builder() {
    let expected = initial().sign(&key()).unwrap();
    let mut fields = initial();
    fields.entries.reverse();
    fields.heads.reverse();
    assert_eq!(fields.sign(&key()).unwrap(), expected);
}

#[test]
fn fields_answer_questions() {
    let fields = initial();
    assert_eq!(fields.prev_members(), [name("alice"), name("bob")].iter().collect());
    assert_eq!(fields.next_members(), [name("bob"), name("carol")].iter().collect());
    assert_eq!(fields.member_at(0), Some(&name("bob")));
    assert_eq!(fields.member_at(1), Some(&name("carol")));
    assert_eq!(fields.member_at(2), None);
    assert_eq!(fields.place_of(&name("carol")), Some(1));
    assert_eq!(fields.place_of(&name("alice")), None);
    assert_eq!(fields.key_of(&name("carol")).map(|k| k.as_bytes()[0]), Some(0x34));
    assert_eq!(fields.key_of(&name("alice")), None);
    assert_eq!(fields.key_of(&name("dave")), None);
}

#[test]
fn places_are_below_the_size_of_a_session() {
    // Where the place is, after header, signature and operation.
    let at = 4 + 64 + 32;
    let key = key();
    for (place, right) in [(0, true), (511, true), (512, false), (u16::MAX, false)] {
        for packet in [
            contribution_fields().sign(&key).unwrap().to_wire(),
            share().sign(&key, &[0; 32]).unwrap().to_wire(),
            confirmation().sign(&key).unwrap().to_wire(),
            abort().sign(&key).unwrap().to_wire(),
        ] {
            let mut packet = packet;
            packet[at..at + 2].copy_from_slice(&u16::to_be_bytes(place));
            let found = decode_greeting(&packet).map(|_| ());
            assert_eq!(found, if right { Ok(()) } else { Err(Misfit::Place.into()) });
        }
        let refused = (!right).then_some(EncodeError::Misfit(Misfit::Place));
        let mut fields = contribution_fields();
        fields.place = place;
        assert_eq!(fields.sign(&key).err(), refused);
        let mut fields = share();
        fields.place = place;
        assert_eq!(fields.sign(&key, &[0; 32]).err(), refused);
        let mut fields = confirmation();
        fields.place = place;
        assert_eq!(fields.sign(&key).err(), refused);
        let mut fields = abort();
        fields.place = place;
        assert_eq!(fields.sign(&key).err(), refused);
        let mut packet = publication().to_wire();
        packet[36..38].copy_from_slice(&u16::to_be_bytes(place));
        assert_eq!(rewrite(&packet).is_ok(), right);
    }
}

//= docs/spec/v2.md#V2-017
//= type=test
#[test]
fn reasons_and_subjects() {
    let packet = abort().sign(&key()).unwrap().to_wire();
    let at = packet.len() - 3;
    for reason in 0..=u8::MAX {
        for subject in [0, 1, 511, 512, 0xfffe, 0xffff_u16] {
            let mut packet = packet.clone();
            packet[at] = reason;
            packet[at + 1..].copy_from_slice(&subject.to_be_bytes());
            let expected = match (reason, subject) {
                (0, 0xffff) => Ok(AbortReason::Asked),
                (1, 0xffff) => Ok(AbortReason::TimedOut),
                (2, 0..512) => Ok(AbortReason::IdentityKey(subject)),
                (2, 512..=0xfffe) => Err(Misfit::Place.into()),
                (3, 0xffff) => Ok(AbortReason::NoKey),
                (4, 0xffff) => Ok(AbortReason::Internal),
                (0..=4, _) => Err(Misfit::Subject.into()),
                (5.., _) => Err(DecodeError::Reason { found: reason }),
            };
            let found = match decode_greeting(&packet) {
                Ok(Greeting::Abort(found)) => Ok(found.peek().fields().reason),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error),
            };
            assert_eq!(found, expected, "{reason} {subject}");
            if let Ok(reason) = expected {
                let again = AbortFields { op: OP, place: 3, reason }.sign(&key()).unwrap();
                assert_eq!(again.to_wire()[68..], packet[68..]);
            }
        }
    }
    for subject in [512, u16::MAX] {
        let reason = AbortReason::IdentityKey(subject);
        let found = AbortFields { op: OP, place: 3, reason }.sign(&key());
        assert_eq!(found.err(), Some(Misfit::Place.into()));
    }
}

#[test]
fn errors_say_what_is_wrong_and_nothing_else() {
    let secret = "alice";
    for error in [
        Broken { entries: names(&["b", "alice"]), ..Broken::new() }.decode().unwrap_err(),
        Broken { place: 7, ..Broken::new() }.decode().unwrap_err(),
        decode_greeting(b"\x01alice").unwrap_err(),
    ] {
        assert!(!error.to_string().is_empty() && !error.to_string().contains(secret));
        assert!(!format!("{error:?}").contains(secret));
    }
}
