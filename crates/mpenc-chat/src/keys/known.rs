//! The identity keys of others: trusted on first use, refused when they change.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mpenc::{MemberId, PublicKey};
use tokio::sync::Notify;

use super::identity::{beside, create_directory, create_private, plain};
use crate::failure::Failure;

/// How far a key is believed to be the person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Learned on first use, through the relay.
    Unverified,
    /// Compared by the user.
    Verified,
}

/// Something about keys that the user must hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// We met somebody for the first time.
    New { member: MemberId, key: PublicKey },
    /// Somebody came with another key than before. It is refused.
    Changed { member: MemberId, known: PublicKey, offered: PublicKey },
    /// A new key could not be remembered beyond this conversation.
    Unsaved { reason: String },
}

/// The keys that one name knows, as they lie in its file.
#[derive(Debug)]
pub(crate) struct KnownKeys {
    path: PathBuf,
    keys: BTreeMap<MemberId, (PublicKey, Trust)>,
    alarms: VecDeque<Alarm>,
    /// Changed keys already reported, so that each raises one alarm.
    refused: BTreeMap<MemberId, PublicKey>,
}

impl KnownKeys {
    /// Reads the file; one that is not there knows nobody.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is damaged. It is not repaired silently: forgetting keys would
    /// make changed ones look new.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let keys = read(path).map_err(|error| {
            Failure::input(format!(
                "cannot use the known keys in {}: {}",
                path.display(),
                plain(&error)
            ))
        })?;
        Ok(Self { path: path.to_owned(), keys, alarms: VecDeque::new(), refused: BTreeMap::new() })
    }

    /// The key of a member, and how far it is believed.
    pub(crate) fn get(&self, member: &MemberId) -> Option<(PublicKey, Trust)> {
        self.keys.get(member).copied()
    }

    /// Whether a member last came with a key that is not the one we know.
    pub(crate) fn is_refused(&self, member: &MemberId) -> bool {
        self.refused.contains_key(member)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The next thing the user must hear of.
    pub(crate) fn poll_alarm(&mut self) -> Option<Alarm> {
        self.alarms.pop_front()
    }

    /// Which key a member has, given what the channel says. The first one offered is kept.
    pub(crate) fn identify(
        &mut self,
        member: &MemberId,
        offered: Option<&PublicKey>,
    ) -> Option<PublicKey> {
        match (self.keys.get(member), offered) {
            (Some((known, _)), Some(offered)) if known != offered => {
                let known = *known;
                if self.refused.insert(member.clone(), *offered) != Some(*offered) {
                    let (member, offered) = (member.clone(), *offered);
                    self.alarms.push_back(Alarm::Changed { member, known, offered });
                }
                // The known key stays in force: whoever offers another one cannot use it, and a
                // lying relay cannot cut the real person off.
                Some(known)
            }
            (Some((known, _)), Some(_)) => {
                self.refused.remove(member);
                Some(*known)
            }
            (Some((known, _)), None) => Some(*known),
            (None, Some(offered)) => {
                let (member, key) = (member.clone(), *offered);
                self.alarms.push_back(Alarm::New { member: member.clone(), key });
                self.put(&member, key, Trust::Unverified);
                // Another process of ours may have met this member first, with another key.
                match self.keys.get(&member) {
                    Some((known, _)) if *known != key => self.identify(&member, Some(offered)),
                    _ => Some(key),
                }
            }
            (None, None) => None,
        }
    }

    /// Marks a member's key as compared by the user. False if the member is not known.
    pub(crate) fn verify(&mut self, member: &MemberId) -> bool {
        match self.get(member) {
            Some((key, _)) => {
                self.put(member, key, Trust::Verified);
                true
            }
            None => false,
        }
    }

    fn put(&mut self, member: &MemberId, key: PublicKey, trust: Trust) {
        self.keys.insert(member.clone(), (key, trust));
        if let Err(error) = self.save(member) {
            let reason = format!(
                "cannot write the known keys to {}: {}",
                self.path.display(),
                plain(&error)
            );
            self.alarms.push_back(Alarm::Unsaved { reason });
        }
    }

    /// Writes what we know of `member`, beside what other processes of ours have learned.
    fn save(&mut self, member: &MemberId) -> io::Result<()> {
        if let Some(parent) = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            create_directory(parent)?;
        }
        let mut lock_path = self.path.as_os_str().to_owned();
        lock_path.push(".lock");
        let lock = match create_private(Path::new(&lock_path)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::OpenOptions::new().write(true).open(&lock_path)?
            }
            created => created?,
        };
        // Released when the file is closed, also if the process dies.
        lock.lock()?;

        let mut keys = read(&self.path)?;
        if let Some((key, trust)) = self.keys.get(member).copied() {
            let earlier = keys.entry(member.clone()).or_insert((key, trust));
            if earlier.0 == key && trust == Trust::Verified {
                earlier.1 = trust;
            }
        }
        let temporary = beside(&self.path)?;
        let write = || {
            let mut file = create_private(&temporary)?;
            file.write_all(HEADER.as_bytes())?;
            for (member, (key, trust)) in &keys {
                let trust = match trust {
                    Trust::Unverified => UNVERIFIED,
                    Trust::Verified => VERIFIED,
                };
                let name = String::from_utf8_lossy(member.as_bytes());
                writeln!(file, "{trust} {} {name}", hex::encode(key.as_bytes()))?;
            }
            file.sync_all()?;
            fs::rename(&temporary, &self.path)
        };
        let written = write();
        if written.is_err() {
            // The reason we report is why it could not be written.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        self.keys = keys;
        Ok(())
    }
}

