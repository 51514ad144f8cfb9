//! A channel on which members are called by their devices: `stage@localhost/Ada` is `Ada`.

use mpenc::channel::{ChannelError, ChannelEvent, ChannelRequest, GroupChannel};
use mpenc::{MemberId, MemberSet};

/// Takes a prefix off all names that have it, and puts it back. Other names stay as they are.
#[derive(Debug)]
pub(crate) struct Renamed<C> {
    channel: C,
    /// None if names stay as they are.
    prefix: Option<String>,
}

impl<C> Renamed<C> {
    pub(crate) fn new(channel: C, prefix: Option<String>) -> Self {
        Self { channel, prefix }
    }

    pub(crate) fn inner(&self) -> &C {
        &self.channel
    }

    fn short(&self, name: &MemberId) -> MemberId {
        let rest = self.prefix.as_ref();
        match rest.and_then(|prefix| name.as_bytes().strip_prefix(prefix.as_bytes())) {
            // What looks like a name of ours after it would not come back to where it was from.
            Some(rest) if !rest.is_empty() && !rest.contains(&b'/') => MemberId::from_wire(rest),
            Some(_) | None => name.clone(),
        }
    }

    fn long(&self, name: &MemberId) -> MemberId {
        // A full address has a slash, a name of ours has none.
        match &self.prefix {
            Some(prefix) if !name.as_bytes().contains(&b'/') => {
                MemberId::from_wire(&[prefix.as_bytes(), name.as_bytes()].concat())
            }
            Some(_) | None => name.clone(),
        }
    }

    fn shorts(&self, names: &MemberSet) -> MemberSet {
        names.iter().map(|name| self.short(name)).collect()
    }

    fn longs(&self, names: &MemberSet) -> MemberSet {
        names.iter().map(|name| self.long(name)).collect()
    }
}

impl<C: GroupChannel> GroupChannel for Renamed<C> {
    async fn request(&mut self, request: ChannelRequest) -> Result<(), ChannelError> {
        let request = match request {
            ChannelRequest::Change { enter, leave } => {
                ChannelRequest::Change { enter: self.longs(&enter), leave: self.longs(&leave) }
            }
            ChannelRequest::Send { recipients, bytes } => {
                ChannelRequest::Send { recipients: self.longs(&recipients), bytes }
            }
            other @ (ChannelRequest::Enter | ChannelRequest::Leave | _) => other,
        };
        self.channel.request(request).await
    }

    // Cancel safe as the channel below is: nothing is kept here between two waits.
    async fn next_event(&mut self) -> Result<ChannelEvent, ChannelError> {
        let event = self.channel.next_event().await?;
        Ok(match event {
            ChannelEvent::Entered { members } => {
                ChannelEvent::Entered { members: self.shorts(&members) }
            }
            ChannelEvent::Changed { enter, leave } => {
                ChannelEvent::Changed { enter: self.shorts(&enter), leave: self.shorts(&leave) }
            }
            ChannelEvent::Packet { sender, bytes } => {
                ChannelEvent::Packet { sender: self.short(&sender), bytes }
            }
            ChannelEvent::Identity { member, key } => {
                ChannelEvent::Identity { member: self.short(&member), key }
            }
            other @ (ChannelEvent::Left | _) => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        let channel = Renamed::new((), Some("stage@localhost/".to_owned()));
        let name = |text: &str| MemberId::new(text).unwrap();
        assert_eq!(channel.short(&name("stage@localhost/Ada")), name("Ada"));
        assert_eq!(channel.long(&name("Ada")), name("stage@localhost/Ada"));
        for other in ["eve@localhost/Ada", "stage@localhost/"] {
            assert_eq!(channel.short(&name(other)), name(other));
            assert_eq!(channel.long(&name(other)), name(other));
        }
    }
}
