//! Whole conversations over a server.

use alloc::collections::BTreeSet;
use core::time::Duration;

use mpenc::client::{Client, Session};
use mpenc::{Identity, MemberId, MemberSet, Preset};
use mpenc_xmpp::{Account, XmppChannel};
use tokio::time::{Instant, sleep};

/// Longest wait for anything. The machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Talker {
    pub(crate) session: Session,
    pub(crate) member: MemberId,
}

impl Talker {
    /// Logs in, knowing nobody's key, for sessions of up to `size` members.
    pub(crate) async fn new(
        account: Account,
        room: &str,
        size: usize,
        options: impl FnOnce(Client) -> Client,
    ) -> Self {
        let identity = Identity::random().unwrap();
        let channel = XmppChannel::connect(account, room, identity.public()).await.unwrap();
        let member = channel.member().clone();
        let client = Client::new(member.clone(), identity)
            .unwrap()
            .session_id(room)
            .timing(Preset::Loopback.timing(size))
            .stay_if_last(true)
            .patient_join(true);
        Self { session: options(client).open(channel), member }
    }

    pub(crate) fn names(talkers: &[&Self]) -> MemberSet {
        talkers.iter().map(|talker| &talker.member).collect()
    }

    /// Waits until the session is as wanted.
    pub(crate) async fn until(&self, what: &str, ready: impl Fn(&mpenc::Session) -> bool) {
        let begin = Instant::now();
        while !self.session.view(&ready) {
            assert!(begin.elapsed() < PATIENCE, "{} waited in vain for {what}", self.member);
            assert!(self.session.closed().is_none(), "{:?}", self.session.closed());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until it is in the room; false if the channel gave up instead.
    pub(crate) async fn enters(&self) -> bool {
        let begin = Instant::now();
        while self.session.view(|session| session.channel_members().is_none()) {
            assert!(begin.elapsed() < PATIENCE, "{} waited in vain to enter", self.member);
            if self.session.closed().is_some() {
                return false;
            }
            sleep(Duration::from_millis(10)).await;
        }
        true
    }

    pub(crate) async fn until_members(&self, members: &MemberSet) {
        let what = format!("the session to consist of {members}");
        self.until(&what, |session| session.members() == *members && session.operation().is_none())
            .await;
    }

    pub(crate) async fn until_in_room(&self, members: &MemberSet) {
        let what = format!("the room to have {members}");
        self.until(&what, |session| session.channel_members() == Some(members)).await;
    }

    /// Says something, and waits until everybody is known to have it.
    pub(crate) async fn say(&self, text: &str) {
        let id = self.session.send(text).unwrap();
        let what = format!("everybody to have {text:?}");
        self.until(&what, |session| {
            session.message(&id).is_some_and(|message| message.fully_acked_at.is_some())
        })
        .await;
    }

    /// Who said what, in answer to what.
    pub(crate) fn transcript(&self) -> BTreeSet<String> {
        self.session.view(|session| {
            let messages =
                session.log().filter_map(|id| session.message(&id).map(|message| (id, message)));
            messages
                .map(|(id, message)| {
                    let parents: BTreeSet<_> =
                        message.parents.iter().map(|p| format!("{p:?}")).collect();
                    format!("{id:?} {} {:?} {parents:?}", message.author, message.text)
                })
                .collect()
        })
    }
}

/// Takes all in, the first one being the host, and waits until all are members.
pub(crate) async fn meet(talkers: &[&Talker]) {
    let Some((host, guests)) = talkers.split_first() else { return };
    host.session.join().await.unwrap();
    let joins: Vec<_> = guests.iter().map(|guest| guest.session.join()).collect();
    host.until_in_room(&Talker::names(talkers)).await;
    host.session.include(guests.iter().map(|guest| guest.member.clone())).await.unwrap();
    for join in joins {
        join.await.unwrap();
    }
    for talker in talkers {
        talker.until_members(&Talker::names(talkers)).await;
    }
}
