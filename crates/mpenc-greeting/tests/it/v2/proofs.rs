//! Why every proof is checked (v2.md section 2).

use mpenc_crypto::testing::Transparent;
use mpenc_crypto::{BroadcastSuite, PrimeOrderGroup, SecretBytes, V2};
use mpenc_greeting::{AbortReason, FailureCause};

use super::puppet::{Draft, Puppet, Seen, derive, scalar};
use super::room::{End, Room, start};
use crate::group::{name, names};

/// The sum by which the member at `place` of four computes the group secret.
fn sum<S: BroadcastSuite>(
    place: usize,
    r: &S::Scalar,
    points: &[S::Element; 4],
    shares: &[S::Element; 4],
) -> S::Element {
    let at = |list: &[S::Element; 4], i: usize| list[i % 4].clone();
    let own = S::mul(r, &at(points, place + 3));
    let terms =
        [(4, own), (3, at(shares, place)), (2, at(shares, place + 1)), (1, at(shares, place + 2))];
    S::weighted_sum(&terms.each_ref().map(|(weight, element)| (*weight, element)))
}

/// Mallory's contribution, made from another one: `Z_3 = c·B − Z_1`.
fn related_point<S: BroadcastSuite>(c: &S::Scalar, one: &S::Element) -> S::Element {
    S::sub(&S::mul_base(c), one)
}

/// Mallory's share: `X_3 = X_1 + c·(Z_0 − Z_2)`.
fn related_share<S: BroadcastSuite>(
    c: &S::Scalar,
    one: &S::Element,
    zero: &S::Element,
    two: &S::Element,
) -> S::Element {
    S::add(one, &S::mul(c, &S::sub(zero, two)))
}

/// The shares add up, all keys agree, and everybody who knows `c` has the key.
#[test]
fn related_contributions_would_give_the_key_away() {
    fn check<S: BroadcastSuite>() {
        let c = scalar::<S>(b"c");
        let secrets = [b"0", b"1", b"2"].map(|text| scalar::<S>(text));
        let [zero, one, two] = secrets.each_ref().map(S::mul_base);
        let points = [zero.clone(), one.clone(), two.clone(), related_point::<S>(&c, &one)];
        let share = |i: usize| S::mul(&secrets[i], &S::sub(&points[i + 1], &points[(i + 3) % 4]));
        let forged = related_share::<S>(&c, &share(1), &zero, &two);
        let shares = [share(0), share(1), share(2), forged];
        let known = S::mul(&c, &S::add(&zero, &two));
        for (place, r) in secrets.iter().enumerate() {
            assert_eq!(sum::<S>(place, r, &points, &shares), known, "{place}");
        }
    }
    check::<Transparent>();
    check::<V2>();
}

//= docs/spec/v2.md#V2-010
//= type=test
//= docs/spec/v2.md#V2-012
//= type=test
#[test]
fn related_contributions_are_refused() {
    // ATK-031, ATK-067
    fn check<S: BroadcastSuite>() {
        let honest = names(&["a", "b", "c"]);
        let mut room = Room::<S>::new(&honest);
        let mut mallory = Puppet::<S>::new(&name("m"));
        room.introduce(&name("m"));
        let packet = room.propose(&name("a"), &honest.with(&name("m")));
        room.send(&name("a"), packet);
        let c = scalar::<S>(b"c");
        let mut transcript = None;
        mallory.play(&mut room, |mallory, seen, draft| {
            Some(match draft {
                Draft::Contribution(mut fields) => {
                    let point = related_point::<S>(&c, &seen.point::<S>(1));
                    fields.contribution.point = S::export(&point);
                    Draft::Contribution(fields)
                }
                Draft::Share(_) => {
                    let share = related_share::<S>(
                        &c,
                        &seen.share::<S>(1),
                        &seen.point::<S>(0),
                        &seen.point::<S>(2),
                    );
                    Draft::Share(mallory.share(seen, &share))
                }
                Draft::Confirmation(mut fields) => {
                    // This far it comes only without proofs: the key that she knows is confirmed.
                    let known = S::add(&seen.point::<S>(0), &seen.point::<S>(2));
                    let derived = derive::<S>(&[0; 32], &S::mul(&c, &known), &fields.transcript);
                    fields.check = derived.check;
                    transcript = Some(derived.root);
                    Draft::Confirmation(fields)
                }
            })
        });
        let ends: Vec<&End> = honest.iter().map(|who| &room.end_of(who).unwrap().1).collect();
        let known = room
            .members
            .values()
            .any(|member| member.keys.as_ref().is_some_and(|keys| Some(keys.root) == transcript));
        assert!(!known, "she has the key that all have agreed on: {ends:?}");
        for who in &honest {
            let failure = room.failure(who);
            assert_eq!(failure.cause, FailureCause::BadProof);
            assert_eq!(failure.bad, [name("m")]);
        }
        assert!(room.members.values().all(|member| member.at != Some(start())));
    }
    check::<Transparent>();
    check::<V2>();
}

