//! The channel: rooms of a hall as [`GroupChannel`].

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::limits::MAX_PACKET_LEN;
use mpenc::{MemberId, MemberSet};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

/// What is said over a connection: the length of a packet, words, an end of line, the packet.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) words: Vec<String>,
    pub(crate) packet: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(words: &[&str], packet: Vec<u8>) -> Self {
        Self { words: words.iter().map(|word| (*word).to_owned()).collect(), packet }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let head = format!("{} {}\n", self.packet.len(), self.words.join(" "));
        [head.as_bytes(), &self.packet].concat()
    }

    /// Reads one; `None` where the connection ends. Nobody can make it take more memory than a
    /// line and a packet.
    pub(crate) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        let mut head = String::new();
        if (&mut *from).take(MAX_LINE).read_line(&mut head).await? == 0 {
            return Ok(None);
        }
        let mut words = head.strip_suffix('\n').ok_or_else(malformed)?.split(' ');
        let len = words.next().and_then(|len| len.parse().ok());
        let len = len.filter(|len| *len <= MAX_PACKET_LEN).ok_or_else(malformed)?;
        let mut packet = vec![0; len];
        from.read_exact(&mut packet).await?;
        Ok(Some(Self { words: words.map(str::to_owned).collect(), packet }))
    }
}

/// Bytes of a line: as many names as a room has.
const MAX_LINE: u64 = 64 << 10;

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a frame is malformed")
}

/// A place in a room of a hall.
pub(crate) struct HallChannel {
    name: MemberId,
    requests: mpsc::Sender<ChannelRequest>,
    events: mpsc::Receiver<ChannelEvent>,
    interrupt: Arc<Notify>,
}

impl GroupChannel for HallChannel {
    async fn request(&mut self, request: ChannelRequest) -> Result<(), ChannelError> {
        // Waits while there are too many.
        self.requests.send(request).await.map_err(|_| ended())
    }

    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        // Cancel safe: an event is taken and returned in one go.
        self.events.recv().await.ok_or_else(ended)
    }
}

fn ended() -> ChannelError {
    ChannelError::new("the hall cannot be reached any longer; is it running?")
}

impl HallChannel {
    /// Connects; the room is entered later, when the session asks for it.
    pub(crate) async fn connect(hall: SocketAddr, room: &str, name: &str) -> io::Result<Self> {
        let member = MemberId::new(name).map_err(|error| io::Error::other(error.to_string()))?;
        let (requests, to_write) = mpsc::channel(QUEUE);
        let (read, events) = mpsc::channel(QUEUE);
        let interrupt = Arc::new(Notify::new());
        let link = Link {
            hall,
            hello: Frame::new(&["hello", room, name], Vec::new()),
            state: Mutex::new(State::new(member.clone())),
            events: read,
            interrupt: Arc::clone(&interrupt),
        };
        let socket = link.call().await?;
        tokio::spawn(link.drive(socket, to_write));
        Ok(Self { name: member, requests, events, interrupt })
    }

    /// Under which name events speak of it.
    pub(crate) fn name(&self) -> MemberId {
        self.name.clone()
    }

    /// Breaks the connection when it is notified.
    pub(crate) fn interrupt(&self) -> Arc<Notify> {
        Arc::clone(&self.interrupt)
    }
}

/// Events that wait for the owner, and requests that wait to be written; beyond it whoever
/// brings more has to wait. A packet is 256 KiB at most, so it is 16 MiB each.
const QUEUE: usize = 64;

/// What the channel knows of its room: no sockets, no waiting.
struct State {
    owner: MemberId,
    /// Who is inside, if the owner is.
    members: Option<MemberSet>,
    /// The owner wants to be inside.
    wants: bool,
    /// It asked to leave and has not been told of it.
    leaving: bool,
}

impl State {
    fn new(owner: MemberId) -> Self {
        Self { owner, members: None, wants: false, leaving: false }
    }

