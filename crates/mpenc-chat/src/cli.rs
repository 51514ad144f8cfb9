//! The command line.

use core::time::Duration;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mpenc::{MemberId, Preset, Profile};

/// Secure private group conversations over a server that need not be trusted.
#[derive(Debug, Parser)]
#[command(name = "mpenc", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 if all went well, 1 if a check failed, 2 for bad usage or \
input.\nThis software has had no independent security audit.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch five members act out a short scene that shows everything
    Demo(DemoArgs),
    /// Re-enact a conversation from a file, with one member for every person in it
    Replay(ReplayArgs),
    /// Run a relay
    Relay(RelayArgs),
    /// Talk in a room, line by line
    Chat(ChatArgs),
    /// Be one member, driven by JSON lines, to be tested together with other implementations
    #[command(long_about = PEER)]
    Peer,
}

const PEER: &str = "\
One member as a process: commands are read from standard input, events written to standard output,
one JSON object a line. Whoever starts it plays the group channel: it takes the `send` and `control`
events of all peers and delivers `channel` commands to each. The protocol is docs/spec/interop-peer.md.

For tests of implementations against each other. `state` with `secrets` prints keys, and the
identity key comes with `init`: not for conversations that matter.

Commands (every one may have an `id`; each is answered by `done`):
  {\"cmd\":\"init\",\"uid\":\"alice\",\"identity_seed\":HEX,\"identity_keys\":{UID:HEX,…},
   \"clock\":\"real\"|\"virtual\",\"rng\":{\"seed\":TEXT},\"profile\":\"v1\"|\"v2\",…}
  {\"cmd\":\"channel\",\"event\":{\"type\":\"packet\"|\"enter_self\"|\"leave_self\"|\"members\",…}}
  {\"cmd\":\"action\",\"action\":{\"join\":true}|{\"part\":true}|{\"include\":[…],\"exclude\":[…]}|{\"content\":TEXT}}
  {\"cmd\":\"refresh\"}  {\"cmd\":\"advance\",\"ms\":N}  {\"cmd\":\"state\",\"secrets\":false}  {\"cmd\":\"quit\"}

Events: ready, send, control, notice, action_result, state, error, done.";

/// A short scene with five members on a relay of its own, explained as it happens.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Take place in a room of an XMPP server, Prosody, which is started for it and has to be
    /// installed
    #[cfg(feature = "xmpp")]
    #[arg(long)]
    pub(crate) xmpp: bool,
    /// Which protocol profile to speak; all members of a session use the same
    #[arg(long, value_name = "NAME", default_value_t = Profile::default(), value_parser = profile)]
    pub(crate) profile: Profile,
    /// Which timing to use: default, original or loopback
    #[arg(long, value_name = "NAME", default_value_t = Preset::Loopback, value_parser = preset)]
    pub(crate) timing: Preset,
    /// End with one JSON object instead of a sentence
    #[arg(long)]
    pub(crate) json: bool,
}

/// Every person in FILE becomes a member with its own connection and identity. In the end all
/// transcripts are compared with each other and with the file.
///
/// FILE is a chat log (`CHANNEL DATE [HH:MM] <nick> text`, `[HH:MM] <nick> text`, `=== nick has
/// joined #channel` and their like) or a plain scene (`Name: text`, `* Name enters`, `* Name
/// leaves`).
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// The conversation
    pub(crate) file: PathBuf,
    /// Let only the N people with the most lines take part
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=512))]
    pub(crate) max_members: Option<u16>,
    /// Read only the first LINES lines of the file
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Use the relay at URL (ws://HOST:PORT) instead of one of our own
    #[arg(long, value_name = "URL")]
    pub(crate) relay: Option<String>,
    /// Use a room of an XMPP server instead: ROOM@SERVICE, new or with nobody in it, where
    /// everybody is a device of the one account of --jid; or, without ROOM, a server of our own,
    /// for which Prosody has to be installed
    #[cfg(feature = "xmpp")]
    #[arg(long, value_name = "ROOM", num_args = 0..=1, conflicts_with = "relay")]
    pub(crate) xmpp: Option<Option<String>>,
    #[cfg(feature = "xmpp")]
    #[command(flatten)]
    pub(crate) account: XmppArgs,
    /// Lose so many of a hundred messages on the way to each member; not those that change the
    /// membership
    #[arg(
        long,
        value_name = "PERCENT",
        value_parser = clap::value_parser!(u16).range(0..=50),
        conflicts_with = "relay"
    )]
    #[cfg_attr(feature = "xmpp", arg(conflicts_with = "xmpp"))]
    pub(crate) lose: Option<u16>,
    /// Decides which messages are lost
    #[arg(long, value_name = "SEED", default_value_t = 1, requires = "lose")]
    pub(crate) lose_seed: u64,
    /// Let people lose their connection and come back, at random moments that SEED decides. Not
    /// with ROOM of --xmpp, whose server may not let anybody come back to where it was
    #[arg(long, value_name = "SEED")]
    pub(crate) chaos: Option<u64>,
    /// Which protocol profile to speak; all members of a session use the same
    #[arg(long, value_name = "NAME", default_value_t = Profile::default(), value_parser = profile)]
    pub(crate) profile: Profile,
    /// Which timing to use: default, original or loopback
    #[arg(long, value_name = "NAME", default_value_t = Preset::Loopback, value_parser = preset)]
    pub(crate) timing: Preset,
    /// Judge by how long packets take here how soon to warn that something is missing: sooner on a
    /// fast channel, later on one that is slower than the timing allows for. For channels whose
    /// speed is not known beforehand; what was fast for long and is slow for once then brings
    /// warnings without a cause
    #[arg(long)]
    pub(crate) adaptive: bool,
    /// End with one JSON object instead of a sentence
    #[arg(long)]
    pub(crate) json: bool,
}

