//! Stanzas that the library was given and has not done with.

use alloc::collections::VecDeque;
use core::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio::task::unconstrained;
use tokio_xmpp::Stanza;
use tokio_xmpp::stanzastream::{StanzaStage, StanzaStream, StanzaToken};

/// Stanzas in the stream's queue.
pub(crate) const QUEUE: usize = 16;

/// What the stream was given, in order.
#[derive(Default)]
pub(crate) struct Handed {
    /// Not written yet.
    queued: VecDeque<Entry>,
    /// Written, and kept by the library until the server acknowledges it (XEP-0198). Without
    /// stream management the library keeps nothing, and nothing stays here.
    unacked: VecDeque<Entry>,
    unacked_bytes: usize,
}

struct Entry {
    token: StanzaToken,
    bytes: usize,
}

/// The task of the stream is gone.
#[derive(Debug)]
pub(crate) struct Gone;

impl Handed {
    /// Gives the stream a stanza.
    pub(crate) async fn give(
        &mut self,
        stanzas: &StanzaStream,
        stanza: Stanza,
    ) -> Result<(), Gone> {
        let bytes = bytes(&stanza);
        // The library panics if its own task has, which a server can bring about. That this ends
        // the channel in good order is worth more than to have been told twice.
        let sent = AssertUnwindSafe(stanzas.send(Box::new(stanza))).catch_unwind();
        let token = sent.await.map_err(|_| Gone)?;
        self.queued.push_back(Entry { token, bytes });
        Ok(())
    }

    /// Sees what has become of all that was given.
    pub(crate) fn settle(&mut self) {
        while let Some(mut entry) = self.queued.pop_front() {
            if !reached(&mut entry.token, StanzaStage::Sent) {
                self.queued.push_front(entry);
                break;
            }
            self.unacked_bytes = self.unacked_bytes.saturating_add(entry.bytes);
            self.unacked.push_back(entry);
        }
        while let Some(mut entry) = self.unacked.pop_front() {
            if !reached(&mut entry.token, StanzaStage::Acked) {
                self.unacked.push_front(entry);
                break;
            }
            self.unacked_bytes = self.unacked_bytes.saturating_sub(entry.bytes);
        }
    }

    /// Whether the stream's queue takes no more without making us wait.
    pub(crate) fn is_full(&self) -> bool {
        self.queued.len() >= QUEUE
    }

    /// Whether there is nothing to be written.
    pub(crate) fn is_written(&self) -> bool {
        self.queued.is_empty()
    }

    /// Bytes that the library keeps because the server has not acknowledged them.
    pub(crate) fn unacked_bytes(&self) -> usize {
        self.unacked_bytes
    }

    /// Waits until the stream has written what it was given first. Cancel safe.
    pub(crate) async fn written(&mut self) {
        if let Some(entry) = self.queued.front_mut() {
            // What failed is not waited for any longer either.
            let _ = entry.token.wait_for(StanzaStage::Sent).await;
        }
        self.settle();
    }

    /// There is a new stream: nobody waits for anything of the former one.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Whether a stanza has come so far, or will never, because the library has dropped it.
fn reached(token: &mut StanzaToken, stage: StanzaStage) -> bool {
    unconstrained(token.wait_for(stage)).now_or_never().is_some()
}

/// About how much memory a stanza takes: its texts, and something for what is around them.
fn bytes(stanza: &Stanza) -> usize {
    let texts = match stanza {
        Stanza::Message(message) => {
            let packets = message.payloads.iter().flat_map(|payload| payload.texts());
            packets.map(str::len).fold(0, usize::saturating_add)
        }
        Stanza::Presence(_) | Stanza::Iq(_) => 0,
    };
    texts.saturating_add(AROUND)
}

/// Bytes of a stanza beside its texts.
const AROUND: usize = 1024;

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio_xmpp::jid::Jid;
    use tokio_xmpp::parsers::message::Message;
    use tokio_xmpp::stanzastream::Connection;

    use super::*;

    #[tokio::test]
    async fn a_stream_whose_task_has_failed_takes_nothing() {
        let (slot, connection) = oneshot::channel::<oneshot::Sender<Connection>>();
        let mut slot = Some(slot);
        let stanzas = StanzaStream::new(
            Box::new(move |_, wanted| assert!(slot.take().unwrap().send(wanted).is_ok())),
            QUEUE,
        );
        let room: Jid = "tea@rooms.localhost".parse().unwrap();
        let stanza = || Stanza::from(Message::groupchat(room.clone()));
        let mut handed = Handed::default();
        handed.give(&stanzas, stanza()).await.unwrap();
        handed.settle();
        assert!(!handed.is_written(), "there is no connection yet");

        // The library fails if it gets none.
        drop(connection.await.unwrap());
        handed.written().await;
        assert!(handed.is_written(), "nobody will ever write it");
        assert_eq!(handed.unacked_bytes(), 0);
        handed.give(&stanzas, stanza()).await.unwrap_err();
    }
}
