//! Framing, derivation, encryption, group, proofs, signatures, padding.

use mpenc_crypto::proof::{self, Proof, Statement};
use mpenc_crypto::{
    Aead as _, FramedHash as _, KeyDerivation as _, Label, PrimeOrderGroup as _, PublicKey,
    SecretBytes, SignLabel, Signature, SigningKey as _, Suite, V2, VerifyingKey as _, framing,
    label,
};
use mpenc_packet::v2::padded_len;
use serde_json::{Value, json};

use super::hx;
use crate::json::{Checked, Node};

type Element = <V2 as mpenc_crypto::PrimeOrderGroup>::Element;
type Scalar = <V2 as mpenc_crypto::PrimeOrderGroup>::Scalar;

fn named(case: &Node<'_>) -> Checked<Label> {
    let name = case.get("name")?;
    let text = name.text()?;
    let found = label::ALL.iter().find(|label| label.as_str() == text);
    found.copied().ok_or_else(|| name.fault("is no label"))
}

fn parts(case: &Node<'_>) -> Checked<Vec<Vec<u8>>> {
    case.get("parts")?.items()?.iter().map(Node::hex).collect()
}

fn borrowed(parts: &[Vec<u8>]) -> Vec<&[u8]> {
    parts.iter().map(Vec::as_slice).collect()
}

pub(super) fn frame(case: &Node<'_>) -> Checked<Value> {
    let (label, parts) = (named(case)?, parts(case)?);
    let parts = borrowed(&parts);
    Ok(json!({
        "frame": hx(framing::derived::<V2>(label, &parts)),
        "h": hx(V2::framed(label, &parts)),
        "h64": hx(V2::framed_wide(label, &parts)),
    }))
}

pub(super) fn kdf(case: &Node<'_>) -> Checked<Value> {
    let (salt, ikm) = (case.get("salt")?.hex()?, case.get("ikm")?.hex()?);
    let prk = V2::extract(&salt, &[&ikm]);
    let mut out = vec![0; case.get("size")?.size()?];
    let parts = parts(case)?;
    V2::expand(&prk, named(case)?, &borrowed(&parts), &mut out);
    Ok(json!({"prk": hx(prk.expose()), "out": hx(out)}))
}

pub(super) fn aead(case: &Node<'_>) -> Checked<Value> {
    let key = SecretBytes::new(case.get("key")?.array()?);
    let (nonce, aad) = (case.get("nonce")?.array()?, case.get("aad")?.hex()?);
    let sealed = case.get("sealed")?;
    let mut data = sealed.hex()?;
    if V2::open_in_place(&key, &nonce, &aad, &mut data).is_err() {
        return Ok(json!({"expect": "refuse"}));
    }
    let plaintext = hx(&data);
    V2::seal_in_place(&key, &nonce, &aad, &mut data);
    sealed.expect_hex(&data)?;
    Ok(json!({"expect": "accept", "plaintext": plaintext}))
}

pub(super) fn import(case: &Node<'_>) -> Checked<Value> {
    let input = case.get("input")?;
    let bytes = input.array()?;
    let expect = match V2::import_or_identity(&bytes) {
        Err(_) => "refuse",
        Ok(element) if V2::is_identity(&element) => "identity",
        Ok(_) => "element",
    };
    input.expect(&(expect == "element"), &V2::import(&bytes).is_ok())?;
    Ok(json!({"expect": expect}))
}

pub(super) fn reduce(case: &Node<'_>) -> Checked<Value> {
    let scalar = V2::reduce(&SecretBytes::new(case.get("wide")?.array()?));
    Ok(json!({"scalar": scalar.map(|scalar| hx(V2::scalar_bytes(&scalar).expose()))}))
}

/// A scalar in canonical encoding, not zero.
pub(super) fn scalar(node: &Node<'_>) -> Checked<Scalar> {
    let bytes: [u8; 32] = node.array()?;
    let wide = SecretBytes::fill(|wide: &mut [u8; 64]| {
        wide.iter_mut().zip(&bytes).for_each(|(to, from)| *to = *from);
    });
    let scalar = V2::reduce(&wide).ok_or_else(|| node.fault("is zero"))?;
    node.expect_hex(V2::scalar_bytes(&scalar).expose())?;
    Ok(scalar)
}