/// A relay broadcasts packets among those in a room. It holds no secret and needs no trust; who
/// talks with whom, and when, it does see. It speaks plain WebSocket: put a reverse proxy with TLS
/// before it if others should not see that too.
#[derive(Args, Debug)]
pub(crate) struct RelayArgs {
    /// Where to listen, and nowhere else; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: String,
    /// How long a member whose connection broke stays in the room, so that it can come back
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) grace: Duration,
}

/// Lines you type are messages; lines that begin with `/` are commands, `/help` lists them.
#[derive(Args, Debug)]
pub(crate) struct ChatArgs {
    /// The relay (ws://HOST:PORT)
    #[arg(long, value_name = "URL")]
    #[cfg_attr(feature = "xmpp", arg(required_unless_present = "xmpp"))]
    #[cfg_attr(not(feature = "xmpp"), arg(required = true))]
    pub(crate) relay: Option<String>,
    /// The room
    #[arg(long, value_name = "NAME")]
    #[cfg_attr(feature = "xmpp", arg(required_unless_present = "xmpp"))]
    #[cfg_attr(not(feature = "xmpp"), arg(required = true))]
    pub(crate) room: Option<String>,
    /// Your name in the room
    #[arg(long, value_name = "NAME", value_parser = member)]
    #[cfg_attr(feature = "xmpp", arg(required_unless_present = "xmpp"))]
    #[cfg_attr(not(feature = "xmpp"), arg(required = true))]
    pub(crate) name: Option<MemberId>,
    /// A room of an XMPP server (ROOM@SERVICE) instead of one of a relay; your name is the address
    /// of --jid
    #[cfg(feature = "xmpp")]
    #[arg(long, value_name = "ROOM", requires = "jid",
        conflicts_with_all = ["relay", "room", "name"])]
    pub(crate) xmpp: Option<String>,
    #[cfg(feature = "xmpp")]
    #[command(flatten)]
    pub(crate) account: XmppArgs,
    /// Your identity key, made in FILE on first use, instead of the one of this name in the data
    /// directory
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Where keys lie, instead of $XDG_DATA_HOME/mpenc or ~/.local/share/mpenc
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Include whoever enters the room, without asking
    #[arg(long)]
    pub(crate) auto_include: bool,
    /// Which protocol profile to speak; all members of a session use the same
    #[arg(long, value_name = "NAME", default_value_t = Profile::default(), value_parser = profile)]
    pub(crate) profile: Profile,
    /// Which timing to use: default, original or loopback
    #[arg(long, value_name = "NAME", default_value_t = Preset::Default, value_parser = preset)]
    pub(crate) timing: Preset,
    /// Judge by how long packets take here how soon to warn that something is missing: sooner on a
    /// fast channel, later on one that is slower than the timing allows for. For channels whose
    /// speed is not known beforehand; what was fast for long and is slow for once then brings
    /// warnings without a cause
    #[arg(long)]
    pub(crate) adaptive: bool,
}

