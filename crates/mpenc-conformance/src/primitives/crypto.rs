//! Session identifiers, group keys, group key agreement, session signatures.

use std::collections::BTreeMap;

use mpenc_crypto::{
    GroupDiffieHellman, PublicKey, SecretBytes, Signature, SigningKey, Suite, V1, VerifyingKey,
};
use mpenc_greeting::hazmat::{self, Claim, List};
use mpenc_types::SubsessionId;

use crate::draws::Draws;
use crate::json::{Checked, Node};
use crate::report::Tally;

type Element = <V1 as GroupDiffieHellman>::Element;
type Shares = <V1 as GroupDiffieHellman>::Accumulated;

pub(super) fn session_id(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("cases")? {
        tally.case("session ids", |_| sid(&case).map(|_| ()));
    }
    Ok(())
}

/// The `sid` of members and nonces, held against the recorded one, in either order.
fn sid(case: &Node<'_>) -> Checked<SubsessionId> {
    let mut members = case.get("members")?.hex_members()?;
    let mut nonces = nonces(case)?;
    if let Some(names) = case.opt("members_text") {
        names.expect(&names.members()?, &members)?;
    }
    case.get("nonces")?.expect(&members.len(), &nonces.len())?;
    let found = hazmat::session_id::<V1>(&members, &nonces);
    case.get("sid")?.expect_hex(found.as_bytes())?;
    members.reverse();
    nonces.reverse();
    case.get("sid")?.expect_hex(hazmat::session_id::<V1>(&members, &nonces).as_bytes())?;
    Ok(found)
}

fn nonces(case: &Node<'_>) -> Checked<Vec<[u8; 32]>> {
    case.get("nonces")?.items()?.iter().map(Node::array).collect()
}

pub(super) fn group_key(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("cases")? {
        tally.case("group keys", |_| {
            let secret = case.get("cardinal_key")?.array()?;
            let info = case.get("info")?.text()?;
            let key = case.get("group_key")?;
            let found = mpenc_crypto::hazmat::derive_v1(&secret, info.as_bytes());
            key.expect_hex(found.expose())?;
            // A random string need not be a group element.
            match <V1 as GroupDiffieHellman>::import(&secret) {
                Ok(element) if info == "mpenc group key" => {
                    key.expect_hex(V1::group_key(element).expose())
                }
                Ok(_) | Err(_) => Ok(()),
            }
        });
    }
    Ok(())
}

pub(super) fn cliques(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("cases")? {
        let mut group = Group::default();
        for operation in case.list("log")? {
            if let Err(fault) = group.replay(&operation, tally) {
                // What follows builds on it.
                tally.fault(fault);
                break;
            }
        }
    }
    Ok(())
}

#[derive(Default)]
struct Group {
    members: Vec<String>,
    keys: Vec<Element>,
    shares: BTreeMap<String, Shares>,
    /// Contributions in the order drawn, as recorded.
    drawn: BTreeMap<String, Vec<String>>,
}

impl Group {
    fn replay(&mut self, operation: &Node<'_>, tally: &mut Tally) -> Checked {
        let start = operation.get("op")?.text()? == "start";
        let packets = operation.get("packets")?.items()?;
        let Some((first, rest)) = packets.split_first() else {
            return Err(operation.fault_at("packets", "is empty"));
        };
        let former = core::mem::take(&mut self.members);
        let members = first.get("message")?.get("members")?;
        for member in members.items()? {
            self.members.push(member.text()?.to_owned());
        }
        let by = first.get("by")?.text()?;
        self.describe(operation, &packets, &former)?;
        let mut draws = draw(first)?;
        let list = if start {
            hazmat::begin::<V1>(&mut draws)
        } else {
            let stays = |(member, _): &(&String, &Element)| self.members.contains(member);
            let kept = former.iter().zip(&self.keys).filter(stays).map(|(_, key)| key.clone());
            let shares =
                self.shares.get(by).ok_or_else(|| first.fault_at("by", "has no shares"))?;
            let own = self.position(by, first)?;
            hazmat::renew::<V1>(&mut draws, kept.collect(), own, shares)
        };
        let list = list.map_err(|_| first.fault("cannot be computed"))?;
        let (mut keys, mut cardinal) = self.sent(first, by, start, draws, list)?;
        tally.count("packets");
        for packet in rest {
            let by = packet.get("by")?.text()?;
            let mut draws = draw(packet)?;
            let list = hazmat::take_part::<V1>(&mut draws, &keys, &cardinal)
                .map_err(|_| packet.fault("cannot be computed"))?;
            // Whoever takes part is new: its earlier shares are of an earlier membership.
            (keys, cardinal) = self.sent(packet, by, true, draws, list)?;
            tally.count("packets");
        }
        self.keys = keys;
        for (member, state) in operation.get("state")?.fields()? {
            self.compare(member, &state)?;
            tally.count("states");
        }
        Ok(())
    }

