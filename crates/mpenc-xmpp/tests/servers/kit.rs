use alloc::sync::Arc;
use core::time::Duration;

use mpenc::PublicKey;
use mpenc_testkit::{Client, Guarantee, Kit, Report, Transport, Verdict};
use mpenc_xmpp::XmppChannel;
use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};

use crate::channel::ACCOUNTS;
use crate::line::Line;

struct Xmpp {
    server: Prosody,
    max_fragment: Option<usize>,
    /// What clients reach the server over: cut, it lets no goodbye through.
    lines: Vec<Arc<Line>>,
}

impl Transport for Xmpp {
    type Channel = XmppChannel;

    async fn connect(&mut self, room: &str, who: &str) -> Result<Client<XmppChannel>, String> {
        let (user, password) =
            ACCOUNTS.iter().find(|(user, _)| *user == who).ok_or("no such account")?;
        let account = self.server.account(user, room, password);
        let account = account.map_err(|error| error.to_string())?;
        let line = Arc::new(Line::to(self.server.address()).await);
        self.lines.push(Arc::clone(&line));
        let account = account.plaintext_on_loopback(line.address());
        let mut account = account.map_err(|error| error.to_string())?;
        if let Some(bytes) = self.max_fragment {
            account = account.max_fragment(bytes);
        }
        let room = format!("{room}@{ROOMS}");
        let key = PublicKey::new([7; 32]);
        let channel = XmppChannel::connect(account, &room, key).await;
        let channel = channel.map_err(|error| error.to_string())?;
        let (member, connection) = (channel.member().clone(), channel.connection());
        Ok(Client::new(channel, member)
            .interrupt(move || connection.interrupt())
            .vanish(move || line.cut()))
    }
}

async fn judge(options: Options, max_fragment: Option<usize>) -> Report {
    let server = Prosody::start(&options, &ACCOUNTS).await.unwrap();
    let kit = Kit::new().patience(Duration::from_secs(20));
    kit.judge(&mut Xmpp { server, max_fragment, lines: Vec::new() }).await
}

/// Everything is given but this, which no session needs.
fn check(report: &Report, lacking: &[Guarantee]) {
    println!("{report}");
    assert!(report.keeps_the_contract(), "{report}");
    assert_eq!(report.lacking(), lacking, "{report}");
    for guarantee in Guarantee::ALL.into_iter().filter(|it| !lacking.contains(it)) {
        assert_eq!(report.verdict(guarantee), Verdict::Given, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prosody_gives_everything() {
    check(&judge(Options::default(), None).await, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prosody_gives_everything_in_small_pieces() {
    let mut options = Options::default();
    options.max_stanza = Some(10_000);
    check(&judge(options, Some(4096)).await, &[]);
}

/// Whoever vanishes stays in the room for as long as the stream could be resumed, which is longer
/// than the kit waits.
#[tokio::test(flavor = "multi_thread")]
async fn prosody_gives_everything_else_where_it_resumes_streams() {
    let mut options = Options::default();
    options.hibernation = Some(Duration::from_secs(60));
    check(&judge(options, None).await, &[Guarantee::DropTold]);
}
