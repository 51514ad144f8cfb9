//! Defences that a test may switch off, to prove that some test notices.
//!
//! Source: docs/spec/attacks.md, "Proof that a test bites".

/// Whether the defence with this name is on: constantly, except in a build with `--cfg sabotage`.
///
/// There, the environment variable `MPENC_SABOTAGE` names the one defence that is off while the
/// process runs. Such a build refuses to compile without debug assertions, so it is never a
/// release (ATK-202). In every other build this is the constant `true`, and the name is not
/// compiled in.
///
/// A defence reads `if guard!("its-name") && is_bad(input) { return Err(…) }`.
///
/// # Examples
///
/// ```
/// fn half(n: u32) -> Option<u32> {
///     if mpenc_types::guard!("even") && n % 2 == 1 {
///         return None;
///     }
///     Some(n / 2)
/// }
/// assert_eq!(half(3), None);
/// ```
#[cfg(not(sabotage))]
#[macro_export]
macro_rules! guard {
    ($name:literal) => {
        true
    };
}

/// Whether the defence with this name is on: unless `MPENC_SABOTAGE` names it.
#[cfg(sabotage)]
#[macro_export]
macro_rules! guard {
    ($name:literal) => {
        $crate::sabotage::is_on($name)
    };
}

#[cfg(all(sabotage, not(debug_assertions)))]
compile_error!("a build whose defences can be switched off must not be a release build");

/// Whether the guard is on; use [`guard!`](crate::guard) instead.
#[cfg(sabotage)]
#[must_use]
pub fn is_on(name: &str) -> bool {
    static OFF: std::sync::OnceLock<Option<std::string::String>> = std::sync::OnceLock::new();
    OFF.get_or_init(|| std::env::var("MPENC_SABOTAGE").ok()).as_deref() != Some(name)
}
