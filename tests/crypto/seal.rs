//! Seals: who can open, and that every change is noticed.

use tidings::crypto::{aead, seal};
use tidings::types::Rng;
use tidings::types::limits::{ENVELOPE_BYTES_MAX, PADDED_BYTES_MAX};
use tidings::wire::envelope::{Envelope, Kind};

const BOB: [u8; 32] = [0xb0; 32];
const CAROL: [u8; 32] = [0xca; 32];

#[test]
fn alice_seals_to_bob_and_only_bob_opens() {
    let sealed = seal::seal(&seal::public(&BOB), b"tidings knock", b"may I?", &mut Rng::from_seed([1; 32])).unwrap();
    assert_eq!(sealed.len(), 32 + b"may I?".len() + 16);
    assert_eq!(seal::open(&BOB, b"tidings knock", &sealed).unwrap(), b"may I?");
    assert!(seal::open(&CAROL, b"tidings knock", &sealed).is_err());
    assert!(seal::open(&BOB, b"another purpose", &sealed).is_err());
}

#[test]
fn the_same_seed_seals_alike_and_the_next_seal_differs() {
    let twice = || {
        let mut rng = Rng::from_seed([9; 32]);
        let mut seal = || seal::seal(&seal::public(&BOB), b"", b"hello", &mut rng).unwrap();
        (seal(), seal())
    };
    let (first, second) = twice();
    assert_eq!((first.clone(), second.clone()), twice());
    assert_ne!(first[..32], second[..32], "each seal has its own ephemeral key");
}

#[test]
fn every_changed_or_missing_byte_of_a_seal_is_noticed() {
    let sealed = seal::seal(&seal::public(&BOB), b"", b"hi", &mut Rng::from_seed([2; 32])).unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(seal::open(&BOB, b"", &changed).is_err(), "byte {at}");
        assert!(seal::open(&BOB, b"", &sealed[..at]).is_err(), "cut at {at}");
    }
    assert!(seal::open(&BOB, b"", &[&sealed[..], &[0]].concat()).is_err());
}

/// The points of small order, with which the shared secret is zero whatever the other side does (RFC 7748 section 6.1).
#[test]
fn keys_of_small_order_are_refused_on_both_sides() {
    let one = {
        let mut key = [0; 32];
        key[0] = 1;
        key
    };
    let minus_one = {
        let mut key = [0xff; 32];
        key[0] = 0xec;
        key[31] = 0x7f;
        key
    };
    let field = {
        let mut key = [0xff; 32];
        key[0] = 0xed;
        key[31] = 0x7f;
        key
    };
    let eighth = super::hex32("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    let sealed = seal::seal(&seal::public(&BOB), b"", b"hi", &mut Rng::from_seed([3; 32])).unwrap();
    for weak in [[0; 32], one, minus_one, field, eighth] {
        assert!(seal::seal(&weak, b"", b"hi", &mut Rng::from_seed([3; 32])).is_err());
        assert!(seal::open(&BOB, b"", &[&weak[..], &sealed[32..]].concat()).is_err());
    }
}

#[test]
fn a_text_under_a_shared_key_opens_with_key_nonce_and_context_only() {
    let sealed = aead::seal(&[1; 32], &[2; 12], b"room", b"text");
    assert_eq!(aead::open(&[1; 32], &[2; 12], b"room", &sealed).unwrap(), b"text");
    assert!(aead::open(&[0; 32], &[2; 12], b"room", &sealed).is_err());
    assert!(aead::open(&[1; 32], &[0; 12], b"room", &sealed).is_err());
    assert!(aead::open(&[1; 32], &[2; 12], b"hall", &sealed).is_err());
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 0x80;
        assert!(aead::open(&[1; 32], &[2; 12], b"room", &changed).is_err());
        assert!(aead::open(&[1; 32], &[2; 12], b"room", &sealed[..at]).is_err());
    }
}

#[test]
fn padding_tells_only_the_size_class() {
    let kib = 1024;
    let cases = [
        (0, 64),
        (60, 64),
        (61, 128),
        (124, 128),
        (125, 256),
        (1020, 1024),
        (1021, 2 * kib),
        (64 * kib - 4, 64 * kib),
        (64 * kib - 3, 80 * kib),
        (80 * kib - 4, 80 * kib),
        (240 * kib, PADDED_BYTES_MAX),
        (PADDED_BYTES_MAX - 4, PADDED_BYTES_MAX),
    ];
    for (length, class) in cases {
        let text = vec![0xa5; length];
        let padded = aead::pad(&text);
        assert_eq!(padded.len(), class, "a text of {length} bytes");
        assert_eq!(aead::unpad(&padded).unwrap(), text);
    }
    // The largest class still fits an envelope.
    let largest = aead::pad(&vec![1; PADDED_BYTES_MAX - 4]);
    let sealed = seal::seal(&seal::public(&BOB), b"", &largest, &mut Rng::from_seed([4; 32])).unwrap();
    assert!(Envelope::decode(&Envelope::encode(Kind::Sealed, &sealed)).is_ok());
}

#[test]
fn wrong_padding_is_refused() {
    let padded = aead::pad(b"hello");
    for at in 9..padded.len() {
        let mut changed = padded.clone();
        changed[at] = 1;
        assert_eq!(aead::unpad(&changed), None, "something hides at {at}");
    }
    let with_length = |length: u32| [&length.to_be_bytes()[..], &padded[4..]].concat();
    assert_eq!(aead::unpad(&with_length(61)), None);
    assert_eq!(aead::unpad(&with_length(u32::MAX)), None);
    assert_eq!(aead::unpad(&with_length(4)), None, "a shorter length leaves a letter where zeros belong");
    (0..4).for_each(|short| assert_eq!(aead::unpad(&padded[..short]), None));
    assert_eq!(aead::unpad(&vec![0; ENVELOPE_BYTES_MAX + 1]), None);
}
