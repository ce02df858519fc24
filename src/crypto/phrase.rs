//! The recovery phrase (24 words, BIP-39 English list) and the words that two people compare.

use bip39::{Language, Mnemonic};
use zeroize::Zeroizing;

use super::label::{Label, derive};
use crate::types::AccountId;

/// Why a text is no recovery phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a recovery phrase: it has 24 words, and one of these is missing or misspelt")]
pub struct PhraseError;

/// The 24 words of 32 bytes of entropy.
pub fn to_words(entropy: &[u8; 32]) -> Zeroizing<String> {
    let mnemonic = Mnemonic::from_entropy_in(Language::English, entropy);
    Zeroizing::new(mnemonic.map(|mnemonic| mnemonic.to_string()).unwrap_or_default())
}

/// The entropy of 24 words, in any case and spacing.
pub fn from_words(words: &str) -> Result<Zeroizing<[u8; 32]>, PhraseError> {
    let tidy = Zeroizing::new(words.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" "));
    let mnemonic = Mnemonic::parse_in_normalized(Language::English, &tidy).map_err(|_| PhraseError)?;
    let entropy = Zeroizing::new(mnemonic.to_entropy());
    entropy.as_slice().try_into().map(Zeroizing::new).map_err(|_| PhraseError)
}

/// Six words that both people see alike when nobody stands between them: 66 bits from both accounts.
pub fn verification_words(one: &AccountId, other: &AccountId) -> String {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    let hash = derive(Label::Words, &[&low.0, &high.0]);
    let list = Language::English.word_list();
    let word = |at: usize| {
        // Eleven bits each, as BIP-39 takes them.
        let bits = (at * 11..at * 11 + 11).fold(0usize, |bits, bit| (bits << 1) | usize::from(hash[bit / 8] >> (7 - bit % 8) & 1));
        list[bits]
    };
    (0..6).map(word).collect::<Vec<_>>().join(" ")
}
