//! What the types make impossible.

#[test]
fn impossible_by_type() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
