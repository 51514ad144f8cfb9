//! What the types forbid: one program a promise in `tests/ui`, none of which compiles.

//= docs/spec/v2.md#V2-007
//= type=test
//= docs/spec/attacks.md#ATK-198
//= type=test
#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
