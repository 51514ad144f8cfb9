//! Which elements are taken, and ristretto255 itself.

use curve25519_dalek::ristretto::RistrettoPoint;
use mpenc_crypto::{DhError, PrimeOrderGroup, SecretBytes, V2};
use proptest::prelude::*;

use crate::{array, scalar};

/// RFC 9496 appendix A.1: multiples 0 to 15 of the base point.
const MULTIPLES: [&str; 16] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
    "da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57",
    "e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e",
    "f64746d3c92b13050ed8d80236a7f0007c3b3f962f5ba793d19a601ebb1df403",
    "44f53520926ec81fbd5a387845beb7df85a96a24ece18738bdcfa6a7822a176d",
    "903293d8f2287ebe10e2374dc1a53e0bc887e592699f02d077d5263cdd55601c",
    "02622ace8f7303a31cafc63f8fc48fdc16e1c8c8d234b2f0d6685282a9076031",
    "20706fd788b2720a1ed2a5dad4952b01f413bcf0e7564de8cdc816689e2db95f",
    "bce83f8ba5dd2fa572864c24ba1810f9522bc6004afe95877ac73241cafdab42",
    "e4549ee16b9aa03099ca208c67adafcafa4c3f3e4e5303de6026e3ca8ff84460",
    "aa52e000df2e16f55fb1032fc33bc42742dad6bd5a8fc0be0167436c5948501f",
    "46376b80f409b29dc2b5f6f0c52591990896e5716f41477cd30085ab7f10301e",
    "e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e",
];

