//! No security whatsoever: stand-ins for public-key cryptography and MLS that cost about nothing, for the simulated world.
//!
//! A simulated world has a million nodes and one processor. It asks what a protocol does, not whether a curve holds, so in
//! it a signature is a hash that anybody could compute. What the rest of the node sees stays as it is: the same functions, the same
//! sizes of keys, signatures, seals and messages, the same errors. A wrong signature and a flipped byte are still refused.
//!
//! It is in the binary because `tidings sim` is. A running node cannot get into it: the fake suite holds inside [`within`], on
//! the thread that called it, until it returns; nothing calls it but `sim` and tests, and a house test watches that. What is made
//! inside is refused outside, and the other way round: the two suites hash under labels of their own, and the MLS bytes of one
//! are no messages to the other.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::label::{Label, derive};

thread_local! {
    /// Whether this thread is inside.
    static ON: Cell<bool> = const { Cell::new(false) };
    /// While somebody watches: the message that each step of a ratchet was opened for.
    static OPENED: RefCell<Option<BTreeMap<[u8; 16], blake3::Hash>>> = const { RefCell::new(None) };
    /// Steps that were opened for two different messages.
    static REUSED: Cell<u64> = const { Cell::new(0) };
}

/// Puts back what was, also when the inside panics.
struct Restore(bool);

impl Drop for Restore {
    fn drop(&mut self) {
        ON.set(self.0);
    }
}

/// Everything this thread does in there is done with the fake suite. May be nested. For `sim` and tests.
pub fn within<R>(what: impl FnOnce() -> R) -> R {
    let _restore = Restore(ON.replace(true));
    what()
}

/// The same, and watches the ratchets: see [`reused`]. Costs memory for every message.
pub fn watched<R>(what: impl FnOnce() -> R) -> R {
    struct Unwatch;
    impl Drop for Unwatch {
        fn drop(&mut self) {
            OPENED.set(None);
        }
    }
    let _unwatch = Unwatch;
    REUSED.set(0);
    OPENED.set(Some(BTreeMap::new()));
    within(what)
}

/// How many steps of a ratchet served two messages that somebody opened, since [`watched`] began. With real cryptography each of
/// them would have given away what both say.
pub fn reused() -> u64 {
    REUSED.get()
}

/// Somebody opened a message of this step.
pub(super) fn witness(step: [u8; 16], message: &[u8]) {
    OPENED.with_borrow_mut(|opened| {
        let Some(opened) = opened else { return };
        let hash = blake3::hash(message);
        if *opened.entry(step).or_insert(hash) != hash {
            REUSED.set(REUSED.get() + 1);
        }
    });
}

/// Whether this thread is inside.
pub(super) fn is_on() -> bool {
    ON.get()
}

/// Stands for the public half of an Ed25519 or X25519 key.
pub(super) fn public(secret: &[u8; 32]) -> [u8; 32] {
    derive(Label::FakeKey, &[secret])
}

/// Stands for an Ed25519 signature: anybody can make it who knows the public key.
pub(super) fn sign(public: &[u8; 32], parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = blake3::Hasher::new_derive_key(Label::FakeSignature.text());
    hasher.update(public);
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    let mut signature = [0; 64];
    hasher.finalize_xof().fill(&mut signature);
    signature
}

/// The key of a fake seal. `None` for receivers of small order, as X25519 refuses them.
pub(super) fn shared(receiver: &[u8; 32], encapsulated: &[u8; 32], info: &[u8]) -> Option<[u8; 32]> {
    (!is_small(receiver)).then(|| derive(Label::FakeSeal, &[receiver, encapsulated, info]))
}

/// The number that stands for a paid proof of work: what it pays is its last byte.
pub(super) fn work(text: &[u8], wanted: u8) -> u64 {
    let [a, b, c, d, e, f, g, ..] = derive(Label::FakeWork, &[text]);
    u64::from_be_bytes([a, b, c, d, e, f, g, wanted])
}

/// Whether a number pays that much in here.
pub(super) fn is_paid(text: &[u8], number: u64, wanted: u8) -> bool {
    let [.., pays] = number.to_be_bytes();
    wanted == 0 || (pays >= wanted && number == work(text, pays))
}

/// The points of small order on the curve and its twist, as X25519 reads them: without the highest bit (RFC 7748 section 5).
fn is_small(point: &[u8; 32]) -> bool {
    let mut point = *point;
    point[31] &= 0x7f;
    SMALL.contains(&point)
}

const SMALL: [[u8; 32]; 7] = [
    [0; 32],
    ends(1, 0, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
        0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
        0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    ends(0xec, 0xff, 0x7f),
    ends(0xed, 0xff, 0x7f),
    ends(0xee, 0xff, 0x7f),
];

const fn ends(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut point = [middle; 32];
    point[0] = first;
    point[31] = last;
    point
}
