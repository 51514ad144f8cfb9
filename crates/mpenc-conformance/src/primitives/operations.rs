//! Whole membership operations without a session around them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mpenc_crypto::{GroupDiffieHellman, PublicKey, SecretBytes, SigningKey, Suite, V1};
use mpenc_greeting::hazmat;
use mpenc_greeting::{
    CliquesGreeter, Greeter, GreetingReject, Inspection, Metadata, Outcome, SubsessionKeys,
};
use mpenc_packet::v1::{self, Packet};
use mpenc_types::{ChainHash, MemberId, MemberSet, PacketId};

use super::packets::greeting_descriptions;
use crate::departures::Departure;
use crate::draws::Draws;
use crate::json::{Checked, Node, member};
use crate::report::Tally;

type Key = <V1 as Suite>::SigningKey;

/// One member of a group without sessions.
struct Member {
    greeter: CliquesGreeter<V1>,
    draws: Draws,
    keys: Option<SubsessionKeys>,
    completed: bool,
    outbox: VecDeque<Vec<u8>>,
}

impl Member {
    fn new(name: &MemberId, seed: &Node<'_>, public: Option<&Node<'_>>) -> Checked<Self> {
        let identity = Key::from_seed(&SecretBytes::new(seed.array()?));
        if let Some(public) = public {
            public.expect_hex(identity.public().as_bytes())?;
        }
        Ok(Self {
            greeter: CliquesGreeter::new(name.clone(), Arc::new(identity)),
            draws: Draws::default(),
            keys: None,
            completed: false,
            outbox: VecDeque::new(),
        })
    }

    /// Takes one packet without a server order: whatever is initial is started.
    fn deliver(&mut self, from: &MemberId, wire: &[u8]) -> Result<Inspection, GreetingReject> {
        let inspection = self.greeter.inspect(from, wire)?;
        let progress = match &inspection {
            Inspection::Initial(_) => self.greeter.start(&mut self.draws, from, wire)?,
            Inspection::Final | Inspection::Middle => {
                self.greeter.handle(&mut self.draws, from, wire)?
            }
        };
        self.outbox.extend(progress.outgoing.into_iter().map(|outgoing| outgoing.packet));
        if let Outcome::Complete(staged) = progress.outcome {
            self.keys = self.greeter.merge(staged);
            self.completed = true;
        }
        Ok(inspection)
    }
}

fn metadata(operation: &Node<'_>) -> Checked<Metadata> {
    let mut heads =
        operation.list("latest_pm")?.iter().map(Node::message_id).collect::<Checked<Vec<_>>>()?;
    heads.sort_unstable();
    Ok(Metadata {
        prev_final: PacketId::new(operation.get("prev_pf")?.array()?),
        prev_chain: ChainHash::new(operation.get("prev_ch")?.array()?),
        heads,
    })
}

pub(super) fn whole(file: &Node<'_>, tally: &mut Tally) -> Checked {
    for case in file.list("cases")? {
        let mut group = BTreeMap::new();
        let mut public = Vec::new();
        for (name, identity) in case.get("identities")?.fields()? {
            let name = member(name);
            let key = identity.get("identity_pub")?;
            let seed = identity.get("identity_seed")?;
            group.insert(name.clone(), Member::new(&name, &seed, Some(&key))?);
            public.push((name, PublicKey::new(key.array()?)));
        }
        for member in group.values_mut() {
            for (name, key) in &public {
                member.greeter.set_identity(name, Some(*key));
            }
        }
        for operation in case.list("ops")? {
            if let Err(fault) = replay(&mut group, &operation, tally) {
                // What follows builds on it.
                tally.fault(fault);
                break;
            }
            tally.count("operations");
        }
    }
    Ok(())
}