/// RFC 9496 appendix A.2.
const BAD: [&str; 29] = [
    // Field elements that are not canonical.
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    // Negative ones.
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
    "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
    "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
    "f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72",
    "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309",
    // x² is no square.
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
    "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
    "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
    "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
    "8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731",
    "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b",
    // x·y is negative.
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
    "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
    "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
    "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
    "227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165",
    "5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e",
    "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
    // −1: y would be 0.
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// The order of the group.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

fn wide(low: [u8; 32], high: u8) -> SecretBytes<64> {
    let mut bytes = [high; 64];
    bytes[..32].copy_from_slice(&low);
    SecretBytes::new(bytes)
}

#[test]
fn multiples_of_the_base_point() {
    let mut sum = V2::identity();
    for (times, encoding) in (0_u32..).zip(MULTIPLES) {
        let encoding = array(encoding);
        assert_eq!(V2::export(&sum), encoding, "{times}");
        assert_eq!(V2::weighted_sum(&[(times, &V2::base())]), sum);
        assert_eq!(V2::import_or_identity(&encoding), Ok(sum.clone()));
        if times > 0 {
            assert_eq!(V2::import(&encoding), Ok(sum.clone()));
            let mut number = [0; 32];
            number[0] = times.to_le_bytes()[0];
            let number = V2::reduce(&wide(number, 0)).unwrap();
            assert_eq!(V2::mul_base(&number), sum);
            assert_eq!(V2::mul(&number, &V2::base()), sum);
        }
        sum = V2::add(&sum, &V2::base());
    }
}

//= docs/spec/v2.md#V2-006
//= type=test
#[test]
fn bad_encodings_are_refused() {
    for bad in BAD {
        assert_eq!(V2::import(&array(bad)), Err(DhError), "{bad}");
        assert_eq!(V2::import_or_identity(&array(bad)), Err(DhError), "{bad}");
    }
    // The other sign, and the bit that X25519 ignores.
    for good in &MULTIPLES[1..] {
        let mut bytes: [u8; 32] = array(good);
        bytes[31] |= 0x80;
        assert_eq!(V2::import(&bytes), Err(DhError), "{good}");
        assert_eq!(V2::import_or_identity(&bytes), Err(DhError), "{good}");
        assert_eq!(V2::import(&negated(array(good))), Err(DhError), "{good}");
    }
}

//= docs/spec/v2.md#V2-006
//= type=test
//= docs/spec/attacks.md#ATK-027
//= type=test
#[test]
fn the_identity_is_refused() {
    assert_eq!(V2::import(&[0; 32]), Err(DhError));
    assert_eq!(V2::import_or_identity(&[0; 32]), Ok(V2::identity()));
    // p is another encoding of 0, and so is either with the top bit.
    let mut p = [0xff; 32];
    (p[0], p[31]) = (0xed, 0x7f);
    for mut zero in [[0; 32], p] {
        zero[31] |= 0x80;
        assert_eq!(V2::import(&zero), Err(DhError));
        assert_eq!(V2::import_or_identity(&zero), Err(DhError));
    }
    assert_eq!(V2::import_or_identity(&p), Err(DhError));
}

/// p less the number.
fn negated(bytes: [u8; 32]) -> [u8; 32] {
    let mut p = [0xff; 32];
    (p[0], p[31]) = (0xed, 0x7f);
    let mut borrow = 0;
    for (p, byte) in p.iter_mut().zip(bytes) {
        let difference = i16::from(*p) - i16::from(byte) - borrow;
        borrow = i16::from(difference < 0);
        *p = difference.rem_euclid(256).to_le_bytes()[0];
    }
    p
}

//= docs/spec/v2.md#V2-006
//= type=test
#[test]
fn numbers_are_reduced() {
    assert!(V2::reduce(&wide([0; 32], 0)).is_none());
    assert!(V2::reduce(&wide(array(ORDER), 0)).is_none());
    let mut one: [u8; 32] = array(ORDER);
    one[0] += 1;
    let one = V2::reduce(&wide(one, 0)).unwrap();
    assert_eq!(V2::mul_base(&one), V2::base());
    // Computed apart: 2⁵¹² − 1.
    let ones = "000f9c44e31106a447938568a71b0ed065bef517d273ecce3d9a307c1b419903";
    let reduced = V2::reduce(&wide([0xff; 32], 0xff)).unwrap();
    assert_eq!(V2::scalar_bytes(&reduced).expose(), &array(ones));
    assert_eq!(V2::challenge(&[0xff; 64]), array(ones));
}

#[test]
fn the_order_is_the_order() {
    let mut less: [u8; 32] = array(ORDER);
    less[0] -= 1;
    let minus_one = V2::reduce(&wide(less, 0)).unwrap();
    assert!(V2::is_identity(&V2::add(&V2::mul_base(&minus_one), &V2::base())));
}

/// Computed apart, by an implementation of RFC 9496 in Python: four members in a ring.
#[test]
fn a_ring_of_four() {
    let r: Vec<_> = (0..4).map(scalar).collect();
    let z: Vec<_> = r.iter().map(V2::mul_base).collect();
    let x: Vec<_> =
        (0..4).map(|i| V2::mul(&r[i], &V2::sub(&z[(i + 1) % 4], &z[(i + 3) % 4]))).collect();
    let r0 = "a7c5b3f1e7ec232dc35eae403529a3a9670d0c99b8e83e806cf8da3158107904";
    assert_eq!(V2::scalar_bytes(&r[0]).expose(), &array(r0));
    let x1 = "50b163f99cd2107a6c17afc5891b6e8a83d2ca34973430f29447b5a70a66375b";
    assert_eq!(V2::export(&x[1]), array(x1));
    for i in 0..4 {
        let own = V2::mul(&r[i], &z[(i + 3) % 4]);
        let terms = [(4, &own), (3, &x[i]), (2, &x[(i + 1) % 4]), (1, &x[(i + 2) % 4])];
        let key = "c872715a1f38d1638cf95842bf663441d0f3355223b0ae6e5d9080fba5fc5817";
        assert_eq!(V2::export_secret(&V2::weighted_sum(&terms)).expose(), &array(key), "{i}");
    }
}

proptest! {
    //= docs/spec/v2.md#V2-006
    //= type=test
    #[test]
    fn what_is_taken_comes_out_again(bytes in any::<[u8; 32]>()) {
        // About one of sixteen decodes; none of the others may.
        if let Ok(element) = V2::import(&bytes) {
            prop_assert_eq!(V2::export(&V2::add(&element, &V2::identity())), bytes);
        }
    }

    #[test]
    fn elements_have_one_encoding(wide in any::<[u8; 32]>(), more in any::<[u8; 32]>()) {
        let both = [wide, more].concat().try_into().unwrap();
        let encoding = RistrettoPoint::from_uniform_bytes(&both).compress().to_bytes();
        let element = V2::import(&encoding).unwrap();
        prop_assert_eq!(V2::export(&element), encoding);
        prop_assert_eq!(V2::export(&V2::add(&element, &V2::identity())), encoding);
        prop_assert_eq!(V2::import(&negated(encoding)), Err(DhError));
    }

    #[test]
    fn weighted_sums_are_sums(
        weights in prop::collection::vec(0_u32..40, 0..8),
        large in any::<u32>(),
    ) {
        let elements: Vec<_> = (0..8).map(|i| V2::mul_base(&scalar(i))).collect();
        let mut terms: Vec<_> = weights.into_iter().zip(&elements).collect();
        terms.push((large, &elements[7]));
        let mut expected = V2::identity();
        for (weight, element) in &terms {
            let mut number = [0; 32];
            number[..4].copy_from_slice(&weight.to_le_bytes());
            if let Some(number) = V2::reduce(&wide(number, 0)) {
                expected = V2::add(&expected, &V2::mul(&number, element));
            }
        }
        prop_assert_eq!(V2::weighted_sum(&terms), expected);
    }
}