    /// What to write for a request. One that comes in the wrong moment has no effect (CHN-006).
    fn request(&mut self, request: ChannelRequest) -> Vec<Frame> {
        let command = |words: &[&str]| vec![Frame::new(words, Vec::new())];
        let is_inside = self.wants && self.members.is_some() && !self.leaving;
        match request {
            ChannelRequest::Enter if !self.wants => {
                self.wants = true;
                command(&["enter"])
            }
            ChannelRequest::Leave if self.wants => {
                self.wants = false;
                self.leaving = true;
                command(&["leave"])
            }
            ChannelRequest::Send { bytes, .. } if is_inside && bytes.len() <= MAX_PACKET_LEN => {
                vec![Frame::new(&["say"], bytes)]
            }
            ChannelRequest::Change { leave, .. } if is_inside => {
                let kick =
                    |member: &MemberId| Frame::new(&["kick", &member.to_string()], Vec::new());
                leave.iter().map(kick).collect()
            }
            ChannelRequest::Enter
            | ChannelRequest::Leave
            | ChannelRequest::Send { .. }
            | ChannelRequest::Change { .. }
            | _ => Vec::new(),
        }
    }

    /// What a frame means to the owner, if anything.
    fn receive(&mut self, frame: Frame) -> io::Result<Option<ChannelEvent>> {
        let words: Vec<&str> = frame.words.iter().map(String::as_str).collect();
        let member = |name: &str| MemberId::new(name).map_err(|_| malformed());
        match (words.as_slice(), &mut self.members) {
            (["inside", names @ ..], None) => {
                let members: MemberSet =
                    names.iter().map(|name| member(name)).collect::<io::Result<_>>()?;
                if !members.contains(&self.owner) {
                    return Err(malformed());
                }
                self.members = Some(members.clone());
                Ok(Some(ChannelEvent::Entered { members }))
            }
            (["left", name], Some(_)) if member(name)? == self.owner => {
                if !self.leaving {
                    // Somebody has removed us.
                    self.wants = false;
                }
                self.leaving = false;
                self.members = None;
                Ok(Some(ChannelEvent::Left))
            }
            (["entered", name], Some(members)) if !members.contains(&member(name)?) => {
                let enter = MemberSet::of(&member(name)?);
                members.extend(enter.clone());
                Ok(Some(ChannelEvent::Changed { enter, leave: MemberSet::new() }))
            }
            (["left", name], Some(members)) if members.contains(&member(name)?) => {
                let leave = MemberSet::of(&member(name)?);
                *members = members.difference(&leave);
                Ok(Some(ChannelEvent::Changed { enter: MemberSet::new(), leave }))
            }
            (["said", name], Some(members)) if members.contains(&member(name)?) => {
                Ok(Some(ChannelEvent::Packet { sender: member(name)?, bytes: frame.packet }))
            }
            _ => Err(malformed()),
        }
    }

    /// There is a new connection: what to write first.
    fn connected(&self) -> Vec<Frame> {
        let enter = Frame::new(&["enter"], Vec::new());
        if self.wants { vec![enter] } else { Vec::new() }
    }

    /// The connection broke. The hall keeps nothing for us, so we may have missed something.
    //= docs/spec/protocol.md#CHN-011
    fn lost(&mut self) -> Option<ChannelEvent> {
        let stay = self.members.take();
        if stay.is_some() && !self.leaving {
            // The owner decides whether to come back.
            self.wants = false;
        }
        self.leaving = false;
        stay.map(|_| ChannelEvent::Left)
    }
}

/// What the task needs that looks after the connection.
struct Link {
    hall: SocketAddr,
    hello: Frame,
    state: Mutex<State>,
    events: mpsc::Sender<ChannelEvent>,
    interrupt: Arc<Notify>,
}

impl Link {
    async fn call(&self) -> io::Result<TcpStream> {
        let mut socket = TcpStream::connect(self.hall).await?;
        socket.write_all(&self.hello.encode()).await?;
        Ok(socket)
    }

