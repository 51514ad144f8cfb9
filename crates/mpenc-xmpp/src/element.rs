//! What we write into the room and read from it, as XML.

use alloc::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mpenc::{MemberId, PublicKey};
use tokio_xmpp::Stanza;
use tokio_xmpp::jid::Jid;
use tokio_xmpp::minidom::Element;
use tokio_xmpp::parsers::iq::Iq;
use tokio_xmpp::parsers::message::{Id, Lang, Message, MessageType};
use tokio_xmpp::parsers::presence::{Presence, Type};

use crate::fragment::Fragment;
use crate::limits::MAX_PACKET_LEN;

/// The XML namespace of what we send: `packet`, with a piece of a packet in base64 and the
/// attributes `n` (the sender's number for the packet), `part` (from 0) and `of`; and `identity`,
/// in presence, with the attribute `key` (hexadecimal).
pub const NAMESPACE: &str = "urn:mpenc:room:0";

const CLIENT: &str = "jabber:client";
const MUC: &str = "http://jabber.org/protocol/muc";
const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
const MUC_ADMIN: &str = "http://jabber.org/protocol/muc#admin";
const MUC_OWNER: &str = "http://jabber.org/protocol/muc#owner";
const DATA: &str = "jabber:x:data";
const DELAY: &str = "urn:xmpp:delay";
const HINTS: &str = "urn:xmpp:hints";
const ENCRYPTED: &str = "urn:xmpp:eme:0";
const PING: &str = "urn:xmpp:ping";
const CONDITIONS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// What people see whose program does not know mpENC.
const BODY: &str = "[encrypted with mpENC, which this program does not know]";

fn element(name: &str, namespace: &str, attributes: &[(&str, &str)]) -> Element {
    let builder = Element::builder(name, namespace);
    attributes
        .iter()
        .fold(builder, |builder, (name, value)| match (*name).try_into() {
            Ok(name) => builder.attr(name, *value),
            // All names are ours and well formed.
            Err(_) => builder,
        })
        .build()
}

/// Asks to be let into the room.
pub(crate) fn enter(occupant: Jid, key: &PublicKey, password: Option<&str>) -> Stanza {
    let mut muc = element("x", MUC, &[]);
    muc.append_child(element("history", MUC, &[("maxstanzas", "0")]));
    if let Some(password) = password {
        let mut child = element("password", MUC, &[]);
        child.append_text_node(password);
        muc.append_child(child);
    }
    let identity = element("identity", NAMESPACE, &[("key", &hex::encode(key.as_bytes()))]);
    Presence::available().with_to(occupant).with_payloads(vec![muc, identity]).into()
}

/// Leaves the room.
pub(crate) fn leave(occupant: Jid) -> Stanza {
    Presence::unavailable().with_to(occupant).into()
}

/// One piece of a packet, for everybody.
pub(crate) fn packet(room: Jid, fragment: &Fragment) -> Stanza {
    let Fragment { packet, index, count, bytes } = fragment;
    let mut payload = element(
        "packet",
        NAMESPACE,
        &[("n", &packet.to_string()), ("part", &index.to_string()), ("of", &count.to_string())],
    );
    payload.append_text_node(STANDARD.encode(bytes));
    let mut message = Message::groupchat(room);
    message.id = Some(Id(packet_id(*packet)));
    message.payloads = vec![payload, element("no-store", HINTS, &[])];
    if *index == 0 {
        message.bodies.insert(Lang::new(), BODY.to_owned());
        let method = [("namespace", NAMESPACE), ("name", "mpENC")];
        message.payloads.push(element("encryption", ENCRYPTED, &method));
    }
    message.into()
}

fn packet_id(packet: u64) -> String {
    format!("mpenc-{packet}")
}

/// The packet that a message of ours was a piece of, by its identifier.
pub(crate) fn packet_of(message: &Message) -> Option<u64> {
    message.id.as_ref()?.0.strip_prefix("mpenc-")?.parse().ok()
}