/// Known keys shared between the session, which asks, and the screen, which tells.
#[derive(Clone, Debug)]
pub(crate) struct SharedKeys {
    keys: Arc<Mutex<KnownKeys>>,
    news: Arc<Notify>,
}

impl SharedKeys {
    /// Shares them.
    pub(crate) fn new(keys: KnownKeys) -> Self {
        Self { keys: Arc::new(Mutex::new(keys)), news: Arc::default() }
    }

    /// Waits until somebody asked for a key, which may have raised an alarm.
    pub(crate) async fn asked(&self) {
        self.news.notified().await;
    }

    /// For a look or a change; never held across a wait.
    pub(crate) fn lock(&self) -> MutexGuard<'_, KnownKeys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl mpenc::client::Directory for SharedKeys {
    fn identity_key(
        &mut self,
        member: &MemberId,
        offered: Option<&PublicKey>,
    ) -> Option<PublicKey> {
        let key = self.lock().identify(member, offered);
        self.news.notify_one();
        key
    }
}

fn read(path: &Path) -> io::Result<BTreeMap<MemberId, (PublicKey, Trust)>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        read => read?,
    };
    let mut keys = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let damaged = || {
            let line = index.saturating_add(1);
            io::Error::other(format!("line {line} is damaged"))
        };
        let (member, entry) = entry(line).ok_or_else(damaged)?;
        if keys.insert(member, entry).is_some() {
            return Err(damaged());
        }
    }
    Ok(keys)
}

fn entry(line: &str) -> Option<(MemberId, (PublicKey, Trust))> {
    let (trust, rest) = line.split_once(' ')?;
    let (digits, name) = rest.split_once(' ')?;
    let trust = match trust {
        UNVERIFIED => Trust::Unverified,
        VERIFIED => Trust::Verified,
        _ => return None,
    };
    let mut key = [0; 32];
    hex::decode_to_slice(digits, &mut key).ok()?;
    Some((MemberId::new(name).ok()?, (PublicKey::new(key), trust)))
}

