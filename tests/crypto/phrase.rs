//! Words: the recovery phrase, and what two people read to each other.

use tidings::crypto::keys::Keys;
use tidings::crypto::phrase::{self, PhraseError};
use tidings::types::AccountId;

#[test]
fn alice_writes_her_phrase_down_and_types_it_in_again_a_year_later() {
    let entropy = [0xa1; 32];
    let written = phrase::to_words(&entropy);
    assert_eq!(written.split(' ').count(), 24);
    let typed = format!("  {}\n", written.to_uppercase().replace(' ', " \t\n "));
    let found = phrase::from_words(&typed).unwrap();
    assert_eq!(*found, entropy);
    let (old, new) = (Keys::new(&entropy, &[1; 32], &[2; 32]), Keys::new(&found, &[3; 32], &[4; 32]));
    assert_eq!(old.account_id(), new.account_id());
    assert_eq!(old.seal_public(), new.seal_public());
}

#[test]
fn a_wrong_phrase_is_told_from_a_right_one() {
    let words = phrase::to_words(&[0xa1; 32]);
    let words: Vec<&str> = words.split(' ').collect();
    let refused = |words: &[&str]| assert_eq!(phrase::from_words(&words.join(" ")), Err(PhraseError));
    refused(&[]);
    refused(&words[..23]);
    refused(&words[..12]);
    refused(&[&words[..], &["art"]].concat());
    refused(&[&words[..23], &["tidings"]].concat());
    let mut swapped = words.clone();
    swapped.swap(3, 4);
    assert_ne!(words[3], words[4]);
    refused(&swapped);
    assert_eq!(phrase::from_words(&"a ".repeat(100_000)), Err(PhraseError));
    // Twelve words are a phrase of BIP-39, but not one of ours.
    assert_eq!(phrase::from_words(&format!("{} about", ["abandon"; 11].join(" "))), Err(PhraseError));
}

#[test]
fn alice_and_bob_read_the_same_words_unless_mallory_stands_between_them() {
    let account = |seed: u8| Keys::new(&[seed; 32], &[1; 32], &[2; 32]).account_id();
    let (alice, bob, mallory) = (account(0xa1), account(0xb0), account(0x66));
    let words = phrase::verification_words(&alice, &bob);
    assert_eq!(words, phrase::verification_words(&bob, &alice), "both read the same");
    assert_eq!(words.split(' ').count(), 12);
    assert_ne!(words, phrase::verification_words(&alice, &mallory));
    assert_ne!(words, phrase::verification_words(&mallory, &bob));
    assert_ne!(phrase::verification_words(&alice, &mallory), phrase::verification_words(&mallory, &bob));
}

/// People compare words across versions of the program: they never change.
#[test]
fn verification_words_stay_as_they_are() {
    let words = phrase::verification_words(&AccountId([1; 32]), &AccountId([2; 32]));
    assert_eq!(words, "emotion solar soap stove sense oven silk season wrestle fever alarm resist");
}