/// Shares shifted by `±d` would set the key to any value; one shifted share has no proof.
//= docs/spec/v2.md#V2-012
//= type=test
#[test]
fn shifted_shares_have_no_proof() {
    // ATK-031
    let honest = names(&["a", "b", "c"]);
    let mut room = Room::<V2>::new(&honest);
    let mut mallory = Puppet::<V2>::new(&name("m"));
    room.introduce(&name("m"));
    let packet = room.propose(&name("a"), &honest.with(&name("m")));
    room.send(&name("a"), packet);
    mallory.play(&mut room, |mallory, seen: &Seen, draft| {
        Some(match draft {
            Draft::Share(share) => {
                let honest = <V2 as PrimeOrderGroup>::import(&share.share).unwrap();
                let shifted =
                    <V2 as PrimeOrderGroup>::add(&honest, &<V2 as PrimeOrderGroup>::base());
                let mut forged = mallory.share(seen, &shifted);
                // Nor does the proof of the honest share help.
                (forged.challenge, forged.response) = (share.challenge, share.response);
                Draft::Share(forged)
            }
            Draft::Contribution(_) | Draft::Confirmation(_) => draft,
        })
    });
    assert_eq!(room.failure(&name("a")).bad, [name("m")]);
}

/// The only way to the identity: `r_3 = −r_1`, which takes a discrete logarithm. The suite without
/// security has it.
//= docs/spec/v2.md#V2-006
//= type=test
#[test]
fn a_secret_that_is_the_identity_ends_the_operation() {
    // ATK-027, ATK-028
    /// 2⁶¹ − 1, and the inverse of the base point modulo it.
    const P: u128 = (1 << 61) - 1;
    let inverse = (1..9).map(|k| k * P + 1).find(|product| product % 9 == 0).unwrap() / 9;
    let honest = names(&["a", "b", "c"]);
    let mut room = Room::<Transparent>::new(&honest);
    let mut mallory = Puppet::<Transparent>::new(&name("m"));
    room.introduce(&name("m"));
    let packet = room.propose(&name("a"), &honest.with(&name("m")));
    room.send(&name("a"), packet);
    room.run();
    let seen = Seen::of::<Transparent>(&room.log).unwrap();
    let point = seen.contributions[1].as_ref().unwrap().point;
    let point = u128::from(u64::from_le_bytes(*point.first_chunk().unwrap()));
    let opposite = (P - point * inverse % P).to_le_bytes();
    let wide = SecretBytes::fill(|wide: &mut [u8; 64]| wide[..16].copy_from_slice(&opposite));
    mallory.scalar = Transparent::reduce(&wide).unwrap();
    let own = Transparent::mul_base(&mallory.scalar);
    mallory.contribution.point = <Transparent as PrimeOrderGroup>::export(&own);
    mallory.play(&mut room, |_, _, draft| Some(draft));
    for who in &honest {
        let failure = room.failure(who);
        assert_eq!(failure.cause, FailureCause::Aborted(AbortReason::NoKey));
        assert!(honest.contains(&failure.by));
    }
}
