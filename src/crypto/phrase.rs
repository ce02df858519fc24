//! The recovery phrase (24 words, BIP-39 English list) and the words that two people compare.

use crate::types::AccountId;

/// Why a text is no recovery phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a recovery phrase: it has 24 words, and one of these is missing or misspelt")]
pub struct PhraseError;

/// The 24 words of 32 bytes of entropy.
pub fn to_words(_entropy: &[u8; 32]) -> String {
    todo!()
}

/// The entropy of 24 words, in any case and spacing.
pub fn from_words(_words: &str) -> Result<[u8; 32], PhraseError> {
    todo!()
}

/// Six words that both people see alike when nobody stands between them: 66 bits from both accounts.
pub fn verification_words(_one: &AccountId, _other: &AccountId) -> String {
    todo!()
}