/// As whom to log in to an XMPP server, and how. The password is never an argument: it comes from
/// a file, from MPENC_XMPP_PASSWORD, or is asked for.
#[cfg(feature = "xmpp")]
#[derive(Args, Debug, Default)]
pub(crate) struct XmppArgs {
    /// Your XMPP address, NAME@SERVER or NAME@SERVER/DEVICE
    #[arg(long, value_name = "JID", requires = "xmpp")]
    pub(crate) jid: Option<String>,
    /// Read your XMPP password from the first line of FILE, instead of from MPENC_XMPP_PASSWORD or
    /// the terminal
    #[arg(long, value_name = "FILE", requires = "jid")]
    pub(crate) password_file: Option<PathBuf>,
    /// Connect to HOST:PORT instead of where the DNS says; the certificate must still be that of
    /// the server in your address
    #[arg(long, value_name = "HOST:PORT", requires = "jid")]
    pub(crate) server: Option<String>,
    /// Trust the certificate authorities in FILE (PEM) too, beside those of this system, for the
    /// server in your address: if it is your own, and no public authority has signed its
    /// certificate
    #[arg(long, value_name = "FILE", requires = "jid")]
    pub(crate) xmpp_ca: Option<PathBuf>,
    /// Use no TLS; only with an address of this machine as --server
    #[arg(long, requires = "server", conflicts_with = "xmpp_ca")]
    pub(crate) plaintext: bool,
}

/// A usage error of clap as one sentence.
pub(crate) fn sentence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let first = text.split("\n\n").next().unwrap_or(text);
    let mut words = first.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        words.push_str("bad usage");
    }
    format!("{}; see mpenc --help", words.trim_end_matches('.'))
}

fn preset(name: &str) -> Result<Preset, String> {
    name.parse().map_err(|error: mpenc::UnknownPreset| error.to_string())
}

fn profile(name: &str) -> Result<Profile, String> {
    name.parse().map_err(|error: mpenc::UnknownProfile| error.to_string())
}

fn member(name: &str) -> Result<MemberId, String> {
    MemberId::new(name).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= MAX_GRACE => Ok(duration),
        _ => Err(format!("expected at most {} seconds", MAX_GRACE.as_secs())),
    }
}

const MAX_GRACE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_errors_are_one_sentence() {
        fn check(args: &[&str], expect: &str) {
            let error = Cli::try_parse_from([&["mpenc"], args].concat()).unwrap_err();
            assert_eq!(sentence(&error), format!("{expect}; see mpenc --help"));
        }
        check(&["sing"], "unrecognized subcommand 'sing'");
        check(&["demo", "--loud"], "unexpected argument '--loud' found");
        check(
            &["demo", "--timing", "fast"],
            "invalid value 'fast' for '--timing <NAME>': unknown timing, expected default, \
             original or loopback",
        );
        check(
            &["demo", "--profile", "v3"],
            "invalid value 'v3' for '--profile <NAME>': unknown protocol profile, this version has \
             v2, v1",
        );
        check(
            &["replay", "x", "--max-members", "1"],
            "invalid value '1' for '--max-members <N>': 1 is not in 2..=512",
        );
        check(&["relay", "--listen", "x", "--grace", "-1"], "unexpected argument '-1' found");
        check(
            &["chat", "--room", "r", "--name", "ann"],
            "the following required arguments were not provided: --relay <URL>",
        );
    }

    #[test]
    fn names_with_control_characters_are_not_printed_raw() {
        let error = Cli::try_parse_from([
            "mpenc",
            "chat",
            "--relay",
            "ws://x",
            "--room",
            "r",
            "--name",
            "a\u{1b}[2Jb",
        ])
        .unwrap_err();
        let text = crate::term::escape(&sentence(&error));
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(text.contains("must not contain control characters"), "{text}");
    }
}