const HEADER: &str = "# Identity keys of others, as mpenc first met them. Removing a line forgets \
the key;\n# do so only if you know that the person has a new one.\n";
const UNVERIFIED: &str = "unverified";
const VERIFIED: &str = "verified";

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> MemberId {
        MemberId::new(name).unwrap()
    }

    fn key(byte: u8) -> PublicKey {
        PublicKey::new([byte; 32])
    }

    #[test]
    fn the_first_key_is_kept_and_any_other_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys/ann.known");
        let mut known = KnownKeys::load(&path).unwrap();
        let bob = id("bob the: second");
        assert_eq!(known.identify(&bob, None), None);
        assert_eq!(known.identify(&bob, Some(&key(1))), Some(key(1)));
        assert_eq!(known.poll_alarm(), Some(Alarm::New { member: bob.clone(), key: key(1) }));
        assert_eq!(known.identify(&bob, Some(&key(1))), Some(key(1)));
        assert_eq!(known.identify(&bob, None), Some(key(1)));
        assert_eq!(known.poll_alarm(), None);

        let mut later = KnownKeys::load(&path).unwrap();
        assert_eq!(later.get(&bob), Some((key(1), Trust::Unverified)));
        assert_eq!(later.identify(&bob, Some(&key(2))), Some(key(1)));
        let changed = Alarm::Changed { member: bob.clone(), known: key(1), offered: key(2) };
        assert_eq!(later.poll_alarm(), Some(changed));
        assert_eq!(later.identify(&bob, Some(&key(2))), Some(key(1)));
        assert_eq!(later.poll_alarm(), None, "one alarm for one key");
        assert_eq!(later.identify(&bob, None), Some(key(1)));
        assert!(later.is_refused(&bob));
        assert_eq!(later.identify(&bob, Some(&key(1))), Some(key(1)));
        assert!(!later.is_refused(&bob));
        assert_eq!(later.get(&bob), Some((key(1), Trust::Unverified)));
    }

    #[test]
    fn verification_lasts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ann.known");
        let mut known = KnownKeys::load(&path).unwrap();
        assert!(!known.verify(&id("bob")));
        known.identify(&id("bob"), Some(&key(1)));
        assert!(known.verify(&id("bob")));
        assert_eq!(
            KnownKeys::load(&path).unwrap().get(&id("bob")),
            Some((key(1), Trust::Verified))
        );
    }

    #[test]
    fn two_processes_do_not_undo_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ann.known");
        let mut one = KnownKeys::load(&path).unwrap();
        let mut two = KnownKeys::load(&path).unwrap();
        one.identify(&id("bob"), Some(&key(1)));
        two.identify(&id("cid"), Some(&key(2)));
        let both = KnownKeys::load(&path).unwrap();
        assert!(both.get(&id("bob")).is_some() && both.get(&id("cid")).is_some());
        // The one that comes second with another key for the same name is refused.
        let mut three = KnownKeys::load(&path).unwrap();
        three.keys.clear();
        assert_eq!(three.identify(&id("bob"), Some(&key(9))), Some(key(1)));
        assert!(three.is_refused(&id("bob")));
        assert_eq!(three.get(&id("bob")), Some((key(1), Trust::Unverified)));
    }

    #[test]
    fn damage_is_not_taken_for_ignorance() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ann.known");
        for line in ["verified 00 bob", "trusted ab bob", "verified", "\u{1}"] {
            fs::write(&path, format!("# comment\n\n{line}\n")).unwrap();
            let error = KnownKeys::load(&path).unwrap_err().to_string();
            assert!(error.ends_with("line 3 is damaged"), "{error}");
        }
        let twice = format!("verified {0} bob\nverified {0} bob\n", "ab".repeat(32));
        fs::write(&path, twice).unwrap();
        assert!(KnownKeys::load(&path).is_err());
    }

    #[test]
    fn a_key_that_cannot_be_saved_is_reported() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let mut known = KnownKeys {
            path: file.join("ann.known"),
            keys: BTreeMap::new(),
            alarms: VecDeque::new(),
            refused: BTreeMap::new(),
        };
        assert_eq!(known.identify(&id("bob"), Some(&key(1))), Some(key(1)));
        assert!(matches!(known.poll_alarm(), Some(Alarm::New { .. })));
        assert!(matches!(known.poll_alarm(), Some(Alarm::Unsaved { .. })));
    }
}
