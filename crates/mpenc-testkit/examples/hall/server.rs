//! A server with rooms, which knows nothing of this protocol: it stands for the one that is there
//! already. What comes to it goes to everybody in the room, in one order, as does who enters and
//! who leaves.
//!
//! | to the hall | to everybody in the room |
//! | --- | --- |
//! | `hello ROOM NAME`, once | |
//! | `enter` | `entered NAME`; to who enters instead `inside NAME NAME …` |
//! | `leave`, or the end of the connection | `left NAME` |
//! | `kick NAME` | `left NAME` |
//! | `say` and a packet | `said NAME` and the packet |

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::net::{Ipv4Addr, SocketAddr};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::channel::Frame;

/// The server; it ends with this value.
pub(crate) struct Hall {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Hall {
    /// Listens on a free port of this machine.
    pub(crate) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(listener));
        Ok(Self { address, _tasks: tasks })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn listen(listener: TcpListener) {
    let rooms = Rooms::default();
    let mut guests = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let rooms = rooms.clone();
        // What goes wrong with a connection is its client's business.
        guests.spawn(async move { drop(attend(socket, rooms).await) });
    }
}

#[derive(Clone, Default)]
struct Rooms(Arc<Mutex<BTreeMap<String, Room>>>);

/// Those inside, as they entered.
#[derive(Default)]
struct Room(Vec<Guest>);

#[derive(Clone)]
struct Guest {
    name: String,
    queue: mpsc::Sender<Arc<[u8]>>,
    /// Its queue has been full: it gets nothing more, and its connection ends.
    late: bool,
    out: Arc<Notify>,
}

/// Looks after a connection.
async fn attend(mut socket: TcpStream, rooms: Rooms) -> io::Result<()> {
    let (from, to) = socket.split();
    let mut from = BufReader::new(from);
    let hello = Frame::read(&mut from).await?.map(|frame| frame.words).unwrap_or_default();
    let [_, room, name] = hello.as_slice() else { return Ok(()) };
    let (queue, waiting) = mpsc::channel(QUEUE);
    let (name, out) = (name.clone(), Arc::new(Notify::new()));
    let guest = Guest { name, queue, late: false, out: Arc::clone(&out) };
    let hear = async {
        while let Some(frame) = Frame::read(&mut from).await? {
            rooms.lock().entry(room.clone()).or_default().hear(&guest, frame);
        }
        Ok(())
    };
    let ended = tokio::select! {
        ended = hear => ended,
        ended = write(to, waiting) => ended,
        () = out.notified() => Ok(()),
    };
    let mut rooms = rooms.lock();
    let room = rooms.entry(room.clone()).or_default();
    if room.has(&guest) {
        room.leave(&guest.name);
    }
    ended
}

async fn write(
    mut to: impl AsyncWrite + Unpin,
    mut waiting: mpsc::Receiver<Arc<[u8]>>,
) -> io::Result<()> {
    while let Some(frame) = waiting.recv().await {
        to.write_all(&frame).await?;
    }
    Ok(())
}

impl Rooms {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn has(&self, guest: &Guest) -> bool {
        self.0.iter().any(|other| Arc::ptr_eq(&other.out, &guest.out))
    }

    fn hear(&mut self, guest: &Guest, frame: Frame) {
        let words: Vec<&str> = frame.words.iter().map(String::as_str).collect();
        match (words.as_slice(), self.has(guest)) {
            (["enter"], false) => {
                // A connection of that name which broke and has not ended yet.
                self.leave(&guest.name);
                self.tell(&Frame::new(&["entered", &guest.name], Vec::new()));
                self.0.push(guest.clone());
                let names = self.0.iter().map(|guest| guest.name.as_str());
                let inside: Vec<&str> = ["inside"].into_iter().chain(names).collect();
                let inside = Frame::new(&inside, Vec::new());
                if let Some(guest) = self.0.last_mut() {
                    guest.tell(&inside.encode().into());
                }
            }
            (["leave"], true) => self.leave(&guest.name),
            (["kick", name], true) => self.leave(name),
            (["say"], true) => self.tell(&Frame::new(&["said", &guest.name], frame.packet)),
            _ => {}
        }
    }

    fn leave(&mut self, name: &str) {
        if self.0.iter().any(|guest| guest.name == name) {
            self.tell(&Frame::new(&["left", name], Vec::new()));
            self.0.retain(|guest| guest.name != name);
        }
    }

    fn tell(&mut self, frame: &Frame) {
        let frame = frame.encode().into();
        self.0.iter_mut().for_each(|guest| guest.tell(&frame));
    }
}

impl Guest {
    fn tell(&mut self, frame: &Arc<[u8]>) {
        if !self.late && self.queue.try_send(Arc::clone(frame)).is_err() {
            self.late = true;
            self.out.notify_one();
        }
    }
}

/// Frames that wait to be written to a client.
const QUEUE: usize = 64;