fn element(node: &Node<'_>) -> Checked<Element> {
    V2::import_or_identity(&node.array()?).map_err(|_| node.fault("is no element"))
}

pub(super) fn products(case: &Node<'_>) -> Checked<Value> {
    let (scalar, point) = (scalar(&case.get("scalar")?)?, element(&case.get("point")?)?);
    let base = V2::mul_base(&scalar);
    Ok(json!({
        "base_product": hx(V2::export(&base)),
        "product": hx(V2::export(&V2::mul(&scalar, &point))),
        "sum": hx(V2::export(&V2::add(&point, &base))),
        "difference": hx(V2::export(&V2::sub(&point, &base))),
    }))
}

pub(super) fn proof(case: &Node<'_>) -> Checked<Value> {
    let ctx = case.get("ctx")?.array()?;
    let place = u16::try_from(case.get("place")?.number()?)
        .map_err(|_| case.fault_at("place", "is too large"))?;
    if let (Some(secret), Some(w)) = (case.opt("secret"), case.opt("w")) {
        let (secret, w) = (scalar(&secret)?, scalar(&w)?);
        let (public, base) = (V2::mul_base(&secret), element(&case.get("d")?)?);
        let share = V2::mul(&secret, &base);
        let statement = Statement { ctx: &ctx, place, public: &public, base: &base, share: &share };
        let proof = proof::prove::<V2>(&statement, &secret, w);
        let holds = proof::verify::<V2>(&statement, &proof).is_ok();
        return Ok(json!({
            "z": hx(V2::export(&public)),
            "x": hx(V2::export(&share)),
            "c": hx(proof.challenge),
            "s": hx(proof.response),
            "expect": if holds { "accept" } else { "refuse" },
        }));
    }
    let imported =
        |key| V2::import_or_identity(&case.get(key)?.array()?).map_or(Ok(None), |e| Ok(Some(e)));
    let (public, base, share) = (imported("z")?, imported("d")?, imported("x")?);
    let proof = Proof { challenge: case.get("c")?.array()?, response: case.get("s")?.array()? };
    let holds = match (public, base, share) {
        (Some(public), Some(base), Some(share)) => {
            let statement =
                Statement { ctx: &ctx, place, public: &public, base: &base, share: &share };
            proof::verify::<V2>(&statement, &proof).is_ok()
        }
        _ => false,
    };
    Ok(json!({"expect": if holds { "accept" } else { "refuse" }}))
}

/// The label of a signature by its text.
pub(super) fn sign_label(name: &Node<'_>) -> Checked<SignLabel> {
    let text = name.text()?.as_bytes();
    let found =
        label::ALL_SIGN.iter().find(|label| label.as_bytes().strip_suffix(b"\0") == Some(text));
    found.copied().ok_or_else(|| name.fault("is no label of a signature"))
}

pub(super) fn signature(case: &Node<'_>) -> Checked<Value> {
    let label = sign_label(&case.get("name")?)?;
    let data = case.get("data")?.hex()?;
    if let Some(seed) = case.opt("seed") {
        let key = <V2 as Suite>::SigningKey::from_seed(&SecretBytes::new(seed.array()?));
        let signature = key.sign(&[label.as_bytes(), &data]);
        let holds = verifies(&key.public(), label, &data, &signature);
        return Ok(json!({
            "key": hx(key.public().as_bytes()),
            "signature": hx(signature.as_bytes()),
            "expect": if holds { "accept" } else { "refuse" },
        }));
    }
    let key = PublicKey::new(case.get("key")?.array()?);
    let signature = Signature::new(case.get("signature")?.array()?);
    let holds = verifies(&key, label, &data, &signature);
    Ok(json!({"expect": if holds { "accept" } else { "refuse" }}))
}

fn verifies(key: &PublicKey, label: SignLabel, data: &[u8], signature: &Signature) -> bool {
    <V2 as Suite>::VerifyingKey::import(key)
        .is_ok_and(|key| key.verify(&[label.as_bytes(), data], signature).is_ok())
}

pub(super) fn padding(case: &Node<'_>) -> Checked<Value> {
    let length = case.get("content_len")?.size()?.saturating_add(68);
    Ok(json!({"plaintext_len": padded_len(length)}))
}
