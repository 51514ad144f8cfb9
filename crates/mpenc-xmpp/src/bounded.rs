//! What a server sends, as far as a parser may see it.

use alloc::sync::Arc;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::{MAX_STANZA_LEN, MAX_XML_DEPTH};
use crate::scanner::{Bounds, Excess, Scanner};

/// A connection from which nothing is read that exceeds the bounds of a stream: it breaks before.
#[derive(Debug)]
pub(crate) struct Bounded<S> {
    stream: S,
    scanner: Scanner,
    restart: Restart,
    excess: Option<Excess>,
    buffer: Box<[u8]>,
    /// Where in the buffer what has not been taken yet begins, what has not been looked through
    /// yet, and what is empty.
    taken: usize,
    scanned: usize,
    filled: usize,
}

/// Says that a new stream begins on a connection, by having come from the one who makes it begin:
/// what the server sends is no sign of that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Restart(Arc<AtomicBool>);

impl Restart {
    /// What has not been read yet is a new stream.
    pub(crate) fn now(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}

impl<S> Bounded<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            scanner: Scanner::new(BOUNDS),
            restart: Restart::default(),
            excess: None,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            taken: 0,
            scanned: 0,
            filled: 0,
        }
    }

    pub(crate) fn restart(&self) -> Restart {
        self.restart.clone()
    }

    /// The connection, without what has been read of it and not been taken.
    pub(crate) fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncBufRead for Bounded<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.restart.take() {
            // What has been looked through and not been taken belongs to the new stream.
            this.scanner = Scanner::new(BOUNDS);
            this.scanned = this.taken;
        }
        if this.taken == this.scanned && this.excess.is_none() {
            if this.scanned == this.filled {
                let mut buffer = ReadBuf::new(&mut this.buffer);
                ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer))?;
                this.filled = buffer.filled().len();
                (this.taken, this.scanned) = (0, 0);
            }
            let fresh = this.buffer.get(this.scanned..this.filled).unwrap_or_default();
            match this.scanner.scan(fresh) {
                Ok(len) => this.scanned = this.scanned.saturating_add(len),
                Err(excess) => {
                    tracing::warn!(%excess, "the connection is broken off");
                    this.excess = Some(excess);
                }
            }
        }
        if let Some(excess) = this.excess {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, excess)));
        }
        Poll::Ready(Ok(this.buffer.get(this.taken..this.scanned).unwrap_or_default()))
    }

    fn consume(self: Pin<&mut Self>, len: usize) {
        let this = self.get_mut();
        this.taken = this.taken.saturating_add(len).min(this.scanned);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let (now, _) = bytes.split_at(bytes.len().min(buf.remaining()));
        buf.put_slice(now);
        let len = now.len();
        self.consume(len);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

const BOUNDS: Bounds = Bounds { depth: MAX_XML_DEPTH, len: MAX_STANZA_LEN };

/// Bytes read at once.
const BUFFER: usize = 8 * 1024;
