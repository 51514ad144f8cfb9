//! Our own identity key in a file that only we can read.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use mpenc::{Identity, SecretBytes};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Where an identity came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Read from its file.
    Loaded,
    /// Just made, and written to its file.
    Created,
}

/// Reads the identity in a file, or makes one there on first use.
///
/// # Errors
///
/// If the file cannot be read or written, is not an identity, or can be read by others.
pub(crate) fn load_or_create(path: &Path) -> Result<(Identity, Origin), Failure> {
    match load(path) {
        Ok(identity) => Ok((identity, Origin::Loaded)),
        Err(LoadError::Missing) => match create(path) {
            // Another process made one between our two looks.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                load(path).map(|identity| (identity, Origin::Loaded)).map_err(|e| e.failure(path))
            }
            Err(error) => Err(Failure::input(format!(
                "cannot make an identity in {}: {}",
                path.display(),
                plain(&error)
            ))),
            Ok(identity) => Ok((identity, Origin::Created)),
        },
        Err(error) => Err(error.failure(path)),
    }
}

/// An identity for the moment, kept nowhere.
///
/// # Errors
///
/// If the system gives no randomness.
pub(crate) fn random_identity() -> Result<Identity, Failure> {
    let mut result = Ok(());
    let seed = SecretBytes::fill(|bytes| result = getrandom::fill(bytes));
    result.map_err(|error| Failure::check(format!("the system gives no randomness: {error}")))?;
    Ok(Identity::from_seed(&seed))
}

/// An I/O error as people say it: without the number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Creates a directory for keys, and those above it, for nobody but us.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Opens a new file for nobody but us.
pub(super) fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Path of a temporary file beside `path`.
pub(super) fn beside(path: &Path) -> io::Result<std::path::PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", hex::encode(random)));
    Ok(name.into())
}

#[derive(Debug)]
enum LoadError {
    Missing,
    Unreadable(io::Error),
    Foreign,
    #[cfg(unix)]
    Exposed,
}

impl LoadError {
    fn failure(&self, path: &Path) -> Failure {
        let path = path.display();
        Failure::input(match self {
            Self::Missing => format!("there is no identity in {path}"),
            Self::Unreadable(error) => {
                format!("cannot read the identity in {path}: {}", plain(error))
            }
            Self::Foreign => format!("{path} is not an identity file of this program"),
            #[cfg(unix)]
            Self::Exposed => format!(
                "the identity in {path} can be read by other users of this computer; \
                 if you are sure that nobody did, run: chmod 600 {path}"
            ),
        })
    }
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            Self::Missing
        } else {
            Self::Unreadable(error)
        }
    }
}

fn load(path: &Path) -> Result<Identity, LoadError> {
    use io::Read as _;

    let mut file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(LoadError::Foreign);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(LoadError::Exposed);
        }
    }
    // Exactly as large as an identity can be, so that nothing is reallocated and left behind.
    let mut text = Zeroizing::new(vec![0_u8; MAX_FILE]);
    let mut filled = 0_usize;
    while let Some(rest) = text.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let read = file.read(rest)?;
        if read == 0 {
            break;
        }
        filled = filled.saturating_add(read);
    }
    parse(text.get(..filled).unwrap_or_default()).ok_or(LoadError::Foreign)
}

fn parse(text: &[u8]) -> Option<Identity> {
    let digits = text.strip_prefix(HEADER)?;
    let digits = digits.strip_suffix(b"\n").unwrap_or(digits);
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, seed.as_mut_slice()).ok()?;
    Some(Identity::from_seed(&SecretBytes::fill(|bytes| bytes.copy_from_slice(seed.as_slice()))))
}

/// Makes an identity. The file appears complete or not at all, and none is replaced.
fn create(path: &Path) -> io::Result<Identity> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(io::Error::other)?;
    let mut digits = Zeroizing::new([0; 64]);
    hex::encode_to_slice(seed.as_slice(), digits.as_mut_slice()).map_err(io::Error::other)?;

    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_directory(parent)?;
    }
    let temporary = beside(path)?;
    let write = || {
        let mut file = create_private(&temporary)?;
        file.write_all(HEADER)?;
        file.write_all(digits.as_slice())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::hard_link(&temporary, path)
    };
    let written = write();
    let removed = fs::remove_file(&temporary);
    written?;
    removed?;
    let seed = SecretBytes::fill(|bytes| bytes.copy_from_slice(seed.as_slice()));
    Ok(Identity::from_seed(&seed))
}

const HEADER: &[u8] =
    b"# Identity key for mpenc. Whoever reads it can pose as you: keep it secret.\n\
mpenc-identity-1 ";

/// Longest file that can be an identity, and one byte more.
const MAX_FILE: usize = HEADER.len() + 64 + 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_read_ever_after() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/er/ann.key");
        let (first, origin) = load_or_create(&path).unwrap();
        assert_eq!(origin, Origin::Created);
        let (second, origin) = load_or_create(&path).unwrap();
        assert_eq!(origin, Origin::Loaded);
        assert_eq!(first.public(), second.public());
        let other = load_or_create(&directory.path().join("bob.key")).unwrap().0;
        assert_ne!(first.public(), other.public());
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file stays behind");
    }

    #[cfg(unix)]
    #[test]
    fn only_we_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys/ann.key");
        load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let parent = path.parent().unwrap();
        assert_eq!(fs::metadata(parent).unwrap().permissions().mode() & 0o777, 0o700);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = load_or_create(&path).unwrap_err().to_string();
        assert!(refused.contains("can be read by other users"), "{refused}");
    }

    #[test]
    fn an_existing_file_is_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ann.key");
        load_or_create(&path).unwrap();
        let before = fs::read(&path).unwrap();
        assert_eq!(create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn other_files_are_refused() {
        let good = [HEADER, "ab".repeat(32).as_bytes(), b"\n"].concat();
        assert!(parse(&good).is_some());
        assert!(parse(good.trim_ascii_end()).is_some());
        for bad in [
            b"".to_vec(),
            b"hello\n".to_vec(),
            good[..good.len() - 2].to_vec(),
            [good.as_slice(), b"\n"].concat(),
            [HEADER, "xy".repeat(32).as_bytes(), b"\n"].concat(),
        ] {
            assert!(parse(&bad).is_none());
        }
    }

    #[test]
    fn errors_are_sentences() {
        let directory = tempfile::tempdir().unwrap();
        let error = load_or_create(directory.path()).unwrap_err().to_string();
        assert!(error.ends_with("is not an identity file of this program"), "{error}");
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let error = load_or_create(&file.join("ann.key")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read the identity in "), "{error}");
        assert!(error.ends_with(": not a directory"), "{error}");
    }
}
