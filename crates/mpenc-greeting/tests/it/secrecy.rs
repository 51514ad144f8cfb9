//! What former and future members can compute.

use mpenc_crypto::{GroupDiffieHellman, SigningKey, V1};
use mpenc_greeting::Greeter;

use crate::craft::fields;
use crate::group::{Group, identity_of, name, names, randomness_of};

//= docs/spec/protocol.md#GKA-008
//= type=test
//= docs/spec/protocol.md#GKA-010
//= type=test
#[test]
fn the_excluded_cannot_derive_the_new_key() {
    // ATK-056
    let (all, left) = (names(&["a", "b", "c"]), names(&["a", "b"]));
    let mut group = Group::established(&all);
    let (_, old_key) = group.assert_together(&all);
    let first_log = group.log.clone();
    // All that `c` ever contributed: the first thing it drew.
    let share = V1::fold(None, &V1::contribute(&mut randomness_of(&name("c"))));
    let derive = |bytes: &[u8; 32]| {
        let element = V1::import(bytes).unwrap();
        *V1::group_key(V1::apply_all(&share, &element).unwrap()).expose()
    };
    // The share is the right one: it gives the old key.
    let last_list = fields(&first_log[2].1).int_keys;
    assert_eq!(derive(&last_list[2].unwrap()), old_key);
    group.change(&name("a"), &left);
    let (_, new_key) = group.assert_together(&left);
    assert_ne!(new_key, old_key);
    for (_, packet) in first_log.iter().chain(&group.log) {
        for key in fields(packet).int_keys.into_iter().flatten() {
            assert_ne!(derive(&key), new_key);
            let direct = *V1::group_key(V1::import(&key).unwrap()).expose();
            assert_ne!(direct, new_key);
            assert_ne!(direct, old_key);
        }
    }
}

//= docs/spec/protocol.md#GKA-007
//= type=test
#[test]
fn newcomers_cannot_derive_an_earlier_key() {
    // ATK-057
    let (old, all) = (names(&["a", "b"]), names(&["a", "b", "c"]));
    let mut group = Group::new(&all);
    group.change(&name("a"), &old);
    let (_, old_key) = group.assert_together(&old);
    let mut log = group.log.clone();
    group.change(&name("b"), &all);
    let (_, new_key) = group.assert_together(&all);
    log.extend(group.log.clone());
    let share = V1::fold(None, &V1::contribute(&mut randomness_of(&name("c"))));
    let mut derives_new = false;
    for (_, packet) in &log {
        for key in fields(packet).int_keys.into_iter().flatten() {
            let element = V1::import(&key).unwrap();
            assert_ne!(*V1::group_key(element.clone()).expose(), old_key);
            let derived = *V1::group_key(V1::apply_all(&share, &element).unwrap()).expose();
            assert_ne!(derived, old_key);
            derives_new |= derived == new_key;
        }
    }
    assert!(derives_new);
}

#[test]
fn printing_shows_no_secret() {
    // ATK-189
    let all = names(&["a", "b", "c"]);
    let mut group = Group::established(&all);
    let (_, key) = group.assert_together(&all);
    group.change_until(&name("a"), &names(&["a", "b"]), 1);
    let text = format!("{:?}", group.members[&name("b")].greeter);
    assert!(text.starts_with("CliquesGreeter { owner: MemberId(b), members: {a, b, c}, running: "));
    let bytes = format!("{key:?}");
    assert!(!text.contains(&hex::encode(key)));
    assert!(!text.contains(bytes.trim_matches(['[', ']'])));
    assert!(!text.contains(&identity_of(&name("b")).public().to_string()));
    assert!(group.members[&name("b")].greeter.running().is_some());
}
