//! A line between a client and a server that breaks and comes back: a proxy on this machine.

use alloc::sync::Arc;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Mutex;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The line; it goes with this value.
pub(crate) struct Line {
    address: SocketAddr,
    state: watch::Sender<State>,
    calls: Arc<Mutex<usize>>,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// What comes goes on.
    Up,
    /// What comes is swallowed; neither end notices.
    Silent,
    /// There is no connection.
    Down,
}

impl Line {
    /// A line to a server.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, watched) = watch::channel(State::Up);
        let calls = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(answer(listener, server, watched, Arc::clone(&calls)));
        Self { address, state, calls, _tasks: tasks }
    }

    /// Where the client finds the server.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often somebody has called the server.
    pub(crate) fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }

    /// From now on nothing arrives, and nobody is told.
    pub(crate) fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Breaks the connection, and lets none come about.
    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Down);
    }

    /// Lets new connections come about.
    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Up);
    }
}

async fn answer(
    listener: TcpListener,
    server: SocketAddr,
    state: watch::Receiver<State>,
    calls: Arc<Mutex<usize>>,
) {
    let mut tasks = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if *state.borrow() == State::Up {
            *calls.lock().unwrap() += 1;
            let server = TcpStream::connect(server).await.unwrap();
            // A line that waits for more before it passes anything on would be a slow one.
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            tasks.spawn(pass(client, server, state.clone()));
        }
    }
}

/// Passes on both ways, until an end closes or the line breaks.
async fn pass(mut client: TcpStream, mut server: TcpStream, mut state: watch::Receiver<State>) {
    let flow = state.clone();
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        () = one_way(&mut from_client, &mut to_server, &flow) => {}
        () = one_way(&mut from_server, &mut to_client, &flow) => {}
        _ = state.wait_for(|state| *state == State::Down) => {}
    }
}

async fn one_way(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    state: &watch::Receiver<State>,
) {
    let mut buffer = vec![0; 4096];
    while let Ok(len @ 1..) = from.read(&mut buffer).await {
        if *state.borrow() == State::Up && to.write_all(&buffer[..len]).await.is_err() {
            return;
        }
    }
}

/// Long enough for something to be on its way.
pub(crate) async fn a_moment() {
    sleep(Duration::from_millis(150)).await;
}
