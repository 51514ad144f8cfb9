//! What the types forbid: one program a promise in `tests/ui`, none of which compiles.

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
