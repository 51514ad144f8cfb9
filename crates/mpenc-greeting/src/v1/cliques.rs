//! Group Diffie–Hellman among an ordered list of members: arithmetic on lists, nothing else.
//!
//! An *intermediate key* `K_j` is the product of everybody's shares except member `j`'s; the
//! *cardinal key* is the product of all shares so far, and the group secret once everybody has
//! taken part. Who may send which list, and who may believe it, is decided elsewhere.
//!
//! Source: protocol.md section 3, wire-v1.md section 6.4.

use alloc::vec::Vec;

use mpenc_crypto::{DhError, GroupDiffieHellman, SecretBytes};
use rand_core::CryptoRng;

/// A list with a fresh share of ours in it.
pub(crate) struct Shared<S: GroupDiffieHellman> {
    /// `K_0 … K_{q}`: one for each member that has taken part.
    pub(crate) keys: Vec<S::Element>,
    /// Product of all shares so far. **Secret** if everybody has taken part.
    pub(crate) cardinal: S::Element,
    /// All own shares, the fresh one included.
    pub(crate) all: S::Accumulated,
}

/// Begins an initial agreement: the list `(B)` and the cardinal key `x_0·B`.
pub(crate) fn begin<S: GroupDiffieHellman>(rng: &mut dyn CryptoRng) -> Result<Shared<S>, DhError> {
    //= docs/spec/protocol.md#GKA-001
    let x = S::contribute(rng);
    let cardinal = S::apply(&x, &S::base())?;
    Ok(Shared { keys: Vec::from([S::base()]), cardinal, all: S::fold(None, &x) })
}

/// Takes part: multiplies every intermediate key, and turns the cardinal key into our own
/// intermediate key and a new cardinal key.
pub(crate) fn take_part<S: GroupDiffieHellman>(
    rng: &mut dyn CryptoRng,
    keys: &[S::Element],
    cardinal: &S::Element,
) -> Result<Shared<S>, DhError> {
    //= docs/spec/protocol.md#GKA-002
    //= docs/spec/protocol.md#GKA-024
    let x = S::contribute(rng);
    let mut next = Vec::with_capacity(keys.len().saturating_add(1));
    for key in keys {
        next.push(S::apply(&x, key)?);
    }
    next.push(cardinal.clone());
    Ok(Shared { keys: next, cardinal: S::apply(&x, cardinal)?, all: S::fold(None, &x) })
}

/// Renews our share in an existing list, in which our own intermediate key is at `own`.
pub(crate) fn renew<S: GroupDiffieHellman>(
    rng: &mut dyn CryptoRng,
    mut keys: Vec<S::Element>,
    own: usize,
    former: &S::Accumulated,
) -> Result<Shared<S>, DhError> {
    //= docs/spec/protocol.md#GKA-006
    //= docs/spec/protocol.md#GKA-010
    //= docs/spec/protocol.md#GKA-024
    let x = S::contribute(rng);
    let all = S::fold(Some(former), &x);
    let mut cardinal = Err(DhError);
    for (index, key) in keys.iter_mut().enumerate() {
        if index == own {
            cardinal = S::apply_all(&all, key);
        } else {
            *key = S::apply(&x, key)?;
        }
    }
    Ok(Shared { keys, cardinal: cardinal?, all })
}

/// Derives the group key from our own entry of a complete list.
pub(crate) fn group_key<S: GroupDiffieHellman>(
    all: &S::Accumulated,
    own_key: &S::Element,
) -> Result<SecretBytes<32>, DhError> {
    //= docs/spec/protocol.md#GKA-004
    //= docs/spec/protocol.md#GKA-005
    //= docs/spec/protocol.md#GKA-021
    Ok(S::group_key(S::apply_all(all, own_key)?))
}

/// Validates every entry of a received list; the short form is not allowed in it.
pub(crate) fn import<S: GroupDiffieHellman>(
    keys: &[Option<[u8; 32]>],
) -> Result<Vec<S::Element>, DhError> {
    //= docs/spec/protocol.md#GKA-017
    keys.iter().map(|key| S::import(key.as_ref().ok_or(DhError)?)).collect()
}

