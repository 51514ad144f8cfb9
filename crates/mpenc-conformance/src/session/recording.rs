//! A session file, read.

use std::collections::BTreeMap;

use core::time::Duration;

use mpenc::Flow;
use mpenc_crypto::{PublicKey, SecretBytes, SigningKey, Suite, V1};
use mpenc_types::{MemberId, MemberSet};

use crate::json::{Checked, Node, member};

/// What both roles need; the rest stays in the file.
pub(super) struct Recording<'a> {
    pub(super) file: Node<'a>,
    pub(super) flow: Flow,
    pub(super) padding: usize,
    pub(super) members: BTreeMap<MemberId, Member<'a>>,
    pub(super) packets: Vec<Packet<'a>>,
    /// The total order; an event's `seq` is its place.
    pub(super) channel: Vec<Event<'a>>,
}

pub(super) struct Member<'a> {
    pub(super) seed: [u8; 32],
    pub(super) public: PublicKey,
    pub(super) auto_include: bool,
    pub(super) stay_if_last: bool,
    pub(super) steps: Vec<Node<'a>>,
    pub(super) last: Option<Node<'a>>,
}

/// A packet that somebody tried to send.
pub(super) struct Packet<'a> {
    pub(super) node: Node<'a>,
    pub(super) sender: MemberId,
    pub(super) wire: &'a str,
    pub(super) injected: bool,
}

pub(super) struct Event<'a> {
    pub(super) node: Node<'a>,
    pub(super) what: What,
}

pub(super) enum What {
    Packet { sender: MemberId, packet: usize, members: MemberSet },
    Members { enter: MemberSet, leave: MemberSet, before: MemberSet, after: MemberSet },
}

impl<'a> Recording<'a> {
    pub(super) fn read(file: &Node<'a>) -> Checked<Self> {
        let flow = file.get("flow")?;
        let millis = |key: &str| flow.get(key)?.number().map(Duration::from_millis);
        let steps = file.get("steps")?;
        let last = file.opt("final");
        let mut members = BTreeMap::new();
        for (name, node) in file.get("members")?.fields()? {
            let options = node.opt("options");
            let option = |key: &str| match options.as_ref().and_then(|options| options.opt(key)) {
                Some(option) => option.flag(),
                None => Ok(false),
            };
            if let Some(options) = &options {
                for (key, node) in options.fields()? {
                    if !["autoIncludeExtra", "stayIfLastMember"].contains(&key) {
                        return Err(node.fault("is an unknown option"));
                    }
                }
            }
            let seed = node.get("identity_seed")?.array()?;
            let identity = <V1 as Suite>::SigningKey::from_seed(&SecretBytes::new(seed));
            node.get("identity_pub")?.expect_hex(identity.public().as_bytes())?;
            let read = Member {
                seed,
                public: identity.public(),
                auto_include: option("autoIncludeExtra")?,
                stay_if_last: option("stayIfLastMember")?,
                steps: steps.list(name)?,
                last: last.as_ref().and_then(|last| last.opt(name)),
            };
            members.insert(member(name), read);
        }
        if let Some(n) = file.opt("n") {
            n.expect_number(members.len())?;
        }
        for (name, node) in steps.fields()? {
            if !members.contains_key(&member(name)) {
                return Err(node.fault("are the steps of nobody"));
            }
        }
        let mut packets = Vec::new();
        for node in file.list("packets")? {
            if let Some(index) = node.opt("index") {
                index.expect_number(packets.len())?;
            }
            packets.push(Packet {
                sender: node.get("sender")?.member()?,
                wire: node.get("pubtxt")?.text()?,
                injected: node.has("injected"),
                node,
            });
        }
        let mut channel = Vec::new();
        for node in file.list("channel_log")? {
            node.get("seq")?.expect_number(channel.len())?;
            channel.push(Event { what: What::read(&node, packets.len())?, node });
        }
        Ok(Self {
            flow: Flow {
                broadcast_latency: millis("broadcast_latency_ms")?,
                full_ack_interval: millis("full_ack_interval_ms")?,
                asynchronity: flow.get("asynchronity")?.size()?,
            },
            padding: file.get("padding")?.size()?,
            file: file.clone(),
            members,
            packets,
            channel,
        })
    }

    /// The entry of a list whose field holds its index.
    pub(super) fn packet(&self, index: &Node<'_>) -> Checked<&Packet<'a>> {
        self.packets.get(index.size()?).ok_or_else(|| index.fault("is no packet"))
    }

    pub(super) fn event(&self, seq: &Node<'_>) -> Checked<&Event<'a>> {
        self.channel.get(seq.size()?).ok_or_else(|| seq.fault("is not in the channel log"))
    }
}

impl What {
    fn read(node: &Node<'_>, packets: usize) -> Checked<Self> {
        let kind = node.get("type")?;
        match kind.text()? {
            "packet" => {
                let packet = node.get("packet")?;
                if packet.size()? >= packets {
                    return Err(packet.fault("is no packet"));
                }
                Ok(Self::Packet {
                    sender: node.get("sender")?.member()?,
                    packet: packet.size()?,
                    members: node.get("members")?.member_set()?,
                })
            }
            "members" => {
                let set = |key: &str| {
                    node.opt(key).map_or(Ok(MemberSet::new()), |node| node.member_set())
                };
                let (enter, leave) = (set("enter")?, set("leave")?);
                let (before, after) = (set("before")?, set("after")?);
                node.get("after")?.expect(&after, &before.difference(&leave).union(&enter))?;
                Ok(Self::Members { enter, leave, before, after })
            }
            other => Err(kind.fault(format!("is the unknown event `{other}`"))),
        }
    }
}