    /// Uses connections, one after the other, until the owner drops the channel or no more can
    /// be had.
    async fn drive(self, mut socket: TcpStream, mut requests: mpsc::Receiver<ChannelRequest>) {
        loop {
            let (from, to) = socket.split();
            let _broken = tokio::select! {
                broken = self.read(from) => broken,
                broken = self.write(to, &mut requests) => broken,
                () = self.interrupt.notified() => Ok(()),
            };
            let left = self.lock().lost();
            if let Some(left) = left
                && self.events.send(left).await.is_err()
            {
                return;
            }
            socket = match self.restore().await {
                Some(socket) => socket,
                None => return,
            };
        }
    }

    async fn read(&self, from: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut from = BufReader::new(from);
        loop {
            // First a place for the event: nothing may come between what the state has noted
            // and what the owner is told. While there is none, nothing is read.
            let Ok(place) = self.events.reserve().await else { return Ok(()) };
            let Some(frame) = Frame::read(&mut from).await? else { return Ok(()) };
            let event = self.lock().receive(frame)?;
            if let Some(event) = event {
                place.send(event);
            }
        }
    }

    async fn write(
        &self,
        mut to: impl AsyncWrite + Unpin,
        requests: &mut mpsc::Receiver<ChannelRequest>,
    ) -> io::Result<()> {
        let mut frames = self.lock().connected();
        loop {
            for frame in frames {
                to.write_all(&frame.encode()).await?;
            }
            let Some(request) = requests.recv().await else { return Ok(()) };
            frames = self.lock().request(request);
        }
    }

    /// Another connection; `None` if there is none to be had, or nobody needs it.
    async fn restore(&self) -> Option<TcpStream> {
        for _ in 0..ATTEMPTS {
            if self.events.is_closed() {
                return None;
            }
            match self.call().await {
                Ok(socket) => return Some(socket),
                Err(_) => sleep(PAUSE).await,
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often another connection is tried, and the pause after each attempt.
const ATTEMPTS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(words: &[&str]) -> Frame {
        Frame::new(words, b"hello".to_vec())
    }

    fn state() -> State {
        State::new(MemberId::new("ann").unwrap())
    }

    /// What is written for a request.
    fn words(state: &mut State, request: ChannelRequest) -> Vec<String> {
        state.request(request).into_iter().map(|frame| frame.words.join(" ")).collect()
    }

    fn send() -> ChannelRequest {
        ChannelRequest::Send { recipients: MemberSet::new(), bytes: Vec::new() }
    }

    #[test]
    fn a_lost_connection_ends_the_stay() {
        let mut state = state();
        assert_eq!(words(&mut state, send()), [""; 0]);
        assert_eq!(words(&mut state, ChannelRequest::Enter), ["enter"]);
        // Not in yet: nothing to leave, and entering is tried again.
        assert_eq!(state.lost(), None);
        assert_eq!(state.connected().len(), 1);
        state.receive(frame(&["inside", "bob", "ann"])).unwrap();
        assert_eq!(words(&mut state, send()), ["say"]);
        assert_eq!(state.lost(), Some(ChannelEvent::Left));
        assert_eq!(state.connected().len(), 0);
        assert_eq!(words(&mut state, send()), [""; 0]);
    }

    #[test]
    fn who_wants_to_come_back_does() {
        let mut state = state();
        for request in [ChannelRequest::Enter, ChannelRequest::Leave, ChannelRequest::Enter] {
            assert_eq!(state.request(request).len(), 1);
        }
        assert_eq!(state.lost(), None);
        assert_eq!(state.connected().len(), 1);
        state.receive(frame(&["inside", "ann"])).unwrap();
        assert_eq!(words(&mut state, send()), ["say"]);
    }

    #[test]
    fn what_cannot_be_is_not_passed_on() {
        let mut state = state();
        for words in [["said", "bob"], ["left", "ann"], ["inside", "bob"], ["", "ann"]] {
            assert!(state.receive(frame(&words)).is_err(), "{words:?}");
        }
        state.receive(frame(&["inside", "ann"])).unwrap();
        for words in [["said", "bob"], ["left", "bob"], ["entered", "ann"], ["inside", "ann"]] {
            assert!(state.receive(frame(&words)).is_err(), "{words:?}");
        }
    }
}
