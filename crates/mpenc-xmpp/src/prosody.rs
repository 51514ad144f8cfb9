//! Starts a server of one's own on this machine: Prosody, for demonstrations and tests.
//!
//! It listens on a free port of the loopback address, without TLS unless told otherwise, has its
//! files in a temporary folder, lets no account be made, and ends with the value that started it.

mod certificate;

use core::fmt;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::account::{Account, AccountError, Password};

/// The domain of the accounts.
pub const DOMAIN: &str = "localhost";

/// Where the rooms are.
pub const ROOMS: &str = "conference.localhost";

/// How the server is set up.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Stream management (XEP-0198): a client that vanishes stays in the room for this long.
    pub hibernation: Option<Duration>,
    /// Bytes a second that a client may send, if not as many as it likes.
    pub bytes_per_second: Option<u32>,
    /// TLS, with a certificate for this name, signed by an authority that is made for it by
    /// `openssl`: see [`Prosody::authority`]. Passwords are then proved, never sent.
    pub certificate_for: Option<String>,
    /// Bytes of a stanza, if not Prosody's own bound.
    pub max_stanza: Option<u32>,
}

/// Why no server could be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// There is no Prosody on this machine.
    NotInstalled,
    /// It did not come up; what it said last.
    Failed(String),
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str(
                "the XMPP server Prosody is not installed; install it (on Debian: apt-get \
                 install prosody)",
            ),
            Self::Failed(said) => write!(f, "the server Prosody did not start: {said}"),
            Self::Io(error) => write!(f, "cannot start the server Prosody: {error}"),
        }
    }
}

impl core::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::NotInstalled } else { Self::Io(error) }
    }
}

/// A server that runs; ended on drop.
#[derive(Debug)]
pub struct Prosody {
    folder: TempDir,
    child: Child,
    address: SocketAddr,
}

impl Prosody {
    /// Whether there is a Prosody to start.
    #[must_use]
    pub fn is_installed() -> bool {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).any(|folder| folder.join("prosody").is_file())
    }

    /// Starts one with these accounts, names and passwords. Names consist of lower case letters
    /// and digits. Rooms come into being when somebody enters them.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(options: &Options, accounts: &[(&str, &str)]) -> Result<Self, StartError> {
        if !Self::is_installed() {
            return Err(StartError::NotInstalled);
        }
        let folder = tempfile::Builder::new().prefix("mpenc-prosody-").tempdir()?;
        let known = folder.path().join("data").join(DOMAIN).join("accounts");
        fs::create_dir_all(&known)?;
        for (name, password) in accounts {
            if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
                let what = format!("{name:?} is no name for an account here");
                return Err(StartError::Failed(what));
            }
            // A string of Lua that stands for any bytes.
            let password: String = password.bytes().map(|byte| format!("\\{byte:03}")).collect();
            let account = format!("return {{ [\"password\"] = \"{password}\" }};\n");
            fs::write(known.join(format!("{name}.dat")), account)?;
        }
        if let Some(name) = &options.certificate_for {
            certificate::make(folder.path(), name)?;
        }
        let address = free_address()?;
        fs::write(folder.path().join(CONFIGURATION), configuration(&folder, options, address))?;
        let child = spawn(folder.path())?;
        let mut server = Self { folder, child, address };
        server.ready().await?;
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file with the certificate of the authority that vouches for this server (PEM), if it
    /// has TLS.
    #[must_use]
    pub fn authority(&self) -> Option<PathBuf> {
        Some(self.folder.path().join(certificate::AUTHORITY)).filter(|file| file.is_file())
    }

    /// The account `user@localhost/device` of this server.
    ///
    /// # Errors
    ///
    /// See [`AccountError`].
    pub fn account(
        &self,
        user: &str,
        device: &str,
        password: &str,
    ) -> Result<Account, AccountError> {
        let address = format!("{user}@{DOMAIN}/{device}");
        Account::new(&address, Password::new(password.to_owned()))?
            .plaintext_on_loopback(self.address)
    }

    /// Ends the server with a farewell to everybody, and starts it again where it was.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.terminate().await?;
        self.child = spawn(self.folder.path())?;
        self.ready().await
    }

    /// Asks it to end, and waits for that.
    async fn terminate(&mut self) -> Result<(), StartError> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        for _ in 0..WAITS {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            sleep(WAIT).await;
        }
        self.end();
        Ok(())
    }

    async fn ready(&mut self) -> Result<(), StartError> {
        for _ in 0..WAITS {
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() {
                break;
            }
            sleep(WAIT).await;
        }
        let said = fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default();
        let last = said.lines().last().unwrap_or("it said nothing");
        Err(StartError::Failed(crate::error::printable(last)))
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Prosody {
    fn drop(&mut self) {
        self.end();
    }
}

/// An address that was free a moment ago.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn spawn(folder: &Path) -> Result<Child, StartError> {
    let log = fs::File::create(folder.join(LOG))?;
    let errors = log.try_clone()?;
    Ok(Command::new("prosody")
        .arg("-F")
        .arg("--config")
        .arg(folder.join(CONFIGURATION))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()?)
}

fn configuration(folder: &TempDir, options: &Options, address: SocketAddr) -> String {
    let (folder, port) = (folder.path().display().to_string(), address.port());
    let (mut modules, mut more) = (String::new(), String::new());
    if let Some(hibernation) = options.hibernation {
        modules.push_str("; \"smacks\"");
        more.push_str(&format!("smacks_hibernation_time = {}\n", hibernation.as_secs()));
    }
    if let Some(rate) = options.bytes_per_second {
        modules.push_str("; \"limits\"");
        more.push_str(&format!("limits = {{ c2s = {{ rate = \"{rate}b/s\" }} }}\n"));
    }
    if let Some(size) = options.max_stanza {
        more.push_str(&format!("c2s_stanza_size_limit = {size}\n"));
    }
    let disabled = if options.certificate_for.is_some() {
        modules.push_str("; \"tls\"");
        more.push_str(&format!(
            "ssl = {{ key = \"{folder}/{}\", certificate = \"{folder}/{}\" }}\n\
             disable_sasl_mechanisms = {{ \"PLAIN\" }}\n",
            certificate::KEY,
            certificate::CERTIFICATE,
        ));
        ""
    } else {
        "\"tls\"; "
    };
    // Started by an administrator, it would refuse; it serves this machine only.
    format!(
        "run_as_root = true\n\
         pidfile = \"{folder}/prosody.pid\"\n\
         data_path = \"{folder}/data\"\n\
         log = {{ info = \"*stdout\" }}\n\
         interfaces = {{ \"127.0.0.1\" }}\n\
         c2s_ports = {{ {port} }}\n\
         c2s_direct_tls_ports = {{ }}\n\
         s2s_ports = {{ }}\n\
         http_ports = {{ }}\n\
         https_ports = {{ }}\n\
         authentication = \"internal_plain\"\n\
         allow_unencrypted_plain_auth = true\n\
         c2s_require_encryption = false\n\
         s2s_require_encryption = false\n\
         modules_enabled = {{ \"roster\"; \"saslauth\"; \"disco\"; \"ping\"{modules} }}\n\
         modules_disabled = {{ {disabled}\"s2s\"; \"offline\" }}\n\
         {more}\
         VirtualHost \"{DOMAIN}\"\n\
         Component \"{ROOMS}\" \"muc\"\n\
         restrict_room_creation = false\n"
    )
}

const CONFIGURATION: &str = "prosody.cfg.lua";
const LOG: &str = "prosody.log";

/// How often, and in between how long, the server is looked for.
const WAITS: u32 = 400;
const WAIT: Duration = Duration::from_millis(25);
