use mpenc::{Identity, MemberId};
use mpenc_relay::{Relay, RelayChannel, RelayConfig};
use mpenc_testkit::{Client, Guarantee, Kit, Report, Transport, Verdict};

use crate::memory::Memory;

/// Everything is given but what the transport offers no way to look at.
fn check(report: &Report, not_offered: &[Guarantee]) {
    assert!(report.keeps_the_contract(), "{report}");
    for guarantee in Guarantee::ALL {
        let verdict = report.verdict(guarantee);
        if not_offered.contains(&guarantee) {
            assert!(matches!(verdict, Verdict::NotOffered(_)), "{report}");
        } else {
            assert_eq!(verdict, Verdict::Given, "{report}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_channel_in_memory() {
    // There is no connection that could break.
    let report = Kit::new().quick().judge(&mut Memory::default()).await;
    check(&report, &[Guarantee::HonestReconnect]);
}

struct OverRelay(String);

impl Transport for OverRelay {
    type Channel = RelayChannel;

    async fn connect(&mut self, room: &str, who: &str) -> Result<Client<RelayChannel>, String> {
        let member = MemberId::new(who).map_err(|error| error.to_string())?;
        let identity = Identity::random().map_err(|error| error.to_string())?;
        let channel = RelayChannel::connect(&self.0, room, member.clone(), identity).await;
        let channel = channel.map_err(|error| error.to_string())?;
        let (connection, vanishing) = (channel.connection(), channel.connection());
        Ok(Client::new(channel, member)
            .interrupt(move || connection.interrupt())
            .vanish(move || vanishing.cut()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay() {
    let config = RelayConfig::default();
    let relay = Relay::bind("127.0.0.1:0".parse().unwrap(), config).await.unwrap();
    let url = relay.url();
    let running = tokio::spawn(relay.run(core::future::pending()));
    // More than a client holds for a slow reader and for a slow relay together.
    let kit = Kit::new().flood_bytes(25 << 20);
    check(&kit.judge(&mut OverRelay(url)).await, &[]);
    running.abort();
}
