//! The fake suite of the simulated world: it behaves like the real one, has its sizes, and neither takes the other's bytes.

use tidings::crypto::keys::{Signing, verify};
use tidings::crypto::label::Label;
use tidings::crypto::{fake, seal, work};
use tidings::types::Rng;

/// In the one suite or in the other.
pub(super) fn suite<R>(is_fake: bool, what: impl FnOnce() -> R) -> R {
    if is_fake { fake::within(what) } else { what() }
}

#[test]
fn a_signature_holds_for_its_key_label_and_text_only() {
    for is_fake in [false, true] {
        let (alice, bob) = suite(is_fake, || (Signing::from_seed(&[1; 32]), Signing::from_seed(&[2; 32])));
        let signature = suite(is_fake, || alice.sign(Label::Card, b"a card"));
        let holds = |public: [u8; 32], label, text: &[u8], signature: [u8; 64]| suite(is_fake, || verify(&public, label, text, &signature));
        assert!(holds(alice.public(), Label::Card, b"a card", signature));
        assert!(!holds(bob.public(), Label::Card, b"a card", signature));
        assert!(!holds(alice.public(), Label::Knock, b"a card", signature));
        assert!(!holds(alice.public(), Label::Card, b"a bard", signature));
        for at in 0..64 {
            let mut bent = signature;
            bent[at] ^= 1;
            assert!(!holds(alice.public(), Label::Card, b"a card", bent));
        }
        assert_eq!(*alice.seed(), [1; 32]);
        assert_ne!(alice.public(), [1; 32]);
    }
}

#[test]
fn a_seal_opens_for_its_receiver_and_words_only() {
    let mut sizes = Vec::new();
    for is_fake in [false, true] {
        suite(is_fake, || {
            let mut rng = Rng::from_seed([3; 32]);
            let (bob, carol) = ([4; 32], [5; 32]);
            let sealed = seal::seal(&seal::public(&bob), b"words", b"hello", &mut rng).unwrap();
            assert_eq!(seal::open(&bob, b"words", &sealed).unwrap(), b"hello");
            assert!(seal::open(&carol, b"words", &sealed).is_err());
            assert!(seal::open(&bob, b"other", &sealed).is_err());
            for at in 0..sealed.len() {
                let mut bent = sealed.clone();
                bent[at] ^= 1;
                assert!(seal::open(&bob, b"words", &bent).is_err(), "byte {at}");
            }
            assert!(seal::open(&bob, b"words", &sealed[..31]).is_err());
            sizes.push(sealed.len());
        });
    }
    assert_eq!(sizes[0], sizes[1]);
}

/// Receivers that RFC 7748 section 6.1 warns of, whose seals anybody could open: the multiples of the field's order 2²⁵⁵ - 19 and
/// the points of order 1, 2, 4 and 8 on curve and twist, with the highest bit either way.
#[test]
fn weak_receivers_are_refused_in_both_suites() {
    let zero = [0; 32];
    let mut one = zero;
    one[0] = 1;
    let mut order = [0xff; 32];
    (order[0], order[31]) = (0xed, 0x7f);
    let (mut below, mut above) = (order, order);
    (below[0], above[0]) = (0xec, 0xee);
    let eight = super::hex32("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    let other = super::hex32("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157");
    for mut point in [zero, one, order, below, above, eight, other] {
        for high in [0, 0x80] {
            point[31] |= high;
            for is_fake in [false, true] {
                let sealed = suite(is_fake, || seal::seal(&point, b"", b"hello", &mut Rng::from_seed([1; 32])));
                assert!(sealed.is_err(), "{point:02x?}");
            }
        }
    }
}

#[test]
fn work_is_paid_by_who_paid_for_this_text() {
    for is_fake in [false, true] {
        suite(is_fake, || {
            let number = work::pay(b"a knock", 9);
            assert!(work::is_paid(b"a knock", number, 9) && work::is_paid(b"a knock", number, 3));
            assert!(!work::is_paid(b"a knock", number, 40) && !work::is_paid(b"another", number, 9));
            assert!(!work::is_paid(b"a knock", u64::MAX - 7, 16), "a number that nobody paid for");
            assert!(work::is_paid(b"a knock", 0, 0), "nothing is asked");
        });
    }
}

/// What was made in one suite is refused in the other, and the thread is back in the real one whatever happened inside.
#[test]
fn neither_suite_takes_what_the_other_made() {
    for is_fake in [false, true] {
        let mut rng = Rng::from_seed([6; 32]);
        let (alice, signature) = suite(is_fake, || {
            let alice = Signing::from_seed(&[1; 32]);
            (alice.public(), alice.sign(Label::Card, b"a card"))
        });
        suite(!is_fake, || assert!(!verify(&alice, Label::Card, b"a card", &signature)));
        let sealed = suite(is_fake, || seal::seal(&seal::public(&[4; 32]), b"words", b"hello", &mut rng)).unwrap();
        suite(!is_fake, || assert!(seal::open(&[4; 32], b"words", &sealed).is_err()));
        let number = suite(is_fake, || work::pay(b"a knock", 12));
        suite(!is_fake, || assert!(!work::is_paid(b"a knock", number, 12)));
    }
}

#[test]
fn a_key_made_inside_makes_no_real_signature_outside() {
    let inside = fake::within(|| Signing::from_seed(&[1; 32]));
    let outside = Signing::from_seed(&[1; 32]);
    assert_ne!(inside.public(), outside.public());
    let signature = inside.sign(Label::Card, b"a card");
    assert!(!verify(&inside.public(), Label::Card, b"a card", &signature));
    assert!(!verify(&outside.public(), Label::Card, b"a card", &signature));
    let signature = fake::within(|| outside.sign(Label::Card, b"a card"));
    assert!(!verify(&outside.public(), Label::Card, b"a card", &signature));
}

#[test]
fn the_scope_ends_where_it_ends() {
    let key = || Signing::from_seed(&[1; 32]).public();
    let real = key();
    let fake = fake::within(|| {
        let outer = key();
        assert_eq!(fake::within(key), outer, "nested");
        assert_eq!(key(), outer, "after the nested one");
        std::thread::scope(|scope| {
            let other = scope.spawn(|| Signing::from_seed(&[1; 32]).public());
            assert_eq!(other.join().unwrap(), real, "another thread is outside");
        });
        outer
    });
    assert_ne!(fake, real);
    assert_eq!(key(), real);
    let panicked = std::panic::catch_unwind(|| fake::within(|| assert_eq!(key(), real)));
    assert!(panicked.is_err());
    assert_eq!(key(), real, "after a panic inside");
}
