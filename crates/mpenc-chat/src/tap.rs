//! A look into the channel below a session: what passes, and a hold on what comes in.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use mpenc::MemberId;
use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use tokio::sync::watch;

/// Packets and bytes that were handed to channels, each counted once.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    packets: AtomicU64,
    bytes: AtomicU64,
}

impl Traffic {
    /// Packets so far.
    pub(crate) fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    /// Bytes of these packets.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn count(&self, packet: &[u8]) {
        self.packets.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(u64::try_from(packet.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// What can be seen and done from outside to one tapped channel.
#[derive(Debug)]
pub(crate) struct TapHandle {
    heard: Arc<AtomicU64>,
    hold: watch::Sender<bool>,
}

impl TapHandle {
    /// Packets of others that reached this member.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Holds back, or lets in, what comes from the channel.
    pub(crate) fn hold(&self, on: bool) {
        self.hold.send_replace(on);
    }
}

/// A channel with a tap on it.
#[derive(Debug)]
pub(crate) struct Tap<C> {
    channel: C,
    owner: MemberId,
    traffic: Arc<Traffic>,
    heard: Arc<AtomicU64>,
    held: watch::Receiver<bool>,
}

impl<C> Tap<C> {
    /// Puts a tap on the channel of `owner`.
    pub(crate) fn new(channel: C, owner: MemberId, traffic: Arc<Traffic>) -> (Self, TapHandle) {
        let heard = Arc::new(AtomicU64::new(0));
        let (hold, held) = watch::channel(false);
        let handle = TapHandle { heard: Arc::clone(&heard), hold };
        (Self { channel, owner, traffic, heard, held }, handle)
    }
}

impl<C: GroupChannel> GroupChannel for Tap<C> {
    async fn request(&mut self, request: ChannelRequest) -> Result<(), ChannelError> {
        if let ChannelRequest::Send { bytes, .. } = &request {
            self.traffic.count(bytes);
        }
        self.channel.request(request).await
    }

    // Cancel safe as the channel below is: nothing is kept here between two waits.
    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        let event = loop {
            // An error means that the handle is gone, and nobody can hold any more.
            if self.held.wait_for(|held| !held).await.is_err() {
                break self.channel.next_event().await;
            }
            tokio::select! {
                biased;
                Ok(()) = self.held.changed() => {}
                event = self.channel.next_event() => break event,
            }
        }?;
        if let ChannelEvent::Packet { sender, .. } = &event
            && *sender != self.owner
        {
            self.heard.fetch_add(1, Ordering::Relaxed);
        }
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::VecDeque;

    use super::*;

    struct Script(VecDeque<ChannelEvent>);

    impl GroupChannel for Script {
        async fn request(&mut self, _: ChannelRequest) -> Result<(), ChannelError> {
            Ok(())
        }

        async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
            self.0.pop_front().ok_or_else(|| ChannelError::new("over"))
        }
    }

    fn packet(sender: &str) -> ChannelEvent {
        ChannelEvent::Packet { sender: MemberId::new(sender).unwrap(), bytes: vec![1, 2, 3] }
    }

    #[tokio::test]
    async fn counts_what_goes_out_and_what_comes_from_others() {
        let traffic = Arc::new(Traffic::default());
        let script = Script(VecDeque::from([packet("ann"), packet("bob")]));
        let (mut tap, handle) =
            Tap::new(script, MemberId::new("ann").unwrap(), Arc::clone(&traffic));
        let send = ChannelRequest::Send { recipients: mpenc::MemberSet::new(), bytes: vec![0; 7] };
        tap.request(send).await.unwrap();
        tap.request(ChannelRequest::Leave).await.unwrap();
        assert_eq!((traffic.packets(), traffic.bytes()), (1, 7));
        assert_eq!(tap.next_event().await, Ok(packet("ann")));
        assert_eq!(handle.heard(), 0);
        assert_eq!(tap.next_event().await, Ok(packet("bob")));
        assert_eq!(handle.heard(), 1);
        assert!(tap.next_event().await.is_err());
    }

    #[tokio::test]
    async fn nothing_comes_in_while_held() {
        let script = Script(VecDeque::from([packet("bob"), packet("bob")]));
        let (mut tap, handle) = Tap::new(script, MemberId::new("ann").unwrap(), Arc::default());
        handle.hold(true);
        {
            let mut next = core::pin::pin!(tap.next_event());
            tokio::select! {
                biased;
                _ = &mut next => panic!("held"),
                () = tokio::task::yield_now() => {}
            }
            handle.hold(false);
            assert_eq!(next.await, Ok(packet("bob")));
        }
        handle.hold(true);
        drop(handle);
        assert_eq!(tap.next_event().await, Ok(packet("bob")), "nobody holds any more");
    }
}