fn replay(
    group: &mut BTreeMap<MemberId, Member>,
    operation: &Node<'_>,
    tally: &mut Tally,
) -> Checked {
    let next = operation.get("next_members")?.member_set()?;
    let by = operation.get("by")?.member()?;
    for (name, draws) in operation.get("random")?.fields()? {
        let member = group.get_mut(&member(name)).ok_or_else(|| draws.fault("has no identity"))?;
        member.draws.extend(&draws.items()?)?;
    }
    let initiator =
        group.get_mut(&by).ok_or_else(|| operation.fault_at("by", "has no identity"))?;
    let packet = initiator
        .greeter
        .propose(&mut initiator.draws, &next, metadata(operation)?)
        .map_err(|error| operation.fault(format!("is not proposed: {error}")))?;
    initiator.outbox.push_back(packet);
    // The recorded order of sending is the order on the channel.
    for packet in operation.get("packets")?.items()? {
        let from = packet.get("from")?.member()?;
        let wire = packet.get("wire")?;
        let sender = group.get_mut(&from).ok_or_else(|| wire.fault("has no known sender"))?;
        let ours = sender.outbox.pop_front().ok_or_else(|| wire.fault("was not sent"))?;
        wire.expect_text(&ours)?;
        describe(&packet, &ours)?;
        tally.count("packets");
        for member in group.values_mut() {
            // Whoever is not concerned refuses it.
            let _ = member.deliver(&from, &ours);
        }
    }
    for (name, member) in &mut *group {
        if !member.outbox.is_empty() {
            return Err(operation.fault(format!("{name} sent more than is recorded")));
        }
        member.draws.finish()?;
    }
    outcome(group, operation, &next)?;
    for (name, member) in group {
        member.completed = false;
        if !next.contains(name) {
            member.greeter.reset();
            member.keys = None;
        }
    }
    Ok(())
}

/// What every member holds afterwards.
fn outcome(group: &BTreeMap<MemberId, Member>, operation: &Node<'_>, next: &MemberSet) -> Checked {
    let members = operation.get("members")?;
    members.expect(&members.member_set()?, next)?;
    for name in next {
        let member = group.get(name).ok_or_else(|| members.fault("has no identity"))?;
        members.expect(&true, &member.completed)?;
        members.expect(next, &member.greeter.members())?;
        if next.len() < 2 {
            continue;
        }
        let keys = member.keys.as_ref().ok_or_else(|| members.fault("has no keys"))?;
        operation.get("sid")?.expect_hex(keys.sid.as_bytes())?;
        operation.get("group_key")?.expect_hex(keys.secret.expose())?;
        let recorded = operation.get("eph_pubs")?;
        let found: BTreeMap<_, _> = keys.authors.iter().map(|(name, key)| (name, key)).collect();
        recorded.expect(&recorded.items()?.len(), &found.len())?;
        for (name, key) in members.members()?.iter().zip(recorded.items()?) {
            key.expect(&Some(&PublicKey::new(key.array()?)), &found.get(name).copied())?;
        }
        let own = operation.opt("secrets").and_then(|secrets| secrets.opt(&name.to_string()));
        if let Some(own) = own {
            own_secrets(operation, &own, name, keys)?;
        }
    }
    Ok(())
}

/// The fields of a packet that are listed beside it.
fn describe(packet: &Node<'_>, wire: &[u8]) -> Checked {
    let found = match v1::decode(wire) {
        Ok(Packet::Greeting(found)) => found,
        other => return Err(packet.fault(format!("is no greeting packet: {other:?}"))),
    };
    let fields = found.peek().fields();
    if let Some(number) = packet.opt("greet_type") {
        number.expect_number(usize::from(fields.greet_type.to_u16()))?;
    }
    if let Some(dest) = packet.opt("dest") {
        let expected = Some(dest.member()?).filter(|dest| !dest.as_bytes().is_empty());
        dest.expect(&expected, &fields.dest)?;
    }
    if let Some(members) = packet.opt("members") {
        members.expect(&members.members()?, &fields.members)?;
    }
    greeting_descriptions(packet, fields.greet_type, wire)
}

/// A member's secrets give what everybody has.
fn own_secrets(
    operation: &Node<'_>,
    own: &Node<'_>,
    name: &MemberId,
    keys: &SubsessionKeys,
) -> Checked {
    let members = operation.get("members")?.members()?;
    let at = members.iter().position(|member| member == name);
    let of = |key: &str| -> Checked<Option<[u8; 32]>> {
        let list = operation.list(key)?;
        at.and_then(|at| list.get(at)).map(Node::array).transpose()
    };
    if let Some(public) = own.opt("eph_pub") {
        public.expect_hex(keys.signer.public().as_bytes())?;
    }
    if let Some(seed) = own.opt("eph_seed") {
        let public = Key::from_seed(&SecretBytes::new(seed.array()?)).public();
        seed.expect(&keys.signer.public(), &public)?;
    }
    if let Some(sid) = own.opt("sid") {
        sid.expect_hex(keys.sid.as_bytes())?;
    }
    if let Some(nonce) = own.opt("nonce") {
        nonce.expect(&Some(nonce.array()?), &of("nonces")?)?;
    }
    if let Some(key) = own.opt("group_key") {
        key.expect_hex(keys.secret.expose())?;
    }
    let (Some(shares), Some(int_key)) = (own.opt("dh_privs"), of("int_keys")?) else {
        return Ok(());
    };
    let int_key = <V1 as GroupDiffieHellman>::import(&int_key)
        .map_err(|_| operation.fault_at("int_keys", "has what is no group element"))?;
    let found = hazmat::group_key::<V1>(&folded(&shares)?, &int_key)
        .map_err(|_| shares.fault("gives no group key"))?;
    shares.expect(&hex::encode(keys.secret.expose()), &hex::encode(found.expose()))
}