    /// That what is said about an operation fits its packets.
    fn describe(&self, operation: &Node<'_>, packets: &[Node<'_>], former: &[String]) -> Checked {
        let names = |node: &Node<'_>| -> Checked<Vec<String>> {
            node.items()?.iter().map(|name| name.text().map(str::to_owned)).collect()
        };
        let list = |key: &str| operation.opt(key).map_or(Ok(Vec::new()), |node| names(&node));
        let op = operation.get("op")?;
        let initiator = operation.get("initiator")?.text()?.to_owned();
        let who = list("who")?;
        let (next, agreement) = match op.text()? {
            "start" => ([vec![initiator.clone()], list("others")?].concat(), "ika"),
            "include" => ([former.to_vec(), who].concat(), "aka"),
            "exclude" => {
                (former.iter().filter(|member| !who.contains(member)).cloned().collect(), "aka")
            }
            "refresh" => (former.to_vec(), "aka"),
            other => return Err(op.fault(format!("is the unknown operation `{other}`"))),
        };
        let mut sender = Some(initiator);
        for (at, packet) in packets.iter().enumerate() {
            let message = packet.get("message")?;
            let members = message.get("members")?;
            members.expect(&names(&members)?, &next)?;
            let by = packet.get("by")?;
            by.expect(&Some(by.text()?), &sender.as_deref())?;
            message.get("source")?.expect_text(by.text()?.as_bytes())?;
            message.get("agreement")?.expect_text(agreement.as_bytes())?;
            let last = at + 1 == packets.len();
            message.get("flow")?.expect_text(if last { b"down" } else { b"up" })?;
            let own = next.iter().position(|member| Some(member) == sender.as_ref());
            // The first packet of an inclusion goes to the first new member.
            let to = match (op.text()?, at) {
                ("include", 0) => former.len(),
                _ => own.map_or(0, |own| own + 1),
            };
            let dest = if last { None } else { next.get(to).cloned() };
            message.get("dest")?.expect_text(dest.as_deref().unwrap_or("").as_bytes())?;
            sender = dest;
        }
        Ok(())
    }

    /// Compares a packet, and keeps what its sender knows now.
    fn sent(
        &mut self,
        packet: &Node<'_>,
        by: &str,
        anew: bool,
        mut draws: Draws,
        list: List<V1>,
    ) -> Checked<(Vec<Element>, Element)> {
        draws.finish()?;
        let message = packet.get("message")?;
        let mut keys = list.keys.clone();
        if message.get("flow")?.text()? == "up" {
            keys.push(list.cardinal.clone());
        }
        let expected = message.get("int_keys")?;
        expected.expect(&expected.items()?.len(), &keys.len())?;
        for (expected, key) in expected.items()?.iter().zip(&keys) {
            expect_element(expected, key)?;
        }
        let List { keys, cardinal, shares } = list;
        let drawn = self.drawn.entry(by.to_owned()).or_default();
        if anew {
            drawn.clear();
        }
        drawn.push(packet.get("priv")?.text()?.to_owned());
        self.shares.insert(by.to_owned(), shares);
        Ok((keys, cardinal))
    }

    fn position(&self, member: &str, at: &Node<'_>) -> Checked<usize> {
        let place = self.members.iter().position(|other| other == member);
        place.ok_or_else(|| at.fault(format!("{member} is not among the members")))
    }

    fn compare(&self, member: &str, state: &Node<'_>) -> Checked {
        let Some(own) = self.members.iter().position(|other| other == member) else {
            // Excluded: it keeps what it had.
            return Ok(());
        };
        let members = state.get("members")?;
        let recorded: Vec<&str> =
            members.items()?.iter().map(Node::text).collect::<Checked<_>>()?;
        members.expect(&recorded, &self.members.iter().map(String::as_str).collect())?;
        let keys = state.get("int_keys")?;
        keys.expect(&keys.items()?.len(), &self.keys.len())?;
        for (expected, key) in keys.items()?.iter().zip(&self.keys) {
            expect_element(expected, key)?;
        }
        let shares = state.get("dh_privs")?;
        let recorded: Vec<&str> = shares.items()?.iter().map(Node::text).collect::<Checked<_>>()?;
        let none = Vec::new();
        let drawn: Vec<&str> =
            self.drawn.get(member).unwrap_or(&none).iter().map(String::as_str).collect();
        shares.expect(&recorded, &drawn)?;
        let (Some(folded), Some(own_key)) = (self.shares.get(member), self.keys.get(own)) else {
            return Err(state.fault("has no shares"));
        };
        let key = hazmat::group_key::<V1>(folded, own_key)
            .map_err(|_| state.fault_at("group_key", "cannot be computed"))?;
        state.get("group_key")?.expect_hex(key.expose())
    }
}

