//! Requests on their way to the server: lost or late (CHN-006).
//!
//! Whatever drops or delays channel events for a member does the same to what it asks of the
//! channel, and while nothing reaches it, nothing that it asks arrives. Late requests overtake each
//! other. Packets are not requests here: they take their place in the order when they are sent, and
//! what happens to them happens on the way out.

use mpenc::MemberId;
use mpenc::channel::ChannelRequest;

use super::Server;
use super::tamper::Fate;

/// A request on its way.
#[derive(Debug)]
pub(super) struct Errand {
    /// When it arrives, in true time; held back until further notice if none.
    due: Option<u64>,
    from: MemberId,
    request: ChannelRequest,
}

impl Server {
    /// A member asks for something.
    pub(crate) fn request(&mut self, from: &MemberId, request: ChannelRequest) {
        if matches!(request, ChannelRequest::Send { .. }) {
            self.execute(from, request);
            return;
        }
        let held = self.inboxes.get(from).is_some_and(|inbox| inbox.held);
        let due = match self.fate_of_request(from) {
            Some(Fate::Lost) => return,
            Some(Fate::Late(extra)) => Some(self.now.saturating_add(extra)),
            None if held => None,
            None => {
                self.execute(from, request);
                return;
            }
        };
        self.errands.push(Errand { due, from: from.clone(), request });
    }

    /// When the next request arrives that is late.
    pub(crate) fn next_errand(&self) -> Option<u64> {
        self.errands.iter().filter_map(|errand| errand.due).min()
    }

    /// A late request arrives, if one is due by now.
    pub(crate) fn run_errand(&mut self) {
        let due = |errand: &Errand| errand.due.is_some_and(|due| due <= self.now);
        let first = self.errands.iter().enumerate().filter(|(_, errand)| due(errand));
        if let Some((at, _)) = first.min_by_key(|(_, errand)| errand.due) {
            let Errand { from, request, .. } = self.errands.remove(at);
            self.execute(&from, request);
        }
    }

    /// What a member asked for while nothing could reach it, or everybody if none is named, arrives.
    pub(crate) fn release_requests(&mut self, of: Option<&MemberId>) {
        let released =
            |errand: &Errand| of.is_none_or(|of| errand.from == *of && errand.due.is_none());
        let (now, later) = core::mem::take(&mut self.errands).into_iter().partition(released);
        self.errands = later;
        let now: Vec<Errand> = now;
        for Errand { from, request, .. } in now {
            self.execute(&from, request);
        }
    }

    /// What a member asked for is lost, with its connection.
    pub(crate) fn forget_requests(&mut self, of: &MemberId) {
        self.errands.retain(|errand| errand.from != *of);
    }
}

#[cfg(test)]
mod tests {
    use mpenc::MemberSet;

    use super::*;
    use crate::dice::Dice;
    use crate::plan::{Sort, Tamper};

    fn server() -> (Server, MemberId) {
        let ann = MemberId::new("ann").unwrap();
        let mut server = Server::new(true, vec![ann.clone()], Dice::new(1, "server"));
        server.request(&ann, ChannelRequest::Enter);
        assert_eq!(server.inside, MemberSet::of(&ann));
        (server, ann)
    }

    #[test]
    fn a_request_is_lost_once() {
        let (mut server, ann) = server();
        server.begin_tampering(&ann, Tamper::Drop, Sort::Channel, 1, 7);
        server.request(&ann, ChannelRequest::Leave);
        assert!(server.inside.contains(&ann) && server.next_errand().is_none());
        server.request(&ann, ChannelRequest::Leave);
        assert!(server.inside.is_empty());
    }

    #[test]
    fn a_request_is_late_and_may_be_overtaken() {
        let (mut server, ann) = server();
        server.begin_tampering(&ann, Tamper::Delay, Sort::Any, 1, 7);
        server.request(&ann, ChannelRequest::Leave);
        let due = server.next_errand().unwrap();
        assert!(server.inside.contains(&ann) && due > 0);
        server.now = due - 1;
        server.run_errand();
        assert!(server.inside.contains(&ann), "not yet");
        server.now = due;
        server.run_errand();
        assert!(server.inside.is_empty() && server.next_errand().is_none());
    }

    #[test]
    fn what_is_asked_while_nothing_gets_through_waits() {
        let (mut server, ann) = server();
        server.inbox_mut(&ann).unwrap().held = true;
        server.request(&ann, ChannelRequest::Leave);
        assert!(server.inside.contains(&ann) && server.next_errand().is_none());
        server.release_requests(Some(&ann));
        assert!(server.inside.is_empty());
        server.request(&ann, ChannelRequest::Enter);
        server.forget_requests(&ann);
        server.release_requests(None);
        assert!(server.inside.is_empty(), "lost with the connection");
    }

    #[test]
    fn messages_and_copies_of_them_leave_requests_alone() {
        let (mut server, ann) = server();
        server.begin_tampering(&ann, Tamper::Drop, Sort::Data, 1, 7);
        server.begin_tampering(&ann, Tamper::Duplicate, Sort::Any, 1, 7);
        server.request(&ann, ChannelRequest::Leave);
        assert!(server.inside.is_empty());
    }
}