/// All contributions of a list, the oldest first.
pub(crate) fn folded(shares: &Node<'_>) -> Checked<<V1 as GroupDiffieHellman>::Accumulated> {
    let mut all = None;
    for share in shares.items()? {
        let mut draws = Draws::default();
        draws.push(&share)?;
        let contribution = V1::contribute(&mut draws);
        draws.finish()?;
        all = Some(V1::fold(all.as_ref(), &contribution));
    }
    all.ok_or_else(|| shares.fault("is empty"))
}

/// What the protocol expects of bad packets, not what the original does with them.
pub(super) fn negative(file: &Node<'_>, tally: &mut Tally) -> Checked {
    let members = file.opt("members").map(|members| members.members()).transpose()?;
    for case in file.list("cases")? {
        tally.case("cases", |tally| {
            let found = last_delivery(&case, members.as_deref())?;
            let expect = case.get("expect")?;
            let reference = case.opt("reference");
            match (expect.text()?, &found) {
                ("accept", Ok(_)) | ("either", _) => Ok(()),
                ("reject", Err(_)) => {
                    if let Some(reference) = reference
                        && reference.text()? == "accepted"
                    {
                        tally.depart(Departure::BadGreeting);
                    }
                    Ok(())
                }
                ("accept", Err(reject)) => {
                    Err(expect.fault(format!("the last packet is refused: {reject}")))
                }
                ("reject", Ok(_)) => Err(expect.fault("the last packet is accepted")),
                (other, _) => Err(expect.fault(format!("is the unknown expectation `{other}`"))),
            }
        });
    }
    Ok(())
}

/// Plays a case to its victim; what it thinks of the last packet.
fn last_delivery(
    case: &Node<'_>,
    members: Option<&[MemberId]>,
) -> Checked<Result<Inspection, GreetingReject>> {
    let name = case.get("victim")?.member()?;
    let identities = case.get("identity_pubs")?;
    let public = identities.opt(&name.to_string());
    let mut victim = Member::new(&name, &case.get("victim_identity_seed")?, public.as_ref())?;
    victim.draws.extend(&case.list("victim_random")?)?;
    let mut everybody = MemberSet::new();
    for (name, key) in identities.fields()? {
        victim.greeter.set_identity(&member(name), Some(PublicKey::new(key.array()?)));
        everybody.insert(member(name));
    }
    if let Some(members) = members {
        everybody = members.iter().collect();
    }
    let deliveries = case.get("deliveries")?.items()?;
    let Some((last, before)) = deliveries.split_last() else {
        return Err(case.fault_at("deliveries", "is empty"));
    };
    // A victim that starts the operation itself sees its own packet first.
    if let Some(first) = before.first()
        && first.get("from")?.member()? == name
    {
        let packet = victim
            .greeter
            .propose(&mut victim.draws, &everybody, metadata(case)?)
            .map_err(|error| case.fault(format!("is not proposed: {error}")))?;
        victim.outbox.push_back(packet);
    }
    for delivery in before {
        let (from, wire) = (delivery.get("from")?.member()?, delivery.get("wire")?);
        if from == name {
            let ours = victim.outbox.pop_front().ok_or_else(|| wire.fault("was not sent"))?;
            wire.expect_text(&ours)?;
        }
        victim
            .deliver(&from, wire.text()?.as_bytes())
            .map_err(|reject| delivery.fault(format!("is refused: {reject}")))?;
    }
    let running = victim.greeter.running();
    let from = last.get("from")?.member()?;
    let found = victim.deliver(&from, last.get("wire")?.text()?.as_bytes());
    if found.is_err() {
        last.expect(&running, &victim.greeter.running())?;
    }
    if let Some(fault) = victim.draws.take_fault() {
        return Err(fault);
    }
    Ok(found)
}
