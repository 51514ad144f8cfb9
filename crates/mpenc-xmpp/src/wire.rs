//! A connection that can be broken from outside, as a failing network would.

use alloc::sync::Arc;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Breaks whatever connection was made last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cutter(Arc<Mutex<Option<oneshot::Sender<()>>>>);

impl Cutter {
    /// Takes charge of a new connection.
    pub(crate) fn guard(&self, stream: TcpStream) -> Wire {
        let (cutter, cut) = oneshot::channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cutter);
        Wire { stream, fate: Fate::Guarded(cut) }
    }

    /// Breaks the connection, without a word to the other end.
    pub(crate) fn cut(&self) {
        let cutter = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(cutter) = cutter {
            // It may be gone already.
            let _ = cutter.send(());
        }
    }
}

/// A connection that somebody can break.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    fate: Fate,
}

#[derive(Debug)]
enum Fate {
    /// The cutter can break it.
    Guarded(oneshot::Receiver<()>),
    /// The cutter has turned to a later connection.
    Left,
    Cut,
}

impl Wire {
    /// The stream, while it is whole.
    fn whole(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        if let Fate::Guarded(cut) = &mut self.fate {
            match Pin::new(cut).poll(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.fate = Fate::Cut,
                Poll::Ready(Err(_)) => self.fate = Fate::Left,
            }
        }
        match self.fate {
            Fate::Guarded(_) | Fate::Left => Ok(Pin::new(&mut self.stream)),
            Fate::Cut => Err(io::Error::new(io::ErrorKind::ConnectionReset, "it was cut")),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.whole(cx)?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.whole(cx)?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.whole(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.whole(cx)?.poll_shutdown(cx)
    }
}
