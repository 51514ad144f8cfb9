//! How many packets a second one room carries: everybody sends bursts, everybody receives all.
//!
//! `cargo run --release -p mpenc-relay --example fan_out -- [MEMBERS] [PACKETS] [BYTES]`
//!
//! `MEMBERS` clients (default 64) on connections of their own each send `PACKETS` packets
//! (default 100) of `BYTES` bytes (default 300) as fast as they can.
#![expect(clippy::disallowed_methods, reason = "the point of the program is to take the time")]

use core::error::Error;
use std::time::Instant;

use mpenc::channel::{ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::{Identity, MemberId, MemberSet, SecretBytes};
use mpenc_relay::{Relay, RelayChannel, RelayConfig};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).map(|it| it.parse::<u32>());
    let mut argument = |default| arguments.next().unwrap_or(Ok(default));
    let (members, packets, bytes) = (argument(64)?, argument(100)?, argument(300)?);

    let relay = Relay::bind(([127, 0, 0, 1], 0).into(), RelayConfig::default()).await?;
    let (url, stats) = (relay.url(), relay.stats());
    tokio::spawn(relay.run(core::future::pending()));

    let started = Instant::now();
    let mut channels = Vec::new();
    for number in 0..members {
        let mut seed = [0; 32];
        for (to, from) in seed.iter_mut().zip(number.to_be_bytes()) {
            *to = from;
        }
        let identity = Identity::from_seed(&SecretBytes::new(seed));
        let name = MemberId::new(format!("member-{number:04}"))?;
        let mut channel = RelayChannel::connect(&url, "room", name, identity).await?;
        channel.request(ChannelRequest::Enter).await?;
        while !matches!(channel.next_event().await?, ChannelEvent::Entered { .. }) {}
        channels.push(channel);
    }
    println!("{members} members entered in {:.2?}", started.elapsed());

    let started = Instant::now();
    let all = u64::from(members) * u64::from(packets);
    let tasks: Vec<_> = channels
        .into_iter()
        .map(|channel| tokio::spawn(talk(channel, packets, bytes, all)))
        .collect();
    for task in tasks {
        task.await??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let counts = stats.counts();
    let delivered = all * u64::from(members);
    println!(
        "{all} packets of {bytes} bytes, each to {members}: {seconds:.2} s, {:.0} packets/s in, \
         {:.0} deliveries/s, {:.1} MB/s out",
        all as f64 / seconds,
        delivered as f64 / seconds,
        delivered as f64 * f64::from(bytes) / seconds / 1e6,
    );
    println!("lagging: {}, resumed: {}", counts.lagging, counts.resumed);
    Ok(())
}

/// Sends everything at once and waits until everything of everybody is there.
async fn talk(
    mut channel: RelayChannel,
    packets: u32,
    bytes: u32,
    all: u64,
) -> Result<RelayChannel, Failure> {
    for _ in 0..packets {
        let bytes = vec![b'x'; usize::try_from(bytes)?];
        channel.request(ChannelRequest::Send { recipients: MemberSet::new(), bytes }).await?;
    }
    let mut heard = 0;
    while heard < all {
        if let ChannelEvent::Packet { .. } = channel.next_event().await? {
            heard += 1;
        }
    }
    Ok(channel)
}
