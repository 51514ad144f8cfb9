//! Where keys lie.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mpenc::MemberId;

use crate::failure::Failure;

/// The files of one name: its identity, and the keys of others that it met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Our identity key.
    pub(crate) identity: PathBuf,
    /// The keys of others, beside it.
    pub(crate) known: PathBuf,
}

impl Place {
    /// The files of `name` in a data directory.
    pub(crate) fn in_directory(directory: &Path, name: &MemberId) -> Self {
        let mut stem = directory.join("identities");
        for part in file_names(name) {
            stem.push(part);
        }
        Self { identity: with_suffix(&stem, ".key"), known: with_suffix(&stem, ".known") }
    }

    /// An identity file of the user's choice, and the known keys beside it.
    pub(crate) fn of_file(identity: &Path) -> Self {
        Self { identity: identity.to_owned(), known: with_suffix(identity, ".known") }
    }

    /// The user's data directory: `$XDG_DATA_HOME/mpenc`, else `~/.local/share/mpenc`.
    ///
    /// # Errors
    ///
    /// If neither variable says where that is.
    pub(crate) fn default_directory() -> Result<PathBuf, Failure> {
        Self::directory_from(std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME"))
    }

    fn directory_from(xdg: Option<OsString>, home: Option<OsString>) -> Result<PathBuf, Failure> {
        // The XDG specification has relative paths ignored.
        let absolute =
            |value: OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
        if let Some(data) = xdg.and_then(absolute) {
            return Ok(data.join("mpenc"));
        }
        match home.and_then(absolute) {
            Some(home) => Ok(home.join(".local/share/mpenc")),
            None => Err(Failure::input(
                "there is no place for keys, since neither XDG_DATA_HOME nor HOME is set; \
                 give one with --data-dir or --identity",
            )),
        }
    }
}

/// A member's name as file names: what is not a letter, digit, `-` or `_` as `%XX`. Long names
/// continue in a subdirectory, since file names have at most 255 bytes.
fn file_names(name: &MemberId) -> Vec<String> {
    let mut parts = vec![String::new()];
    for &byte in name.as_bytes() {
        if parts.last().is_some_and(|part| part.len() >= MAX_FILE_NAME) {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
                part.push(char::from(byte));
            } else {
                part.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    parts
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Leaves room for one more `%XX` and a suffix below the usual limit of 255 bytes.
const MAX_FILE_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_follows_the_convention() {
        fn check(xdg: Option<&str>, home: Option<&str>, expect: Option<&str>) {
            let found = Place::directory_from(xdg.map(Into::into), home.map(Into::into));
            assert_eq!(found.ok(), expect.map(PathBuf::from), "{xdg:?} {home:?}");
        }
        check(Some("/data"), Some("/home/ann"), Some("/data/mpenc"));
        check(None, Some("/home/ann"), Some("/home/ann/.local/share/mpenc"));
        check(Some(""), Some("/home/ann"), Some("/home/ann/.local/share/mpenc"));
        check(Some("relative"), Some("/home/ann"), Some("/home/ann/.local/share/mpenc"));
        check(None, None, None);
        check(None, Some("relative"), None);
    }

    #[test]
    fn every_name_has_its_own_harmless_files() {
        fn check(name: &str, identity: &str, known: &str) {
            let place = Place::in_directory(Path::new("/d"), &MemberId::new(name).unwrap());
            assert_eq!(place.identity, Path::new("/d/identities").join(identity));
            assert_eq!(place.known, Path::new("/d/identities").join(known));
        }
        check("ann", "ann.key", "ann.known");
        check("../x y", "%2E%2E%2Fx%20y.key", "%2E%2E%2Fx%20y.known");
        check("ä%", "%C3%A4%25.key", "%C3%A4%25.known");
        let long = Place::in_directory(Path::new("/d"), &MemberId::new("/".repeat(255)).unwrap());
        let parts = long.identity.components().map(|part| part.as_os_str().len());
        assert!(parts.max().unwrap() < 255);
    }

    #[test]
    fn known_keys_lie_beside_a_chosen_identity() {
        let place = Place::of_file(Path::new("my/ann.id"));
        assert_eq!(place.known, Path::new("my/ann.id.known"));
    }
}
