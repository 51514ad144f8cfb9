use core::time::Duration;

use mpenc::PublicKey;
use mpenc_testkit::{Client, Guarantee, Kit, Report, Transport, Verdict};
use mpenc_xmpp::XmppChannel;
use mpenc_xmpp::prosody::{Options, Prosody, ROOMS};

use crate::channel::ACCOUNTS;

struct Xmpp {
    server: Prosody,
    max_fragment: Option<usize>,
}

impl Transport for Xmpp {
    type Channel = XmppChannel;

    async fn connect(&mut self, room: &str, who: &str) -> Result<Client<XmppChannel>, String> {
        let (user, password) =
            ACCOUNTS.iter().find(|(user, _)| *user == who).ok_or("no such account")?;
        let account = self.server.account(user, room, password);
        let mut account = account.map_err(|error| error.to_string())?;
        if let Some(bytes) = self.max_fragment {
            account = account.max_fragment(bytes);
        }
        let room = format!("{room}@{ROOMS}");
        let key = PublicKey::new([7; 32]);
        let channel = XmppChannel::connect(account, &room, key).await;
        let channel = channel.map_err(|error| error.to_string())?;
        let (member, connection) = (channel.member().clone(), channel.connection());
        Ok(Client::new(channel, member).interrupt(move || connection.interrupt()))
    }
}

async fn judge(options: Options, max_fragment: Option<usize>) -> Report {
    let server = Prosody::start(&options, &ACCOUNTS).await.unwrap();
    let kit = Kit::new().patience(Duration::from_secs(20));
    kit.judge(&mut Xmpp { server, max_fragment }).await
}

fn check(report: &Report) {
    println!("{report}");
    assert!(report.keeps_the_contract(), "{report}");
    for guarantee in Guarantee::ALL {
        assert_eq!(report.verdict(guarantee), Verdict::Given, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prosody_gives_everything() {
    check(&judge(Options::default(), None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn prosody_gives_everything_in_small_pieces() {
    let mut options = Options::default();
    options.max_stanza = Some(10_000);
    check(&judge(options, Some(4096)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn prosody_gives_everything_where_it_resumes_streams() {
    let mut options = Options::default();
    options.hibernation = Some(Duration::from_secs(60));
    check(&judge(options, None).await);
}
