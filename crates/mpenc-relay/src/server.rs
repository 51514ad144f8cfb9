use alloc::sync::Arc;
use core::net::SocketAddr;
use std::io;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::connection;
use crate::registry::Registry;
use crate::wire;
use crate::{RelayConfig, RelayStats};

/// A relay: bound to an address, and ready to run.
///
/// It broadcasts what members of a room send, in one order for all of them. It holds no secret
/// and needs no trust: members check each other, not the relay. It speaks plain WebSocket; where
/// connections leave a machine, put a reverse proxy with TLS before it.
///
/// # Examples
///
/// ```
/// # async fn example() -> std::io::Result<()> {
/// use mpenc_relay::{Relay, RelayConfig};
///
/// let relay = Relay::bind(([127, 0, 0, 1], 0).into(), RelayConfig::default()).await?;
/// println!("clients connect to {}", relay.url());
/// let stats = relay.stats();
/// relay.run(async { /* completes when the relay is to end */ }).await?;
/// println!("{} packets", stats.counts().packets);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(example())?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Relay {
    listener: TcpListener,
    address: SocketAddr,
    registry: Arc<Registry>,
}

impl Relay {
    /// Binds to `address` and to nothing else; port 0 takes a free port.
    ///
    /// # Errors
    ///
    /// What the operating system says, such as an address in use.
    pub async fn bind(address: SocketAddr, config: RelayConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, registry: Arc::new(Registry::new(config)) })
    }

    /// Where the relay listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address as clients take it: `ws://ADDRESS:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// A handle on the relay's counts, which stays valid while and after the relay runs.
    #[must_use]
    pub fn stats(&self) -> RelayStats {
        RelayStats::new(Arc::clone(&self.registry))
    }

    /// Serves until `shutdown` completes, then tells every client and ends. If the future is
    /// dropped before, clients are told all the same.
    ///
    /// # Errors
    ///
    /// What the operating system says if it can serve no longer.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let Self { listener, registry, .. } = self;
        // Also if nobody waits for `run` any longer, connections end with it.
        let _stop = StopOnDrop(Arc::clone(&registry));
        // Small packets go out at once; writers gather what can be gathered.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
        });
        let router = Router::new().fallback(any(upgrade)).with_state(Arc::clone(&registry));
        let served = tokio::select! {
            served = axum::serve(listener, router).into_future() => served,
            () = shutdown => Ok(()),
        };
        // Every connection takes at most `close_timeout` to say goodbye; then it is over anyway.
        let grace = registry.config().close_timeout.saturating_mul(2);
        let _ = timeout(grace, registry.stop()).await;
        served
    }
}

struct StopOnDrop(Arc<Registry>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.tell_to_stop();
    }
}

/// Turns a request into a connection, whatever its path: proxies may put the relay below any.
async fn upgrade(
    State(registry): State<Arc<Registry>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let text = "this is an mpENC relay; connect to it with a WebSocket client\n";
        return (StatusCode::UPGRADE_REQUIRED, text).into_response();
    };
    let upgrade = upgrade.protocols([wire::PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let text = format!("this relay speaks the sub-protocol {} only\n", wire::PROTOCOL);
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let Some(permit) = registry.permit() else {
        let text = "the relay has too many connections\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    };
    // Frames somewhat too large get a close frame with a reason; the library ends the rest.
    let most = registry.config().max_packet.max(wire::MAX_CONTROL_LEN).saturating_mul(4);
    upgrade
        .max_message_size(most)
        .max_frame_size(most)
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .on_upgrade(|socket| async move {
            connection::serve(socket, registry).await;
            drop(permit);
        })
}

/// Bytes of the read buffer and of the write buffer of each connection.
const BUFFER: usize = 64 * 1024;
