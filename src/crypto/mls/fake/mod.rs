//! MLS without any secret: the stand-in for the simulated world (see `crypto::fake`, which says why it is here).
//!
//! Groups, epochs, trees, commits, welcomes and the numbers of messages are as RFC 9420 and OpenMLS have them, and every message
//! is as long as the real one. What costs time is left out: no keys are agreed on, path secrets and contents stand in the clear, and
//! hashes with the epoch's secret stand for signatures and seals. (The outer seal of a room's envelopes is real in both suites.)
//!
//! | file | holds |
//! |---|---|
//! | `bytes` | fields and lengths |
//! | `tree` | who is in a group, and how long that makes its messages |
//! | `window` | which messages of a sender were opened |
//! | `package` | key packages |

mod bytes;
mod package;
mod tree;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use self::bytes::{FRAME, Form, HASH, Reader, SIGNATURE, Writer, vector};
use self::tree::{Member, Source, Tree};
use self::window::Window;
use super::bag::Bag;
use super::group::{Kind, Made, OpenError, Staged};
use super::{Leaf, MlsError};
use crate::crypto::keys::{Keys, is_certified};
use crate::crypto::label::{Label, derive};
use crate::crypto::{aead, fake};
use crate::types::{DeviceId, GroupId, Rng};

pub(super) use self::package::{Package, make};

/// A group in one of its epochs. What it knows lies here; the bag holds only what is to be written.
pub(super) struct Group {
    id: GroupId,
    epoch: u64,
    /// Of the epoch: everything else derives from it.
    secret: [u8; 32],
    info: Vec<u8>,
    own: u32,
    tree: Tree,
    /// The number of our next message.
    next: u32,
    heard: BTreeMap<u32, Window>,
    bag: Bag,
}

/// The epoch that somebody's commit makes.
pub(super) struct After {
    secret: [u8; 32],
    tree: Tree,
    has_us: bool,
}

/// What a commit changes.
struct Change {
    committer: u32,
    /// The committer's new key.
    key: [u8; 32],
    removes: Vec<u32>,
    adds: Vec<Package>,
}

/// Where values stand in a bag; no value of OpenMLS stands there.
const STATE: u8 = 0xf0;
const SENT: u8 = 0xf1;
const HEARD: u8 = 0xf2;

/// Bytes of the tag of a seal.
const TAG: usize = aead::TAG_BYTES;

const COMMITTING: MlsError = MlsError::Failed("committing");
const WELCOME: MlsError = MlsError::Invalid("welcome");
const COMMIT: MlsError = MlsError::Invalid("commit");

/// The kind of a message; `None` for what no member sends.
pub(super) fn kind(bytes: &[u8]) -> Option<Kind> {
    match bytes::is(Form::Message, bytes) {
        true => Some(Kind::Application),
        false => bytes::is(Form::Commit, bytes).then_some(Kind::Commit),
    }
}

impl Group {
    pub(super) fn create(rng: &mut Rng, keys: &Keys, id: &GroupId, info: &[u8]) -> Self {
        let leaf = package::leaf(keys);
        let is_certified = is_certified(&leaf.account, &leaf.device, &leaf.peer, &keys.certificate);
        let tree = Tree::new(Member { leaf, is_certified, source: Source::Package, key: rng.bytes() });
        let mut group = Self::of(*id, 0, rng.bytes(), info.to_vec(), 0, tree);
        group.write();
        group
    }

    fn of(id: GroupId, epoch: u64, secret: [u8; 32], info: Vec<u8>, own: u32, tree: Tree) -> Self {
        Self { id, epoch, secret, info, own, tree, next: 0, heard: BTreeMap::new(), bag: Bag::scratch() }
    }