/// The list as it travels, without short forms.
pub(crate) fn export<S: GroupDiffieHellman>(keys: &[S::Element]) -> Vec<Option<[u8; 32]>> {
    keys.iter().map(|key| Some(S::export(key))).collect()
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::string::String;
    use alloc::vec::Vec;

    use mpenc_crypto::V1;
    use serde_json::Value;

    use super::*;
    use crate::v1::testing::Draws;

    type Element = <V1 as GroupDiffieHellman>::Element;
    type Accumulated = <V1 as GroupDiffieHellman>::Accumulated;

    fn strings(value: &Value) -> Vec<String> {
        value.as_array().unwrap().iter().map(|s| String::from(s.as_str().unwrap())).collect()
    }

    fn elements(value: &Value) -> Vec<Element> {
        let decode = |text: &String| match text.as_str() {
            "" => V1::base(),
            text => V1::import(&hex::decode(text).unwrap().try_into().unwrap()).unwrap(),
        };
        strings(value).iter().map(decode).collect()
    }

    struct State {
        members: Vec<String>,
        keys: Vec<Element>,
        all: BTreeMap<String, Accumulated>,
    }

    impl State {
        fn at(&self, who: &str) -> usize {
            self.members.iter().position(|member| member == who).unwrap()
        }
    }

    //= docs/spec/protocol.md#GKA-001
    //= type=test
    //= docs/spec/protocol.md#GKA-002
    //= type=test
    //= docs/spec/protocol.md#GKA-003
    //= type=test
    //= docs/spec/protocol.md#GKA-006
    //= type=test
    //= docs/spec/protocol.md#GKA-007
    //= type=test
    //= docs/spec/protocol.md#GKA-008
    //= type=test
    //= docs/spec/protocol.md#GKA-009
    //= type=test
    //= docs/spec/protocol.md#GKA-024
    //= type=test
    #[test]
    fn recorded_operations() {
        let file: Value = serde_json::from_str(include_str!("../../vectors/cliques.json")).unwrap();
        for case in file["cases"].as_array().unwrap() {
            let mut state = State { members: Vec::new(), keys: Vec::new(), all: BTreeMap::new() };
            for operation in case["log"].as_array().unwrap() {
                replay(&mut state, operation);
            }
        }
    }

    fn replay(state: &mut State, operation: &Value) {
        let kind = operation["op"].as_str().unwrap();
        let packets = operation["packets"].as_array().unwrap();
        let (first, rest) = packets.split_first().unwrap();
        let who = first["by"].as_str().unwrap();
        let mut rng = Draws::new([first["priv"].as_str().unwrap()]);
        let mut shared = if kind == "start" {
            begin::<V1>(&mut rng).unwrap()
        } else {
            let next = strings(&first["message"]["members"]);
            let stays = |(member, _): &(&String, &Element)| next.contains(member);
            let kept = state.members.iter().zip(&state.keys).filter(stays);
            let kept: Vec<Element> = kept.map(|(_, key)| key.clone()).collect();
            state.members = next;
            renew::<V1>(&mut rng, kept, state.at(who), &state.all[who]).unwrap()
        };
        state.members = strings(&first["message"]["members"]);
        state.all.insert(who.into(), shared.all);
        check(&first["message"], &shared.keys, &shared.cardinal);
        for packet in rest {
            let who = packet["by"].as_str().unwrap();
            let mut rng = Draws::new([packet["priv"].as_str().unwrap()]);
            shared = take_part::<V1>(&mut rng, &shared.keys, &shared.cardinal).unwrap();
            state.all.insert(who.into(), shared.all);
            check(&packet["message"], &shared.keys, &shared.cardinal);
        }
        state.keys = shared.keys;
        for (who, expected) in operation["state"].as_object().unwrap() {
            let Some(index) = state.members.iter().position(|member| member == who) else {
                continue;
            };
            assert_eq!(state.keys, elements(&expected["int_keys"]));
            let key = group_key::<V1>(&state.all[who], &state.keys[index]).unwrap();
            assert_eq!(hex::encode(key.expose()), expected["group_key"].as_str().unwrap());
        }
    }

    /// The list as the packet has it: with the cardinal key on the way up only.
    fn check(message: &Value, keys: &[Element], cardinal: &Element) {
        let mut expected = elements(&message["int_keys"]);
        if message["flow"] == "up" {
            assert_eq!(expected.pop().as_ref(), Some(cardinal));
        }
        assert_eq!(keys, expected);
    }

    //= docs/spec/protocol.md#GKA-017
    //= type=test
    #[test]
    fn bad_points_are_refused() {
        let good = V1::export(&V1::base());
        assert!(import::<V1>(&[Some(good)]).is_ok());
        // ATK-027: small order; on the twist; not canonical; the short form.
        let mut one = [0; 32];
        one[0] = 1;
        let mut twist = [0; 32];
        twist[0] = 2;
        for bad in [Some([0; 32]), Some(one), Some(twist), Some([0xff; 32]), None] {
            assert!(import::<V1>(&[Some(good), bad]).is_err(), "{bad:?}");
        }
    }
}
