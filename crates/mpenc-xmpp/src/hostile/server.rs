//! As much of a server as is needed to play a bad one.

use core::net::SocketAddr;
use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(super) const HEADER: &str = "<?xml version='1.0'?><stream:stream from='localhost' id='1' \
    version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// Features: an address can be bound.
pub(super) const BIND: &str = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";

/// Features: the same, and the stream can be resumed.
pub(super) const MANAGEMENT: &str =
    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>";

const SASL: &str = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
    <mechanism>PLAIN</mechanism></mechanisms>";

/// Does the same with each connection, one after the other.
pub(super) struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start<F>(play: impl Fn(Peer) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut count = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let peer = Peer { stream, read: String::new(), count };
                // The other end may be gone at any moment.
                let _ = play(peer).await;
                count += 1;
            }
        });
        Self { address, task }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client at the other end.
pub(super) struct Peer {
    stream: TcpStream,
    read: String,
    count: usize,
}

impl Peer {
    /// Whether this is the first connection to the server.
    pub(super) fn is_first(&self) -> bool {
        self.count == 0
    }

    pub(super) async fn say(&mut self, xml: &str) -> io::Result<()> {
        self.stream.write_all(xml.as_bytes()).await
    }

    /// What the client says, up to the end of this.
    pub(super) async fn until(&mut self, what: &str) -> io::Result<String> {
        loop {
            if let Some(at) = self.read.find(what) {
                let behind = self.read.split_off(at + what.len());
                return Ok(core::mem::replace(&mut self.read, behind));
            }
            self.more().await?;
        }
    }

    /// Listens until the client hangs up.
    pub(super) async fn rest(&mut self) -> io::Result<()> {
        loop {
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let len = self.stream.read(&mut buffer).await?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read.push_str(str::from_utf8(&buffer[..len]).unwrap());
        Ok(())
    }

    /// Begins a stream with these features.
    pub(super) async fn open(&mut self, features: &str) -> io::Result<()> {
        self.until("version='1.0'>").await?;
        let features = format!("{HEADER}<stream:features>{features}</stream:features>");
        self.say(&features).await
    }

    /// Takes any password, and says this with the consent.
    pub(super) async fn prove(&mut self, more: &str) -> io::Result<()> {
        self.open(SASL).await?;
        self.until("</auth>").await?;
        self.say(&format!("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>{more}")).await
    }

    /// All that comes before stanzas.
    pub(super) async fn log_in(&mut self, features: &str) -> io::Result<()> {
        self.prove("").await?;
        self.open(features).await?;
        self.bind().await
    }

    /// Gives the client its address.
    pub(super) async fn bind(&mut self) -> io::Result<()> {
        self.until("</iq>").await?;
        self.say(
            "<iq type='result' id='resource-binding'>\
             <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@localhost/mpenc</jid></bind>\
             </iq>",
        )
        .await
    }

    /// Promises to acknowledge.
    pub(super) async fn enable(&mut self) -> io::Result<()> {
        self.until("<enable").await?;
        self.until(">").await?;
        self.say("<enabled xmlns='urn:xmpp:sm:3' id='a' resume='true'/>").await
    }

    /// Lets the client into a room with nobody else, and says by which address.
    pub(super) async fn let_in(&mut self) -> io::Result<String> {
        let entry = self.until("</presence>").await?;
        let (_, to) = entry.split_once("to='").unwrap();
        let (occupant, _) = to.split_once('\'').unwrap();
        self.say(&format!(
            "<presence from='{occupant}'><x xmlns='http://jabber.org/protocol/muc#user'>\
             <item affiliation='owner' role='moderator' jid='alice@localhost/mpenc'/>\
             <status code='100'/><status code='110'/></x></presence>\
             <message type='groupchat' from='tea@rooms.localhost'><subject/></message>"
        ))
        .await?;
        Ok(occupant.to_owned())
    }

    /// Plays a room with nobody else, and acknowledges or does not.
    pub(super) async fn echo(&mut self, acknowledge: bool) -> io::Result<()> {
        let occupant = self.let_in().await?;
        let mut stanzas = 1;
        loop {
            let said = self.until("</message>").await?;
            stanzas += 1;
            let (_, packet) = said.split_once("<packet").unwrap();
            let (packet, _) = packet.split_once("</packet>").unwrap();
            self.say(&format!(
                "<message type='groupchat' from='{occupant}'><packet{packet}</packet></message>"
            ))
            .await?;
            if acknowledge {
                self.say(&format!("<a xmlns='urn:xmpp:sm:3' h='{stanzas}'/>")).await?;
            }
        }
    }
}