    pub(super) fn join(packages: &Bag, welcome: &[u8]) -> Result<(Self, Leaf), MlsError> {
        let mut reader = Reader::of(Form::Welcome, welcome).ok_or(WELCOME)?;
        let (text, tag) = welcome.split_last_chunk::<32>().ok_or(WELCOME)?;
        let mut found = None;
        for _ in 0..reader.count(68).ok_or(WELCOME)? {
            let (reference, at) = (reader.bytes().ok_or(WELCOME)?, reader.number().ok_or(WELCOME)?);
            let hidden = reader.bytes().ok_or(WELCOME)?;
            let secrets = package::secrets(packages, &reference).filter(|_| found.is_none());
            found = secrets.map(|(init, key)| (at, key, Package::mask(&fake::public(&init), &hidden))).or(found);
        }
        let (own, key, secret) = found.ok_or(MlsError::NoKeyPackage)?;
        if *tag != derive(Label::FakeGroup, &[b"tag", &secret, text]) {
            return Err(WELCOME);
        }
        let signer = reader.number().ok_or(WELCOME)?;
        let mut group = Self::decode(&mut reader, secret, own).ok_or(WELCOME)?;
        let sender = group.tree.member(signer).ok_or(WELCOME)?.clone();
        let (text, signature) = text.split_last_chunk::<64>().ok_or(WELCOME)?;
        let is_signed = *signature == fake::sign(&sender.leaf.device.0, &[blake3::hash(text).as_bytes()]);
        if !is_signed || !sender.is_certified || group.tree.member(own).is_none_or(|member| member.key != key) {
            return Err(WELCOME);
        }
        let devices: BTreeSet<DeviceId> = group.tree.members().map(|(_, member)| member.leaf.device).collect();
        if devices.len() != group.tree.members().count() || group.tree.members().any(|(_, member)| !member.is_certified) {
            return Err(MlsError::Invalid("leaf"));
        }
        group.write();
        Ok((group, sender.leaf))
    }

    /// From its stored values; `None` when they are not whole.
    pub(super) fn load(id: &GroupId, mut bag: Bag) -> Option<Self> {
        let mut reader = Reader::new(bag.value(&[STATE])?);
        let (secret, own) = (reader.bytes()?, reader.number()?);
        let mut group = Self::decode(&mut reader, secret, own).filter(|group| group.id == *id && reader.rest().is_empty())?;
        group.next = bag.value(&[SENT]).map_or(Some(0), |value| Reader::new(value).number())?;
        for (key, value) in bag.take(HEARD) {
            group.heard.insert(Reader::new(&key[1..]).number()?, Window::decode(&value)?);
        }
        Some(group)
    }

    pub(super) fn bag(&mut self) -> &mut Bag {
        &mut self.bag
    }

