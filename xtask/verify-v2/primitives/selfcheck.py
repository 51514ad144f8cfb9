"""Vectors of the RFCs: if one of these fails, nothing else that is said here counts."""

import hashlib

from . import chacha20poly1305, ed25519, hashing, ristretto

_h = bytes.fromhex

ED25519 = [  # RFC 8032, section 7.1: seed, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

MULTIPLES = [  # RFC 9496, appendix A.1: 0, B, 2B, ...
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
]

NO_ELEMENTS = [  # RFC 9496, appendix A.2
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
    "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
    "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
    "f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72",
    "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309",
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
    "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
    "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
    "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
    "8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731",
    "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b",
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
    "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
    "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
    "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
    "227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165",
    "5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e",
    "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]

SUNSCREEN = (  # RFC 8439, section 2.8.2
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
    b"future, sunscreen would be it."
)
SEALED = (
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
    "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
    "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
    "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"
)


def _ed25519():
    for seed, public, message, signature in ED25519:
        seed, public, message, signature = map(_h, (seed, public, message, signature))
        yield ed25519.public(seed) == public
        yield ed25519.sign(seed, message) == signature
        yield ed25519.verify(public, message, signature)
        yield not ed25519.verify(public, message + b"x", signature)
        # S + q means the same, and is not canonical.
        s = int.from_bytes(signature[32:], "little") + ristretto.Q
        yield not ed25519.verify(public, message, signature[:32] + s.to_bytes(32, "little"))


def _ristretto():
    element = ristretto.IDENTITY
    for i, encoding in enumerate(MULTIPLES):
        yield ristretto.encode(element) == _h(encoding)
        yield ristretto.encode(ristretto.multiply(i, ristretto.BASE)) == _h(encoding)
        decoded = ristretto.decode(_h(encoding))
        yield decoded is not None and ristretto.equal(decoded, element)
        element = ristretto.add(element, ristretto.BASE)
    for encoding in NO_ELEMENTS:
        yield ristretto.decode(_h(encoding)) is None
    yield ristretto.is_identity(ristretto.multiply(ristretto.Q, ristretto.BASE))


def _aead():
    key, nonce = bytes(range(0x80, 0xA0)), _h("070000004041424344454647")
    aad, sealed = _h("50515253c0c1c2c3c4c5c6c7"), _h(SEALED)
    yield chacha20poly1305.seal(key, nonce, aad, SUNSCREEN) == sealed
    yield chacha20poly1305.open_(key, nonce, aad, sealed) == SUNSCREEN
    yield chacha20poly1305.open_(key, nonce, aad, sealed[:-1] + b"x") is None


def _hashing():
    # RFC 7693, appendix A
    abc = (
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
    )
    yield hashing.blake2b(b"abc", 64) == _h(abc)
    yield hashing.blake2b(b"abc", 32) != _h(abc)[:32]
    # RFC 5869, appendix A.1
    prk = hashing.hkdf_extract(bytes(range(13)), b"\x0b" * 22, hashlib.sha256)
    yield prk == _h("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    okm = hashing.hkdf_expand(prk, bytes(range(0xF0, 0xFA)), 42, hashlib.sha256)
    yield okm == _h(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    # HMAC by its definition (RFC 2104), with a block of 128 bytes
    key, text = bytes(range(200)), b"text"
    short = hashing.blake2b(key, 64) + bytes(64)
    inner = hashing.blake2b(bytes(b ^ 0x36 for b in short) + text, 64)
    outer = hashing.blake2b(bytes(b ^ 0x5C for b in short) + inner, 64)
    yield hashing.hkdf_extract(key, text) == outer


def run():
    """(number of checks, names of the groups with a check that failed)"""
    count, failed = 0, []
    for name, checks in [
        ("RFC 7693, RFC 2104, RFC 5869", _hashing),
        ("RFC 8032", _ed25519),
        ("RFC 8439", _aead),
        ("RFC 9496", _ristretto),
    ]:
        results = list(checks())
        count += len(results)
        if not all(results):
            failed.append(name)
    return count, failed
