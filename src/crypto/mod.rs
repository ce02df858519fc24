//! Floor 1: keys, signatures and seals. Every primitive comes from a library; what stands here is which one, under which
//! label, and in which order.
//!
//! | file | holds |
//! |---|---|
//! | [`label`] | the one table of derivation and signature labels |
//! | [`keys`] | account, device and transport keys; the certificate that ties a device to its account |
//! | [`seal`] | sealing to a public key (HPKE) |
//! | [`aead`] | sealing under a shared key, padding to size classes |
//! | [`work`] | the proof of work that strangers pay |
//! | [`phrase`] | the recovery phrase and the verification words |
//! | [`rest`] | keys at rest: rows, files, passphrase |
//! | [`mls`] | room groups (RFC 9420) |
//! | [`fake`] | no security: the stand-ins for the simulated world |

pub mod aead;
pub mod fake;
pub mod keys;
pub mod label;
pub mod mls;
pub mod phrase;
pub mod rest;
pub mod seal;
pub mod work;
