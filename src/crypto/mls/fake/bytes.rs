//! Bytes of the fake suite: fields one after the other, and how long RFC 9420 would have made them.

use crate::crypto::mls::Leaf;
use crate::types::{AccountId, DeviceId, PeerId};

/// How each of the suite's messages starts: where RFC 9420 has its version 1, so that neither suite reads the other's.
const PREFIX: [u8; 3] = [0xfa, 0xce, 0];
/// Bytes of that and the kind.
const HEAD: usize = 4;

/// What kind of message follows the prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Form {
    Package = 1,
    Welcome = 2,
    Commit = 3,
    Message = 4,
}

/// A message that is being put together.
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    /// One of this kind that will be this long.
    pub(super) fn new(form: Form, size: usize) -> Self {
        let mut writer = Self(Vec::with_capacity(size));
        writer.0.extend_from_slice(&PREFIX);
        writer.0.push(form as u8);
        writer.number(size as u32);
        writer
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(super) fn leaf(&mut self, leaf: &Leaf) {
        self.bytes(&leaf.account.0);
        self.bytes(&leaf.device.0);
        self.bytes(&leaf.peer.0);
    }

    /// Zeros up to `at`. What is longer stays so: the sizes of RFC 9420 are above ours.
    pub(super) fn pad(&mut self, at: usize) {
        debug_assert!(self.0.len() <= at, "{} bytes where RFC 9420 has {at}", self.0.len());
        self.0.resize(at.max(self.0.len()), 0);
    }
}

/// What is left to read.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The fields of a message of this kind, whole.
    pub(super) fn of(form: Form, message: &'a [u8]) -> Option<Self> {
        let mut reader = Self(message.strip_prefix(&PREFIX)?.strip_prefix(&[form as u8])?);
        (reader.number()? as usize == message.len()).then_some(reader)
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    pub(super) fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_be_bytes)
    }

    /// A number of things of which each has some bytes here: never more than there are.
    pub(super) fn count(&mut self, bytes_each: usize) -> Option<usize> {
        let count = self.number()? as usize;
        (count.checked_mul(bytes_each)? <= self.0.len()).then_some(count)
    }

    pub(super) fn leaf(&mut self) -> Option<Leaf> {
        Some(Leaf { account: AccountId(self.bytes()?), device: DeviceId(self.bytes()?), peer: PeerId(self.bytes()?) })
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// A message of this kind from what stands behind its kind.
pub(super) fn whole(form: Form, rest: &[u8]) -> Vec<u8> {
    [&PREFIX[..], &[form as u8], rest].concat()
}

/// Whether a message is whole and of this kind.
pub(super) fn is(form: Form, message: &[u8]) -> bool {
    Reader::of(form, message).is_some()
}

/// Bytes of an RFC 9420 vector of so many bytes (section 2.1.2).
pub(super) const fn vector(len: usize) -> usize {
    len + match len {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        _ => 4,
    }
}

/// Bytes of a hash or a public key, and of a signature, with the length before them.
pub(super) const HASH: usize = 33;
pub(super) const SIGNATURE: usize = 66;
/// Bytes of the version and the kind before each message, of a group's id and of the number of an epoch.
pub(super) const FRAME: usize = HEAD + HASH + 8;
/// Bytes of an HPKE ciphertext of a path secret: the encapsulated key, and a hash with its tag.
pub(super) const PATH_SECRET: usize = HASH + 49;
