use crate::group::{Group, name, numbered};

//= docs/spec/protocol.md#GKA-004
//= type=test
#[test]
fn everybody_derives_the_same_key() {
    for n in 2..=32 {
        let all = numbered(0..n);
        let mut group = Group::new(&all);
        group.change(&name("m000"), &all);
        group.assert_together(&all);
        //= docs/spec/protocol.md#GRT-004
        //= type=test
        assert_eq!(group.log.len(), 2 * n - 1);
    }
}
