//! Results of the original implementation; see `vectors/PROVENANCE.md`.

use mpenc_crypto::{
    GroupDiffieHellman, PublicKey, SecretBytes, Signature, SigningKey as _, Suite, V1,
    VerifyingKey as _,
};
use serde_json::Value;

use crate::{Contribution, Element, SigningKey, VerifyingKey, array, contribution, folded, unhex};

fn load(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn each(value: &Value) -> core::slice::Iter<'_, Value> {
    value.as_array().unwrap().iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn element(value: &Value) -> Element {
    match text(value) {
        "" => V1::base(),
        digits => V1::import(&array(digits)).unwrap(),
    }
}

#[test]
fn session_signatures() {
    let vectors = load(include_str!("../../vectors/ske.json"));
    let mut checked = 0;
    for signer in each(&vectors["cases"]).flat_map(|case| each(&case["signers"])) {
        let key = SigningKey::from_seed(&SecretBytes::new(array(text(&signer["identity_seed"]))));
        let public = PublicKey::new(array(text(&signer["identity_pub"])));
        let signature = Signature::new(array(text(&signer["session_signature"])));
        let authenticator = unhex(text(&signer["authenticator"]));
        let digest = V1::hash(&[&authenticator]);

        assert_eq!(digest, array(text(&signer["authenticator_sha256"])));
        assert_eq!(key.public(), public);
        assert_eq!(key.sign(&[&digest]), signature);
        let verifying = VerifyingKey::import(&public).unwrap();
        assert_eq!(verifying.verify(&[&digest], &signature), Ok(()));
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}

//= docs/spec/protocol.md#GKA-005
//= type=test
//= docs/spec/protocol.md#GKA-022
//= type=test
//= docs/spec/protocol.md#GKA-024
//= type=test
#[test]
fn group_keys_from_intermediate_keys_and_shares() {
    let vectors = load(include_str!("../../vectors/cliques.json"));
    let mut checked = 0;
    for entry in each(&vectors["cases"]).flat_map(|case| each(&case["log"])) {
        for (name, state) in entry["state"].as_object().unwrap() {
            let Some(index) = each(&state["members"]).position(|member| text(member) == name)
            else {
                continue;
            };
            let own = element(&state["int_keys"][index]);
            let shares: Vec<Contribution> =
                each(&state["dh_privs"]).map(|x| contribution(array(text(x)))).collect();

            let secret = shares.iter().fold(own.clone(), |k, x| V1::apply(x, &k).unwrap());
            let condensed = V1::apply_all(&folded(&shares), &own).unwrap();
            assert_eq!(condensed, secret);
            assert_eq!(V1::group_key(secret).expose(), &array(text(&state["group_key"])));
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}
