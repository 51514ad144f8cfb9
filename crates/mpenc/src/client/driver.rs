//! The task that keeps a session going: events in, requests out, deadlines on time.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::handle::Inner;
use crate::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use crate::session::Disposition;

/// Longest sleep without a deadline: long, but within what timers can express.
const IDLE: Duration = Duration::from_secs(24 * 3600);

pub(super) async fn run(inner: Arc<Inner>, mut channel: impl GroupChannel) {
    let why = match drive(&inner, &mut channel).await {
        Ok(()) => ChannelError::new("the session was closed"),
        Err(error) => error,
    };
    inner.close(why);
}

async fn drive(inner: &Inner, channel: &mut impl GroupChannel) -> Result<(), ChannelError> {
    loop {
        let (requests, sleep) = {
            let mut shared = inner.lock();
            if shared.closed.is_some() {
                return Ok(());
            }
            let mut requests: Vec<ChannelRequest> = Vec::new();
            while let Some(request) = shared.session.poll_transmit() {
                requests.push(request);
            }
            let now = shared.now();
            let sleep = match shared.session.poll_timeout() {
                Some(deadline) => deadline.at.since(now),
                None => IDLE,
            };
            (requests, sleep)
        };
        if sleep.is_zero() {
            // Deadlines come first, however busy the channel is.
            inner.call(|session, env| session.handle_timeout(env));
        }
        for request in requests {
            channel.request(request).await?;
        }
        tokio::select! {
            biased;
            event = channel.next_event() => input(inner, event?),
            () = inner.wake_driver.notified() => {}
            () = tokio::time::sleep(sleep) => {
                inner.call(|session, env| session.handle_timeout(env));
            }
        }
    }
}

fn input(inner: &Inner, event: ChannelEvent) {
    learn_keys(inner, &event);
    let disposition = inner.call(|session, env| session.handle_input(env, event));
    if disposition == Disposition::Busy {
        // Cannot be: the queues are emptied before every event.
        tracing::error!("an event was refused because a queue is full");
    }
}

/// Asks the directory about whoever the event is about.
fn learn_keys(inner: &Inner, event: &ChannelEvent) {
    let mut shared = inner.lock();
    let shared = &mut *shared;
    let mut ask = |member, offered| {
        let key = shared.directory.identity_key(member, offered);
        shared.session.set_identity(member, key);
    };
    match event {
        ChannelEvent::Identity { member, key } => ask(member, Some(key)),
        ChannelEvent::Entered { members } => members.iter().for_each(|member| ask(member, None)),
        ChannelEvent::Changed { enter, .. } => enter.iter().for_each(|member| ask(member, None)),
        ChannelEvent::Left | ChannelEvent::Packet { .. } => {}
    }
}
