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
    // 256 bits are one of the lengths BIP-39 has, so there is always a phrase.
    let phrase = Mnemonic::from_entropy_in(Language::English, entropy);
    Zeroizing::new(phrase.map(|phrase| phrase.to_string()).unwrap_or_default())
}

/// The entropy of 24 words, in any case and spacing.
pub fn from_words(words: &str) -> Result<Zeroizing<[u8; 32]>, PhraseError> {
    if words.len() > PHRASE_BYTES_MAX {
        return Err(PhraseError);
    }
    let words = Zeroizing::new(words.to_lowercase());
    let phrase = Mnemonic::parse_in_normalized(Language::English, &words).map_err(|_| PhraseError)?;
    let entropy = Zeroizing::new(phrase.to_entropy());
    entropy.as_slice().try_into().map(Zeroizing::new).map_err(|_| PhraseError)
}

/// Twelve words that both people see alike when nobody stands between them: 132 bits from both accounts. Someone in the middle may
/// choose an account for each side, and so looks for any two choices that give the same words: that takes the square root of
/// what the words allow, 2⁶⁶ accounts. (Six words would fall to 2³³, an hour's work.)
pub fn verification_words(one: &AccountId, other: &AccountId) -> String {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    let bytes = derive(Label::Words, &[&low.0, &high.0]);
    let list = Language::English.word_list();
    let word = |number: usize| {
        let bits = number * BITS_PER_WORD..(number + 1) * BITS_PER_WORD;
        list[bits.fold(0, |index, bit| index << 1 | usize::from(bytes[bit / 8] >> (7 - bit % 8) & 1))]
    };
    (0..VERIFICATION_WORDS).map(word).collect::<Vec<_>>().join(" ")
}

const VERIFICATION_WORDS: usize = 12;

/// 2048 words in the list.
const BITS_PER_WORD: usize = 11;

/// 24 words of at most 8 letters, with generous spacing.
const PHRASE_BYTES_MAX: usize = 4_096;