/// Asks a new room to show everybody's address, and to be used otherwise as it is.
pub(crate) fn configure(room: Jid, id: &str) -> Stanza {
    let field = |name: &str, text: &str| {
        let mut value = element("value", DATA, &[]);
        value.append_text_node(text);
        let mut field = element("field", DATA, &[("var", name)]);
        field.append_child(value);
        field
    };
    let mut form = element("x", DATA, &[("type", "submit")]);
    form.append_child(field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig"));
    form.append_child(field("muc#roomconfig_whois", "anyone"));
    let mut query = element("query", MUC_OWNER, &[]);
    query.append_child(form);
    Iq::Set { from: None, to: Some(room), id: id.to_owned(), payload: query }.into()
}

/// Asks the room to remove somebody.
pub(crate) fn kick(room: Jid, nick: &str, id: &str) -> Stanza {
    let mut query = element("query", MUC_ADMIN, &[]);
    query.append_child(element("item", MUC_ADMIN, &[("nick", nick), ("role", "none")]));
    Iq::Set { from: None, to: Some(room), id: id.to_owned(), payload: query }.into()
}

/// Asks the room to ask somebody in.
pub(crate) fn invite(room: Jid, whom: &str) -> Stanza {
    let mut user = element("x", MUC_USER, &[]);
    user.append_child(element("invite", MUC_USER, &[("to", whom)]));
    let mut message = Message::normal(room);
    message.payloads = vec![user];
    message.into()
}

/// Asks ourselves through the room whether we are in it (XEP-0410).
pub(crate) fn ping(occupant: Jid, id: &str) -> Stanza {
    let payload = element("ping", PING, &[]);
    Iq::Get { from: None, to: Some(occupant), id: id.to_owned(), payload }.into()
}

/// Answers a question: a ping, or anything else, which we know nothing of.
pub(crate) fn answer(from: Option<Jid>, id: String, question: &Element) -> Stanza {
    if question.is("ping", PING) {
        return Iq::Result { from: None, to: from, id, payload: None }.into();
    }
    let error = tokio_xmpp::parsers::stanza_error::StanzaError::new(
        tokio_xmpp::parsers::stanza_error::ErrorType::Cancel,
        tokio_xmpp::parsers::stanza_error::DefinedCondition::ServiceUnavailable,
        "en",
        "",
    );
    Iq::Error { from: None, to: from, id, error, payload: None }.into()
}

/// Why something was refused: the name of the condition, and whether waiting may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) condition: String,
    pub(crate) wait: bool,
    pub(crate) text: String,
}

impl Refusal {
    fn read(error: &Element) -> Self {
        let mut found = Self {
            condition: "undefined-condition".to_owned(),
            wait: error.attr("type") == Some("wait"),
            text: String::new(),
        };
        for child in error.children().filter(|child| child.has_ns(CONDITIONS)) {
            if child.name() == "text" {
                found.text = crate::error::printable(&child.text());
            } else {
                child.name().clone_into(&mut found.condition);
            }
        }
        found
    }

    fn find(payloads: &[Element]) -> Option<Self> {
        payloads.iter().find(|child| child.is("error", CLIENT)).map(Self::read)
    }
}

/// What a presence from the room says.
#[derive(Debug, Default)]
pub(crate) struct Occupancy {
    /// Status codes of XEP-0045.
    pub(crate) codes: BTreeSet<u16>,
    /// The real address, if the room shows it.
    pub(crate) address: Option<String>,
    /// The new nickname of somebody who changes it.
    pub(crate) nick: Option<String>,
    /// The identity key that the occupant presents.
    pub(crate) key: Option<PublicKey>,
    /// The room is gone, and why.
    pub(crate) destroyed: Option<String>,
    /// What people were told about the end of the stay.
    pub(crate) reason: Option<String>,
}

impl Occupancy {
    fn read(payloads: &[Element]) -> Self {
        let mut found = Self::default();
        for user in payloads.iter().filter(|child| child.is("x", MUC_USER)) {
            for child in user.children().filter(|child| child.has_ns(MUC_USER)) {
                match child.name() {
                    "status" => found.codes.extend(number::<u16>(child, "code")),
                    "item" => {
                        found.address = child.attr("jid").map(str::to_owned);
                        found.nick = child.attr("nick").map(str::to_owned);
                        found.reason = child.get_child("reason", MUC_USER).map(Element::text);
                    }
                    "destroy" => {
                        let reason = child.get_child("reason", MUC_USER).map(Element::text);
                        found.destroyed = Some(reason.unwrap_or_default());
                    }
                    _ => {}
                }
            }
        }
        let identity = payloads.iter().find(|child| child.is("identity", NAMESPACE));
        let mut key = [0; 32];
        if let Some(text) = identity.and_then(|child| child.attr("key"))
            && hex::decode_to_slice(text, &mut key).is_ok()
        {
            found.key = Some(PublicKey::new(key));
        }
        found
    }
}

