//! The tree of a group, as far as it decides who is in it, in which order, and how long messages are: which leaf a new member
//! gets, which nodes are blank, and for how many of them a committer would have to seal (RFC 9420 sections 4 and 7).

use super::bytes::{HASH, PATH_SECRET, Reader, SIGNATURE, Writer, vector};
use crate::crypto::mls::Leaf;
use crate::types::DeviceId;

/// A member.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) leaf: Leaf,
    /// Whether its account certified it.
    pub(super) is_certified: bool,
    pub(super) source: Source,
    /// Its encryption key.
    pub(super) key: [u8; 32],
}

/// What a leaf came with, which decides how long it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A key package.
    Package,
    /// A commit.
    Commit,
    /// A commit of the only member.
    Alone,
}

impl Source {
    /// Bytes of such a leaf (RFC 9420 section 7.2): two keys, the identity, capabilities, the source, no extensions, a signature.
    pub(super) const fn leaf_bytes(self) -> usize {
        let identity = 2 + vector(Leaf::LEN);
        let capabilities = vector(2) + vector(2) + vector(6) + vector(0) + vector(2);
        let source = match self {
            Self::Package => 16,
            Self::Commit => HASH,
            Self::Alone => vector(0),
        };
        2 * HASH + identity + capabilities + 1 + source + vector(0) + SIGNATURE
    }
}

/// A node above the leaves that has keys.
#[derive(Clone, PartialEq, Eq)]
struct Parent {
    /// Leaves below it that came after its keys.
    unmerged: Vec<u32>,
    /// Whether it was the uppermost of its commit's path.
    is_top: bool,
}

/// The tree.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Tree {
    /// The last one is not blank.
    leaves: Vec<Option<Member>>,
    /// One less than the leaves of the full tree.
    parents: Vec<Option<Parent>>,
}

impl Tree {
    /// With one member.
    pub(super) fn new(member: Member) -> Self {
        Self { leaves: vec![Some(member)], parents: Vec::new() }
    }

    pub(super) fn member(&self, at: u32) -> Option<&Member> {
        self.leaves.get(at as usize)?.as_ref()
    }

    /// The members and where they are, in order.
    pub(super) fn members(&self) -> impl Iterator<Item = (u32, &Member)> {
        self.leaves.iter().zip(0..).filter_map(|(member, at)| Some((at, member.as_ref()?)))
    }

    /// Where a device is.
    pub(super) fn find(&self, device: &DeviceId) -> Option<u32> {
        self.members().find(|(_, member)| member.leaf.device == *device).map(|(at, _)| at)
    }

    /// Blanks a leaf and what is above it. The tree is as small as can be after [`trim`](Self::trim).
    pub(super) fn remove(&mut self, at: u32) {
        if let Some(leaf) = self.leaves.get_mut(at as usize) {
            *leaf = None;
        }
        for parent in self.path(at) {
            self.parents[parent] = None;
        }
    }

    /// Puts a member into the first blank leaf; where that is.
    pub(super) fn add(&mut self, member: Member) -> u32 {
        let at = self.leaves.iter().position(Option::is_none).unwrap_or(self.leaves.len());
        if at == self.leaves.len() {
            self.leaves.push(None);
        }
        self.leaves[at] = Some(member);
        self.parents.resize(self.parents.len().max(self.width() - 1), None);
        for parent in self.path(at as u32) {
            if let Some(parent) = &mut self.parents[parent] {
                parent.unmerged.push(at as u32);
                parent.unmerged.sort_unstable();
            }
        }
        at as u32
    }

    /// Drops blank leaves at the end, and the halves of the tree that are empty then.
    pub(super) fn trim(&mut self) {
        let last = self.leaves.iter().rposition(Option::is_some).unwrap_or(0);
        self.leaves.truncate(last + 1);
        self.parents.resize(self.width() - 1, None);
    }

    /// A committer's fresh path (RFC 9420 section 7.4), sealed to all but the new ones: bytes of its nodes in the commit.
    pub(super) fn renew(&mut self, at: u32, key: [u8; 32], added: &[u32]) -> usize {
        let mut nodes = 0;
        let mut filled = Vec::new();
        let mut below = 2 * at as usize;
        for parent in self.path(at) {
            let [left, right] = children(2 * parent + 1);
            let copath = if left == below { right } else { left };
            below = 2 * parent + 1;
            if self.resolve(copath, &[]) > 0 {
                nodes += HASH + vector(PATH_SECRET * self.resolve(copath, added));
                filled.push(parent);
            }
        }
        for parent in self.path(at) {
            self.parents[parent] = None;
        }
        let top = filled.last().copied();
        for parent in &filled {
            self.parents[*parent] = Some(Parent { unmerged: Vec::new(), is_top: Some(*parent) == top });
        }
        if let Some(member) = self.leaves.get_mut(at as usize).and_then(Option::as_mut) {
            member.key = key;
            member.source = if top.is_none() { Source::Alone } else { Source::Commit };
        }
        vector(nodes)
    }

