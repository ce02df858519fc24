//! The published vectors, through the functions that the node uses.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use hpke_rs::hpke_types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use hpke_rs::{Hpke, HpkePrivateKey, HpkePublicKey, Mode};
use hpke_rs_rust_crypto::HpkeRustCrypto;
use tidings::crypto::keys::Signing;
use tidings::crypto::{aead, phrase, seal};
use tidings::types::Rng;

use super::{hex, hex32};

/// RFC 8439 section 2.8.2.
#[test]
fn chacha20_poly1305_seals_as_rfc_8439_says() {
    let key = hex32("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    let nonce: [u8; 12] = hex("070000004041424344454647").try_into().unwrap();
    let aad = hex("50515253c0c1c2c3c4c5c6c7");
    let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let sealed = hex("d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6 3dbea45e8ca9671282fafb69da92728b
         1a71de0a9e060b2905d6a5b67ecd3b36 92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
         3ff4def08e4b7a9de576d26586cec64b 6116 1ae10b594f09e26a7e902ecbd0600691");
    assert_eq!(aead::seal(&key, &nonce, &aad, plain), sealed);
    assert_eq!(aead::open(&key, &nonce, &aad, &sealed).unwrap(), plain);
}

/// RFC 8032 section 7.1, tests 1 and 2.
#[test]
fn ed25519_signs_as_rfc_8032_says() {
    let one = Signing::from_seed(&hex32("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
    assert_eq!(one.public(), hex32("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
    let signature = hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555
         fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    assert_eq!(one.sign_raw(b"").to_vec(), signature);

    let two = Signing::from_seed(&hex32("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
    assert_eq!(two.public(), hex32("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
    let signature = hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    assert_eq!(two.sign_raw(&[0x72]).to_vec(), signature);
}

/// RFC 7748 section 6.1.
#[test]
fn x25519_publics_are_those_of_rfc_7748() {
    let alice = hex32("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    assert_eq!(seal::public(&alice), hex32("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
    let bob = hex32("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    assert_eq!(seal::public(&bob), hex32("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
}

fn suite() -> Hpke<HpkeRustCrypto> {
    Hpke::new(Mode::Base, KemAlgorithm::DhKem25519, KdfAlgorithm::HkdfSha256, AeadAlgorithm::ChaCha20Poly1305)
}

/// RFC 9180 appendix A.2.1: the library under `crypto::seal` opens the vector of our suite.
#[test]
fn the_hpke_library_opens_the_vector_of_rfc_9180() {
    let encapsulated = hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
    let secret = hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
    let sealed = hex("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28");
    let opened = suite().open(&encapsulated, &HpkePrivateKey::new(secret), b"Ode on a Grecian Urn", b"Count-0", &sealed, None, None, None);
    assert_eq!(opened.unwrap(), b"Beauty is truth, truth beauty");
}

/// What we seal with a key of our own choice, the library opens, and the other way round: so `crypto::seal` is RFC 9180 as well.
#[test]
fn our_seals_are_hpke() {
    let secret = hex32("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
    let ours = seal::seal(&seal::public(&secret), b"info", b"a knock", &mut Rng::from_seed([7; 32])).unwrap();
    let theirs = suite().open(&ours[..32], &HpkePrivateKey::from(&secret[..]), b"info", b"", &ours[32..], None, None, None);
    assert_eq!(theirs.unwrap(), b"a knock");

    let receiver = HpkePublicKey::from(&seal::public(&secret)[..]);
    let (encapsulated, sealed) = suite().seal(&receiver, b"info", b"", b"an answer", None, None, None).unwrap();
    assert_eq!(seal::open(&secret, b"info", &[encapsulated, sealed].concat()).unwrap(), b"an answer");
}

/// The English vectors of 24 words (trezor/python-mnemonic, named by BIP-39).
#[test]
fn phrases_are_those_of_bip_39() {
    let cases = [
        ("00".repeat(32), format!("{} art", ["abandon"; 23].join(" "))),
        ("ff".repeat(32), format!("{} vote", ["zoo"; 23].join(" "))),
        ("7f".repeat(32), format!("{0} {0} legal winner thank year wave sausage worth title", "legal winner thank year wave sausage worth useful")),
        (
            "f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f".to_owned(),
            "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten \
             exist slush involve unfold"
                .to_owned(),
        ),
    ];
    for (entropy, words) in cases {
        assert_eq!(*phrase::to_words(&hex32(&entropy)), words);
        assert_eq!(*phrase::from_words(&words).unwrap(), hex32(&entropy));
    }
}

/// RFC 9106 section 5.3, through the library that stretches passphrases. (Ours takes neither a secret nor associated data.)
#[test]
fn argon2id_is_that_of_rfc_9106() {
    let mut builder = ParamsBuilder::new();
    builder.m_cost(32).t_cost(3).p_cost(4).data(AssociatedData::new(&[4; 12]).unwrap());
    let argon = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, builder.build().unwrap()).unwrap();
    let mut tag = [0; 32];
    argon.hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
    assert_eq!(tag, hex32("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"));
}