/// What a presence means.
#[derive(Debug)]
pub(crate) enum Seen {
    Here(Occupancy),
    Gone(Occupancy),
    Refused(Refusal),
    Other,
}

pub(crate) fn read_presence(presence: &Presence) -> Seen {
    match presence.type_ {
        Type::None => Seen::Here(Occupancy::read(&presence.payloads)),
        Type::Unavailable => Seen::Gone(Occupancy::read(&presence.payloads)),
        Type::Error => Refusal::find(&presence.payloads).map_or(Seen::Other, Seen::Refused),
        Type::Probe
        | Type::Subscribe
        | Type::Subscribed
        | Type::Unsubscribe
        | Type::Unsubscribed => Seen::Other,
    }
}

/// What a message from the room means.
#[derive(Debug)]
pub(crate) enum Said {
    Packet(Fragment),
    /// A message of ours was refused.
    Refused(Refusal),
    /// The room has changed.
    Changed(BTreeSet<u16>),
    /// Somebody speaks in the open, or something else that is not for us.
    Other,
    Malformed(&'static str),
}

pub(crate) fn read_message(message: &Message) -> Said {
    if message.type_ == MessageType::Error {
        return Refusal::find(&message.payloads).map_or(Said::Other, Said::Refused);
    }
    if message.type_ != MessageType::Groupchat {
        return Said::Other;
    }
    let codes = Occupancy::read(&message.payloads).codes;
    if !codes.is_empty() {
        return Said::Changed(codes);
    }
    let mut packets = message.payloads.iter().filter(|child| child.is("packet", NAMESPACE));
    let Some(packet) = packets.next() else { return Said::Other };
    if packets.next().is_some() {
        return Said::Malformed("two packets in one message");
    }
    let numbers = (number(packet, "n"), number(packet, "part"), number(packet, "of"));
    let (Some(n), Some(index), Some(count)) = numbers else {
        return Said::Malformed("a number is missing");
    };
    let text = packet.text();
    if text.len() / 4 > MAX_PACKET_LEN {
        return Said::Malformed("it is too large");
    }
    match STANDARD.decode(text) {
        Ok(bytes) => Said::Packet(Fragment { packet: n, index, count, bytes }),
        Err(_) => Said::Malformed("it is not base64"),
    }
}

/// Whether a message may have been said before we came (XEP-0203): somebody has kept it back, and
/// not our own server, which keeps what a broken connection could not bring us.
pub(crate) fn is_old(message: &Message, owner: &MemberId) -> bool {
    let mut delays = message.payloads.iter().filter(|child| child.is("delay", DELAY)).peekable();
    if delays.peek().is_none() {
        return false;
    }
    let owner: Option<Jid> =
        core::str::from_utf8(owner.as_bytes()).ok().and_then(|owner| owner.parse().ok());
    let by_our_server = |delay: &Element| {
        let from: Option<Jid> = delay.attr("from").and_then(|from| from.parse().ok());
        from.zip(owner.as_ref()).is_some_and(|(from, owner)| {
            from.domain() == owner.domain()
                && (from.node().is_none() || from.node() == owner.node())
        })
    };
    !delays.all(by_our_server)
}

/// Whether a message ends what the room tells of its past to whoever enters: the subject, which
/// comes after that, or something new.
pub(crate) fn ends_the_past(message: &Message, is_old: bool) -> bool {
    let is_subject = !message.subjects.is_empty() && message.bodies.is_empty();
    message.type_ == MessageType::Groupchat && (is_subject || !is_old)
}

fn number<T: core::str::FromStr>(element: &Element, name: &str) -> Option<T> {
    element.attr(name)?.parse().ok()
}

/// The answer to one of our questions.
#[derive(Debug)]
pub(crate) enum Answer {
    Yes,
    No(Refusal),
}

/// The identifier of an answer and what it says; `None` if it is a question.
pub(crate) fn read_answer(iq: &Iq) -> Option<(&str, Answer)> {
    match iq {
        Iq::Result { id, .. } => Some((id, Answer::Yes)),
        Iq::Error { id, error, .. } => Some((id, Answer::No(Refusal::read(&error.clone().into())))),
        Iq::Get { .. } | Iq::Set { .. } => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn message(xml: &str) -> Message {
        let element: Element = xml.parse().unwrap();
        Message::try_from(element).unwrap()
    }

    fn fragment() -> Fragment {
        Fragment { packet: 5, index: 0, count: 2, bytes: vec![1, 2, 3] }
    }

    fn sent(fragment: &Fragment) -> Message {
        let stanza = packet("tea@rooms.example".parse().unwrap(), fragment);
        Message::try_from(stanza).unwrap()
    }

    #[test]
    fn a_piece_is_read_as_it_was_written() {
        let message = sent(&fragment());
        assert_eq!(message.bodies.len(), 1, "other programs have something to show");
        assert_eq!(packet_of(&message), Some(5));
        let Said::Packet(found) = read_message(&message) else { panic!("{message:?}") };
        assert_eq!(found, fragment());
        let later = sent(&Fragment { index: 1, ..fragment() });
        assert!(later.bodies.is_empty(), "once for each packet");
    }

    #[test]
    fn what_was_kept_back_by_our_server_is_not_old() {
        let owner = MemberId::new("alice@example.org/mpenc").unwrap();
        let kept = |by: &[&str]| {
            let mut message = sent(&fragment());
            for by in by {
                let from = [("stamp", "2026-01-01T00:00:00Z"), ("from", *by)];
                let from = if by.is_empty() { &from[..1] } else { &from };
                message.payloads.push(element("delay", DELAY, from));
            }
            is_old(&message, &owner)
        };
        assert!(!kept(&[]));
        // As Prosody and ejabberd do it for a stream that is resumed.
        assert!(!kept(&["alice@example.org"]) && !kept(&["example.org"]));
        for by in ["", "tea@rooms.example.org", "bob@example.org", "alice@elsewhere.example", "@"] {
            assert!(kept(&[by]) && kept(&["example.org", by]), "{by}");
        }
    }

    #[test]
    fn what_is_foreign_is_told_apart() {
        let plain =
            message("<message xmlns='jabber:client' type='groupchat'><body>hi</body></message>");
        assert!(matches!(read_message(&plain), Said::Other));
        let private =
            message("<message xmlns='jabber:client' type='chat'><body>hi</body></message>");
        assert!(matches!(read_message(&private), Said::Other));
        let twice = {
            let mut message = sent(&fragment());
            message.payloads.extend(sent(&fragment()).payloads);
            message
        };
        assert!(matches!(read_message(&twice), Said::Malformed(_)));
        let wrong = message(
            "<message xmlns='jabber:client' type='groupchat'>\
             <packet xmlns='urn:mpenc:room:0' n='1' part='0' of='1'>!</packet></message>",
        );
        assert!(matches!(read_message(&wrong), Said::Malformed("it is not base64")));
    }

    #[test]
    fn presence_tells_who_is_behind_a_nickname() {
        let xml = "<presence xmlns='jabber:client' from='tea@rooms.example/x'>\
            <x xmlns='http://jabber.org/protocol/muc#user'>\
            <item affiliation='none' role='participant' jid='alice@example.org/mpenc'/>\
            <status code='100'/><status code='110'/><status code='999'/></x>\
            <identity xmlns='urn:mpenc:room:0' \
            key='0101010101010101010101010101010101010101010101010101010101010101'/></presence>";
        let presence = Presence::try_from(xml.parse::<Element>().unwrap()).unwrap();
        let Seen::Here(seen) = read_presence(&presence) else { panic!("{presence:?}") };
        assert_eq!(seen.address.as_deref(), Some("alice@example.org/mpenc"));
        assert_eq!(seen.codes, BTreeSet::from([100, 110, 999]));
        assert_eq!(seen.key, Some(PublicKey::new([1; 32])));
    }
}