fn draw(packet: &Node<'_>) -> Checked<Draws> {
    let mut draws = Draws::default();
    draws.push(&packet.get("priv")?)?;
    Ok(draws)
}

/// `""` is the base point.
fn expect_element(expected: &Node<'_>, found: &Element) -> Checked {
    if expected.text()?.is_empty() {
        return expected.expect(&true, &(*found == V1::base()));
    }
    expected.expect_hex(&V1::export(found))
}

pub(super) fn ske(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("cases")? {
        tally.case("session ids", |_| sid(&case).map(|_| ()));
        for signer in case.list("signers")? {
            tally.case("session signatures", |_| session_signature(&case, &signer));
        }
    }
    Ok(())
}

fn session_signature(case: &Node<'_>, signer: &Node<'_>) -> Checked {
    let members = case.get("members")?.hex_members()?;
    let member = signer.get("member")?.hex_member()?;
    let at = members.iter().position(|other| *other == member);
    let at = at.ok_or_else(|| signer.fault_at("member", "is not among the members"))?;
    let keys = case.get("eph_pubs")?.items()?;
    let key = keys.get(at).ok_or_else(|| case.fault_at("eph_pubs", "is too short"))?.array()?;
    let (key, nonces) = (PublicKey::new(key), nonces(case)?);
    let nonce = nonces.get(at).ok_or_else(|| case.fault_at("nonces", "is too short"))?;
    let sid = sid(case)?;

    let authenticator =
        [b"acksig", member.as_bytes(), key.as_bytes(), nonce, sid.as_bytes()].concat();
    signer.get("authenticator")?.expect_hex(&authenticator)?;
    signer.get("authenticator_sha256")?.expect_hex(&V1::hash(&[&authenticator]))?;

    let seed = SecretBytes::new(signer.get("identity_seed")?.array()?);
    let identity = <V1 as Suite>::SigningKey::from_seed(&seed);
    signer.get("identity_pub")?.expect_hex(identity.public().as_bytes())?;
    let claim = Claim { member: &member, key: &key, nonce, sid: &sid };
    let recorded = signer.get("session_signature")?;
    recorded.expect_hex(claim.sign::<V1>(&identity).as_bytes())?;
    let public = <V1 as Suite>::VerifyingKey::import(&identity.public())
        .map_err(|_| signer.fault_at("identity_pub", "is refused"))?;
    claim
        .verify::<V1>(&public, &Signature::new(recorded.array()?))
        .map_err(|_| recorded.fault("does not verify"))
}