    /// Bytes of it in a welcome (RFC 9420 section 12.4.3.3).
    pub(super) fn bytes(&self) -> usize {
        let leaves = self.leaves.iter().map(|leaf| 1 + leaf.as_ref().map_or(0, |member| 1 + member.source.leaf_bytes()));
        let parent = |parent: &Parent| 1 + HASH + if parent.is_top { vector(0) } else { HASH } + vector(4 * parent.unmerged.len());
        let parents = self.parents.iter().take(self.leaves.len() - 1).map(|node| 1 + node.as_ref().map_or(0, parent));
        vector(leaves.sum::<usize>() + parents.sum::<usize>())
    }

    /// Leaves of the full tree, blanks included.
    fn width(&self) -> usize {
        self.leaves.len().next_power_of_two()
    }

    /// The parents above a leaf, lowest first; parent `n` is node `2n + 1` of RFC 9420 appendix C.
    fn path(&self, leaf: u32) -> impl Iterator<Item = usize> + use<> {
        let count = self.parents.len();
        let levels = (count + 1).trailing_zeros();
        (0..levels).map(move |level| {
            let node = ((2 * leaf as usize) | ((1 << (level + 1)) - 1)) & !(1 << (level + 1));
            node / 2
        })
    }

    /// For how many nodes one seals to reach everybody below a node, but for some leaves.
    fn resolve(&self, node: usize, without: &[u32]) -> usize {
        let is_meant = |leaf: &u32| !without.contains(leaf);
        if node.is_multiple_of(2) {
            let leaf = (node / 2) as u32;
            return usize::from(self.member(leaf).is_some() && is_meant(&leaf));
        }
        match &self.parents[node / 2] {
            Some(parent) => 1 + parent.unmerged.iter().filter(|leaf| is_meant(leaf)).count(),
            None => children(node).into_iter().map(|child| self.resolve(child, without)).sum(),
        }
    }

    pub(super) fn encode(&self, out: &mut Writer) {
        out.number(self.leaves.len() as u32);
        for member in &self.leaves {
            let Some(member) = member else {
                out.bytes(&[0]);
                continue;
            };
            let source = 1 + member.source as u8;
            out.bytes(&[source | u8::from(member.is_certified) << 7]);
            out.leaf(&member.leaf);
            out.bytes(&member.key);
        }
        for parent in &self.parents {
            match parent {
                None => out.bytes(&[0]),
                Some(parent) => {
                    out.bytes(&[1 + u8::from(parent.is_top)]);
                    out.number(parent.unmerged.len() as u32);
                    parent.unmerged.iter().for_each(|leaf| out.number(*leaf));
                }
            }
        }
    }

    pub(super) fn decode(reader: &mut Reader) -> Option<Self> {
        let count = reader.count(1)?;
        let mut leaves = Vec::with_capacity(count);
        for _ in 0..count {
            let [kind] = reader.bytes()?;
            let source = match kind & 0x7f {
                0 => None,
                1 => Some(Source::Package),
                2 => Some(Source::Commit),
                3 => Some(Source::Alone),
                _ => return None,
            };
            leaves.push(match source {
                Some(source) => Some(Member { leaf: reader.leaf()?, is_certified: kind > 0x7f, source, key: reader.bytes()? }),
                None => None,
            });
        }
        leaves.last()?.as_ref()?;
        let mut parents = Vec::with_capacity(count);
        for _ in 1..count.next_power_of_two() {
            let [kind] = reader.bytes()?;
            parents.push(match kind {
                0 => None,
                1 | 2 => {
                    let unmerged = (0..reader.count(4)?).map(|_| reader.number()).collect::<Option<_>>()?;
                    Some(Parent { unmerged, is_top: kind == 2 })
                }
                _ => return None,
            });
        }
        Some(Self { leaves, parents })
    }
}

/// The two nodes below one (RFC 9420 appendix C).
fn children(node: usize) -> [usize; 2] {
    let level = node.trailing_ones();
    let step = 1 << (level - 1);
    [node - step, node + step]
}
