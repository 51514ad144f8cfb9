//! Secrets live no longer than they are needed: a suite that counts its scalars.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicIsize, Ordering};

use mpenc_crypto::{DhError, GroupDiffieHellman, SecretBytes, SigningKey, Suite, V1};
use mpenc_greeting::{CliquesGreeter, Greeter, Inspection, Outcome};
use mpenc_types::{MemberId, MemberSet};
use rand_chacha::rand_core::CryptoRng;

use crate::group::{identity_of, metadata, name, names, randomness_of};

static SHARES: AtomicIsize = AtomicIsize::new(0);
static ACCUMULATED: AtomicIsize = AtomicIsize::new(0);

#[derive(Clone, Copy, Debug)]
struct Counting;

#[derive(Debug)]
struct Counted<T>(T, &'static AtomicIsize);

impl<T> Counted<T> {
    fn new(value: T, counter: &'static AtomicIsize) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(value, counter)
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Suite for Counting {
    const NAME: &'static str = "counting";
    type SigningKey = <V1 as Suite>::SigningKey;
    type VerifyingKey = <V1 as Suite>::VerifyingKey;

    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        V1::hash(parts)
    }
}

impl GroupDiffieHellman for Counting {
    type Element = <V1 as GroupDiffieHellman>::Element;
    type Contribution = Counted<<V1 as GroupDiffieHellman>::Contribution>;
    type Accumulated = Counted<<V1 as GroupDiffieHellman>::Accumulated>;

    fn base() -> Self::Element {
        V1::base()
    }

    fn import(bytes: &[u8; 32]) -> Result<Self::Element, DhError> {
        V1::import(bytes)
    }

    fn export(element: &Self::Element) -> [u8; 32] {
        V1::export(element)
    }

    fn contribute(rng: &mut dyn CryptoRng) -> Self::Contribution {
        Counted::new(V1::contribute(rng), &SHARES)
    }

    fn apply(x: &Self::Contribution, element: &Self::Element) -> Result<Self::Element, DhError> {
        V1::apply(&x.0, element)
    }

    fn fold(former: Option<&Self::Accumulated>, x: &Self::Contribution) -> Self::Accumulated {
        Counted::new(V1::fold(former.map(|former| &former.0), &x.0), &ACCUMULATED)
    }

    fn apply_all(
        all: &Self::Accumulated,
        element: &Self::Element,
    ) -> Result<Self::Element, DhError> {
        V1::apply_all(&all.0, element)
    }

    fn group_key(secret: Self::Element) -> SecretBytes<32> {
        V1::group_key(secret)
    }
}

struct Member {
    who: MemberId,
    greeter: CliquesGreeter<Counting>,
}

fn deliver(members: &mut [Member], from: &MemberId, packet: &[u8]) -> Vec<(MemberId, Vec<u8>)> {
    let mut sent = Vec::new();
    for Member { who, greeter } in members {
        let mut rng = randomness_of(who);
        let progress = match greeter.inspect(from, packet) {
            Ok(Inspection::Initial(initial)) if initial.next_members.contains(who) => {
                greeter.start(&mut rng, from, packet).unwrap()
            }
            Ok(Inspection::Middle | Inspection::Final) => {
                greeter.handle(&mut rng, from, packet).unwrap()
            }
            Ok(Inspection::Initial(_)) | Err(_) => continue,
        };
        sent.extend(progress.outgoing.into_iter().map(|out| (who.clone(), out.packet)));
        if let Outcome::Complete(staged) = progress.outcome {
            let _ = greeter.merge(staged);
        }
    }
    sent
}

/// Runs an operation, or only its first packets.
fn change(members: &mut [Member], number: u64, next: &MemberSet, packets: usize) {
    let by = &mut members[0];
    // Draws must differ from one operation to the next.
    let mut rng = randomness_of(&name(&format!("operation {number}")));
    let packet = by.greeter.propose(&mut rng, next, metadata(number)).unwrap();
    let mut log = vec![(by.who.clone(), packet)];
    let mut done = 0;
    while done < packets && done < log.len() {
        let (from, packet) = log[done].clone();
        log.extend(deliver(members, &from, &packet));
        done += 1;
    }
}

#[track_caller]
fn assert_alive(accumulated: isize) {
    assert_eq!(SHARES.load(Ordering::SeqCst), 0, "single shares");
    assert_eq!(ACCUMULATED.load(Ordering::SeqCst), accumulated, "products of shares");
}

//= docs/spec/protocol.md#GKA-026
//= type=test
//= docs/spec/protocol.md#SEC-025
//= type=test
//= docs/spec/protocol.md#GKA-013
//= type=test
#[test]
fn contributions_are_erased_when_they_have_been_replaced() {
    // ATK-188, as far as the greeting goes.
    let all = names(&["a", "b", "c"]);
    let mut members: Vec<Member> = all
        .iter()
        .map(|who| {
            let mut greeter = CliquesGreeter::new(who.clone(), Arc::new(identity_of(who)));
            for other in &all {
                greeter.set_identity(other, Some(identity_of(other).public()));
            }
            Member { who: who.clone(), greeter }
        })
        .collect();
    change(&mut members, 1, &all, usize::MAX);
    assert_alive(3);
    // A refresh, which replaces the initiator's product.
    change(&mut members, 2, &all, usize::MAX);
    assert_alive(3);
    // An exclusion that does not finish.
    change(&mut members, 3, &names(&["a", "b"]), 1);
    assert_alive(4);
    for member in &mut members {
        member.greeter.fail();
    }
    assert_alive(3);
    // A proposal that is withdrawn.
    change(&mut members, 4, &all, 0);
    assert_alive(4);
    members[0].greeter.withdraw();
    assert_alive(3);
    // Leaving the session.
    members[2].greeter.reset();
    assert_alive(2);
    change(&mut members[..2], 5, &names(&["a"]), usize::MAX);
    members[1].greeter.reset();
    assert_alive(0);
}