    pub(super) fn id(&self) -> GroupId {
        self.id
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn authenticator(&self) -> Vec<u8> {
        derive(Label::FakeGroup, &[b"authenticator", &self.secret]).to_vec()
    }

    pub(super) fn export(&self) -> [u8; 32] {
        derive(Label::FakeGroup, &[b"export", &self.secret])
    }

    pub(super) fn info(&self) -> &[u8] {
        &self.info
    }

    pub(super) fn leaves(&self) -> Vec<Leaf> {
        self.tree.members().map(|(_, member)| member.leaf).collect()
    }

    pub(super) fn encryption_key(&self, device: &DeviceId) -> Option<Vec<u8>> {
        self.tree.member(self.tree.find(device)?).map(|member| member.key.to_vec())
    }

    pub(super) fn commit(&mut self, rng: &mut Rng, keys: &Keys, adds: Vec<Package>, removes: &[DeviceId]) -> Result<Made, MlsError> {
        let mut gone: Vec<u32> = removes.iter().filter_map(|device| self.tree.find(device)).collect();
        gone.sort_unstable();
        gone.dedup();
        let mut packages: Vec<Package> = Vec::new();
        for package in adds {
            if packages.iter().all(|other| other.bytes != package.bytes) {
                packages.push(package);
            }
        }
        let change = Change { committer: self.own, key: rng.bytes(), removes: gone, adds: packages };
        let path: [u8; 32] = rng.bytes();
        let (tree, at, path_bytes) = self.apply(&change).ok_or(COMMITTING)?;
        let (commit, hash) = self.write_commit(&change, &path, &tree, path_bytes, keys);
        self.tree = tree;
        self.secret = after(&self.secret, &hash);
        self.epoch += 1;
        let welcome = (!change.adds.is_empty()).then(|| self.write_welcome(&change.adds, &at, keys));
        self.begin();
        Ok(Made { commit, welcome })
    }

    pub(super) fn stage(&self, commit: &[u8]) -> Result<Staged, MlsError> {
        let (text, tag) = commit.split_last_chunk::<32>().ok_or(COMMIT)?;
        let (text, signature) = text.split_last_chunk::<64>().ok_or(COMMIT)?;
        let change = self.read_commit(commit).ok_or(COMMIT)?;
        let committer = self.tree.member(change.committer).ok_or(COMMIT)?;
        let hash = *blake3::hash(text).as_bytes();
        let is_signed = *signature == fake::sign(&committer.leaf.device.0, &[&hash]);
        if !is_signed || *tag != self.tag(&hash) {
            return Err(COMMIT);
        }
        if change.committer == self.own {
            return Err(MlsError::OwnCommit);
        }
        let (tree, _, _) = self.apply(&change).ok_or(COMMIT)?;
        if !committer.is_certified || change.adds.iter().any(|package| !package.is_certified()) {
            return Err(MlsError::Invalid("leaf"));
        }
        let removed = change.removes.iter().filter_map(|at| self.tree.member(*at)).map(|member| member.leaf);
        let has_us = !change.removes.contains(&self.own);
        Ok(Staged {
            committer: committer.leaf,
            added: change.adds.iter().map(Package::leaf).collect(),
            removed: removed.collect(),
            removes_us: !has_us,
            inner: After { secret: after(&self.secret, &hash), tree, has_us }.into(),
        })
    }

    pub(super) fn merge(&mut self, staged: After) -> Result<(), MlsError> {
        if !staged.has_us {
            return Err(MlsError::Failed("merging"));
        }
        (self.tree, self.secret) = (staged.tree, staged.secret);
        self.epoch += 1;
        self.begin();
        Ok(())
    }

    pub(super) fn seal(&mut self, keys: &Keys, content: &[u8]) -> Result<Vec<u8>, MlsError> {
        let number = self.next;
        self.next = number.checked_add(1).ok_or(MlsError::Failed("sealing"))?;
        self.bag.set(vec![SENT], self.next.to_be_bytes().to_vec());
        let signed = vector(content.len()) + SIGNATURE;
        let size = FRAME + MESSAGE_HEAD + vector(signed + TAG);
        let mut writer = Writer::new(Form::Message, size);
        writer.bytes(&self.id.0);
        writer.bytes(&self.epoch.to_be_bytes());
        writer.number(self.own);
        writer.number(number);
        writer.bytes(&self.sender_tag(self.own, number));
        writer.number(content.len() as u32);
        writer.bytes(content);
        writer.pad(size - TAG);
        let tag = self.message_tag(&keys.device_id(), &writer.0);
        writer.bytes(&tag);
        Ok(writer.0)
    }

    pub(super) fn open(&mut self, bytes: &[u8]) -> Result<(Leaf, Vec<u8>), OpenError> {
        let invalid = OpenError::Invalid;
        let mut reader = Reader::of(Form::Message, bytes).ok_or(invalid)?;
        let group = GroupId(reader.bytes().ok_or(invalid)?);
        let epoch = u64::from_be_bytes(reader.bytes().ok_or(invalid)?);
        if group != self.id || epoch > self.epoch {
            return Err(invalid);
        }
        if epoch < self.epoch {
            return Err(OpenError::Old);
        }
        let (at, number) = (reader.number().ok_or(invalid)?, reader.number().ok_or(invalid)?);
        let leaf = self.tree.member(at).ok_or(invalid)?.leaf;
        let step = self.sender_tag(at, number);
        if reader.bytes() != Some(step) {
            return Err(invalid);
        }
        if at == self.own {
            return Err(OpenError::Own);
        }
        let mut window = self.heard.get(&at).copied().unwrap_or_default();
        window.peek(number)?;
        let (text, tag) = bytes.split_last_chunk().ok_or(invalid)?;
        if *tag != self.message_tag(&leaf.device, text) {
            return Err(invalid);
        }
        let content = reader.count(1).and_then(|len| reader.slice(len)).ok_or(invalid)?.to_vec();
        window.take(number);
        fake::witness(step, bytes);
        self.heard.insert(at, window);
        self.bag.set([&[HEARD][..], &at.to_be_bytes()].concat(), window.encode());
        Ok((leaf, content))
    }

    /// The tree after a change, where the new ones are, and the bytes of the committer's path; `None` for a change that RFC 9420
    /// section 12.2 forbids.
    fn apply(&self, change: &Change) -> Option<(Tree, Vec<u32>, usize)> {
        let mut tree = self.tree.clone();
        for at in &change.removes {
            tree.member(*at).filter(|_| *at != change.committer)?;
            tree.remove(*at);
        }
        let mut added = Vec::with_capacity(change.adds.len());
        let mut devices: BTreeSet<DeviceId> = tree.members().map(|(_, member)| member.leaf.device).collect();
        let mut keys: BTreeSet<[u8; 32]> = tree.members().map(|(_, member)| member.key).collect();
        for package in &change.adds {
            if !devices.insert(package.leaf().device) || !keys.insert(package.key()) {
                return None;
            }
            added.push(tree.add(package.member.clone()));
        }
        if !keys.insert(change.key) {
            return None;
        }
        tree.trim();
        let path = tree.renew(change.committer, change.key, &added);
        Some((tree, added, path))
    }

    fn write_commit(&self, change: &Change, path: &[u8; 32], tree: &Tree, path_bytes: usize, keys: &Keys) -> (Vec<u8>, [u8; 32]) {
        let leaf = tree.member(change.committer).map_or(0, |member| member.source.leaf_bytes());
        let proposals = change.adds.len() * (3 + package::IN_COMMIT) + change.removes.len() * 7;
        let size = FRAME + COMMIT_HEAD + vector(proposals) + 1 + leaf + path_bytes + SIGNATURE + 2 * HASH;
        let mut writer = Writer::new(Form::Commit, size);
        writer.bytes(&self.id.0);
        writer.bytes(&self.epoch.to_be_bytes());
        writer.number(change.committer);
        writer.bytes(&change.key);
        writer.bytes(path);
        writer.number(change.removes.len() as u32);
        change.removes.iter().for_each(|at| writer.number(*at));
        writer.number(change.adds.len() as u32);
        change.adds.iter().for_each(|package| writer.bytes(&package.bytes[4..]));
        writer.pad(size - 96);
        let hash = *blake3::hash(&writer.0).as_bytes();
        writer.bytes(&fake::sign(&keys.device_id().0, &[&hash]));
        writer.bytes(&self.tag(&hash));
        (writer.0, hash)
    }

    /// The fields of a commit to this epoch, nothing of them checked.
    fn read_commit(&self, commit: &[u8]) -> Option<Change> {
        let mut reader = Reader::of(Form::Commit, commit)?;
        let (group, epoch) = (GroupId(reader.bytes()?), u64::from_be_bytes(reader.bytes()?));
        if group != self.id || epoch != self.epoch {
            return None;
        }
        let (committer, key, _path): (_, _, [u8; 32]) = (reader.number()?, reader.bytes()?, reader.bytes()?);
        let removes = (0..reader.count(4)?).map(|_| reader.number()).collect::<Option<Vec<u32>>>()?;
        let mut adds = Vec::new();
        for _ in 0..reader.count(package::IN_COMMIT)? {
            adds.push(Package::open(&bytes::whole(Form::Package, reader.slice(package::IN_COMMIT)?))?);
        }
        Some(Change { committer, key, removes, adds })
    }

    /// A welcome to the epoch that this value is in by now.
    fn write_welcome(&self, adds: &[Package], at: &[u32], keys: &Keys) -> Vec<u8> {
        let mut writer = Writer::new(Form::Welcome, self.welcome_bytes(adds.len()));
        writer.number(adds.len() as u32);
        for (package, at) in adds.iter().zip(at) {
            writer.bytes(&package.reference());
            writer.number(*at);
            writer.bytes(&Package::mask(&package.init, &self.secret));
        }
        writer.number(self.own);
        self.encode(&mut writer);
        writer.pad(self.welcome_bytes(adds.len()) - 96);
        let signature = fake::sign(&keys.device_id().0, &[blake3::hash(&writer.0).as_bytes()]);
        writer.bytes(&signature);
        let tag = derive(Label::FakeGroup, &[b"tag", &self.secret, &writer.0]);
        writer.bytes(&tag);
        writer.0
    }

    /// Bytes of a welcome (RFC 9420 section 12.4.3.1).
    fn welcome_bytes(&self, count: usize) -> usize {
        let secrets = HASH + HASH + vector(HASH + 1 + HASH + 1 + TAG);
        let required = 2 + vector(vector(2) + vector(0) + vector(2));
        let context = 2 + 2 + HASH + 8 + HASH + HASH + vector(required + 2 + vector(self.info.len()));
        let shown = 2 + vector(self.tree.bytes());
        let info = context + vector(shown) + HASH + 4 + SIGNATURE;
        4 + 2 + vector(secrets * count) + vector(info + TAG)
    }

    /// What all members know of the epoch, but for its secret.
    fn encode(&self, out: &mut Writer) {
        out.bytes(&self.id.0);
        out.bytes(&self.epoch.to_be_bytes());
        out.number(self.info.len() as u32);
        out.bytes(&self.info);
        self.tree.encode(out);
    }

    fn decode(reader: &mut Reader, secret: [u8; 32], own: u32) -> Option<Self> {
        let (id, epoch) = (GroupId(reader.bytes()?), u64::from_be_bytes(reader.bytes()?));
        let len = reader.count(1)?;
        let info = reader.slice(len)?.to_vec();
        let tree = Tree::decode(reader)?;
        tree.member(own)?;
        Some(Self::of(id, epoch, secret, info, own, tree))
    }

    /// A new epoch has begun: nothing was sent or heard in it.
    fn begin(&mut self) {
        self.next = 0;
        self.heard.clear();
        self.write();
    }

    /// Puts all of a fresh epoch into the bag.
    fn write(&mut self) {
        let mut writer = Writer(Vec::new());
        writer.bytes(&self.secret);
        writer.number(self.own);
        self.encode(&mut writer);
        self.bag = Bag::scratch();
        self.bag.set(vec![STATE], writer.0);
    }

    fn tag(&self, hash: &[u8; 32]) -> [u8; 32] {
        derive(Label::FakeGroup, &[b"tag", &self.secret, hash])
    }

    /// Stands for the seal on who sent which message.
    fn sender_tag(&self, at: u32, number: u32) -> [u8; TAG] {
        self.short_tag(&[b"sender", &at.to_be_bytes(), &number.to_be_bytes()])
    }

    /// Stands for the seal on a message and the signature in it.
    fn message_tag(&self, device: &DeviceId, text: &[u8]) -> [u8; TAG] {
        self.short_tag(&[b"message", &device.0, text])
    }

    fn short_tag(&self, parts: &[&[u8]]) -> [u8; TAG] {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        parts.iter().for_each(|part| {
            hasher.update(part);
        });
        let mut tag = [0; TAG];
        hasher.finalize_xof().fill(&mut tag);
        tag
    }
}

/// The secret of the epoch that a commit of this hash makes.
fn after(secret: &[u8; 32], hash: &[u8; 32]) -> [u8; 32] {
    derive(Label::FakeGroup, &[b"epoch", secret, hash])
}

/// Bytes of what else stands before a message's ciphertext: its kind, associated data, and who sent it, sealed.
const MESSAGE_HEAD: usize = 1 + 1 + 1 + 12 + TAG;
/// The same for a commit: a member's leaf, associated data, its kind.
const COMMIT_HEAD: usize = 5 + 1 + 1;
