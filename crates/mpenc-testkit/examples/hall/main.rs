//! A channel from nothing: the worked example of `docs/writing-a-channel.md`.
//!
//! [`server`] stands for the transport that is there already; [`channel`] is what has to be
//! written for it; here the kit judges it. `cargo run -p mpenc-testkit --example hall`

extern crate alloc;

mod channel;
mod server;

use core::net::SocketAddr;

use mpenc_testkit::{Client, Kit, Report, Transport};

use channel::HallChannel;
use server::Hall;

/// Where clients for the kit come from.
struct Mine {
    address: SocketAddr,
}

impl Transport for Mine {
    type Channel = HallChannel;

    async fn connect(&mut self, room: &str, who: &str) -> Result<Client<HallChannel>, String> {
        let channel = HallChannel::connect(self.address, room, who).await;
        let channel = channel.map_err(|error| error.to_string())?;
        let (name, interrupt) = (channel.name(), channel.interrupt());
        Ok(Client::new(channel, name).interrupt(move || interrupt.notify_one()))
    }
}

async fn judge(kit: Kit) -> std::io::Result<Report> {
    let hall = Hall::open().await?;
    Ok(kit.judge(&mut Mine { address: hall.address() }).await)
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    println!("{}", judge(Kit::new().quick()).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use mpenc_testkit::{Guarantee, Verdict};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn my_channel_keeps_the_contract() {
        let report = judge(Kit::new().quick()).await.unwrap();
        assert!(report.keeps_the_contract(), "{report}");
        for guarantee in Guarantee::ALL {
            assert_eq!(report.verdict(guarantee), Verdict::Given, "{report}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_does_so_with_more_than_its_queues_hold() {
        let report = judge(Kit::new().quick().flood_bytes(4 << 20)).await.unwrap();
        assert!(report.keeps_the_contract(), "{report}");
    }
}
