//! `mpenc relay`: a relay until somebody stops it.

use std::net::ToSocketAddrs as _;

use mpenc_relay::{Relay, RelayConfig};

use crate::chat::Stop;
use crate::cli::RelayArgs;
use crate::failure::Failure;
use crate::keys::plain;
use crate::term;

/// Runs the command.
pub(crate) async fn run(args: &RelayArgs) -> Result<(), Failure> {
    let listen = &args.listen;
    let cannot = |reason: &str| Failure::input(format!("cannot listen on {listen}: {reason}"));
    let address = listen
        .to_socket_addrs()
        .map_err(|error| cannot(&plain(&error)))?
        .next()
        .ok_or_else(|| cannot("the name has no address"))?;
    let config = RelayConfig { grace: args.grace, ..RelayConfig::default() };
    let mut stop = Stop::listen();
    let relay = Relay::bind(address, config).await.map_err(|error| cannot(&plain(&error)))?;
    let stats = relay.stats();
    term::say(&format!("relay: listening on {}", relay.url()));
    term::say(
        "relay: packets are sealed end to end; to hide who talks with whom, put TLS before it",
    );
    relay
        .run(async move {
            stop.wait().await;
        })
        .await
        .map_err(|error| Failure::check(format!("the relay failed: {}", plain(&error))))?;
    let counts = stats.counts();
    term::say(&format!(
        "relay: stopped after {} packets, {} bytes; {} clients closed because they lagged",
        counts.packets, counts.bytes, counts.lagging
    ));
    Ok(())
}
