//! Which branch a room follows: a pure function of the known epochs, so that devices that know the same commits agree,
//! in whatever order those came.
//!
//! At each epoch the best commit goes on: one that removes somebody before one that does not, then the lowest rank, which
//! is derived from the epoch and the committing device and so cannot be chosen, then the lowest hash of the commit. Once a
//! branch is longer than the parked epochs reach back, there are devices that cannot leave it; then the longest goes on.

use std::cmp::Reverse;

use super::EpochId;
use super::branch::{Epoch, Intent, Room, State};
use crate::crypto::label::{Label, derive};
use crate::types::Millis;
use crate::types::limits::{EPOCHS_MAX, EXPIRED_EPOCHS_MAX, PARKED_EPOCH_TTL_MS, PARKED_EPOCHS_MAX};

/// Lower is better.
type Rank = (bool, [u8; 32], [u8; 32]);

fn rank(parent: &EpochId, child: &Epoch) -> Rank {
    match &child.by {
        Some(by) => (!by.removes, derive(Label::CommitRank, &[parent, &by.committer.0]), by.digest),
        None => (true, [0xff; 32], [0xff; 32]),
    }
}

impl Room {
    fn children<'a>(&'a self, id: &'a EpochId) -> impl Iterator<Item = &'a Epoch> {
        self.epochs.iter().filter(move |epoch| epoch.parent.as_ref() == Some(id))
    }

    /// Whether an epoch or one that follows it is more than hearsay.
    fn is_grounded(&self, epoch: &Epoch) -> bool {
        epoch.state != State::Heard || self.children(&epoch.id).any(|child| self.is_grounded(child))
    }

    /// The end of the best branch from here.
    fn descend<'a>(&'a self, from: &'a Epoch) -> &'a Epoch {
        let ends = self.children(&from.id).filter(|child| self.is_grounded(child)).map(|child| (child, self.descend(child)));
        let ends: Vec<(&Epoch, &Epoch)> = ends.collect();
        // Who is that far down a branch has forgotten this fork and cannot come back: the others go there.
        let is_settled = ends.iter().any(|(_, end)| end.number.saturating_sub(from.number) > PARKED_EPOCHS_MAX as u64);
        let best = if is_settled {
            ends.iter().min_by_key(|(_, end)| (Reverse(end.number), end.id))
        } else {
            ends.iter().min_by_key(|(child, _)| rank(&from.id, child))
        };
        best.map_or(from, |(_, end)| end)
    }

    /// The epoch the room is in. Among epochs that nothing known connects (beyond the horizon, or groups made by two at
    /// once) the highest generation goes first, then the lowest group, then where this device asked to be, the highest
    /// number, the lowest id.
    pub(super) fn choose(&self) -> Option<EpochId> {
        let roots = self.epochs.iter().filter(|epoch| self.parent(epoch).is_none());
        let tips = roots.filter(|root| self.is_grounded(root)).map(|root| self.descend(root));
        let asked = self.anchor.and_then(|anchor| self.epoch(&anchor)).map(|anchor| self.root(anchor).id);
        let is_far = |tip: &Epoch| asked.is_some_and(|root| self.root(tip).id != root);
        tips.min_by_key(|tip| (Reverse(tip.generation), tip.group, is_far(tip), Reverse(tip.number), tip.id)).map(|tip| tip.id)
    }

    /// The known epoch that this one follows.
    pub(super) fn parent(&self, epoch: &Epoch) -> Option<&Epoch> {
        self.epoch(&epoch.parent?)
    }

    /// The oldest known epoch that this one follows.
    fn root<'a>(&'a self, epoch: &'a Epoch) -> &'a Epoch {
        std::iter::successors(Some(epoch), |epoch| self.parent(epoch)).last().unwrap_or(epoch)
    }

    /// An epoch and those it follows, back to the oldest known.
    pub(super) fn path(&self, id: &EpochId) -> Vec<&Epoch> {
        std::iter::successors(self.epoch(id), |epoch| self.parent(epoch)).collect()
    }

    /// Whether `id` is `root` or follows it.
    pub(super) fn follows(&self, id: &EpochId, root: &EpochId) -> bool {
        self.path(id).iter().any(|epoch| epoch.id == *root)
    }

    /// Takes the intents of own commits that are not on the way to the tip, oldest first.
    pub(super) fn take_lost(&mut self) -> Vec<Intent> {
        let kept: Vec<EpochId> = self.path(&self.tip).iter().map(|epoch| epoch.id).collect();
        let mut lost: Vec<&mut Epoch> = self.epochs.iter_mut().filter(|epoch| !kept.contains(&epoch.id)).collect();
        lost.sort_by_key(|epoch| epoch.number);
        lost.into_iter().flat_map(|epoch| std::mem::take(&mut epoch.intents)).collect()
    }

    /// Takes out what lies beyond the horizon: all but the last epochs on the way to the tip with the branches that leave
    /// them, everything left too long ago, and the worst branches when there are too many.
    pub(super) fn prune(&mut self, wall: Millis) -> Vec<Epoch> {
        let old = |epoch: &Epoch| epoch.left.is_some_and(|left| left.saturating_add(PARKED_EPOCH_TTL_MS) <= wall);
        let path = self.path(&self.tip);
        let oldest = path.last().map(|epoch| epoch.id);
        let root = path.iter().take(PARKED_EPOCHS_MAX + 1).take_while(|epoch| !old(epoch)).last().map(|epoch| epoch.id);
        let (Some(oldest), Some(root)) = (oldest, root) else { return Vec::new() };
        let dropped: Vec<EpochId> = self
            .epochs
            .iter()
            .filter(|epoch| {
                let is_ours = self.follows(&epoch.id, &oldest);
                if is_ours { !self.follows(&epoch.id, &root) } else { self.is_whole_tree(epoch, &old) }
            })
            .map(|epoch| epoch.id)
            .collect();
        let mut taken = self.take(&dropped);
        while self.epochs.len() > EPOCHS_MAX {
            let Some(worst) = self.worst() else { break };
            let branch: Vec<EpochId> = self.epochs.iter().map(|epoch| epoch.id).filter(|id| self.follows(id, &worst)).collect();
            taken.extend(self.take(&branch));
        }
        if self.anchor.is_some() {
            self.anchor = self.path(&self.tip).last().map(|oldest| oldest.id);
        }
        taken
    }

    /// Whether all epochs connected to this one are such.
    fn is_whole_tree(&self, epoch: &Epoch, such: &dyn Fn(&Epoch) -> bool) -> bool {
        let root = self.path(&epoch.id).last().map(|root| root.id);
        root.is_some_and(|root| self.epochs.iter().filter(|other| self.follows(&other.id, &root)).all(such))
    }

    /// The branch to do without first: an unconnected one, then the worst at the oldest fork.
    fn worst(&self) -> Option<EpochId> {
        let path: Vec<EpochId> = self.path(&self.tip).iter().map(|epoch| epoch.id).collect();
        let losing = self.epochs.iter().filter(|epoch| !path.contains(&epoch.id));
        let heads = losing.filter(|epoch| epoch.parent.is_none_or(|parent| path.contains(&parent) || self.epoch(&parent).is_none()));
        heads
            .min_by_key(|epoch| {
                let fork = epoch.parent.filter(|parent| path.contains(parent));
                (fork.is_some(), epoch.number, fork.map(|fork| Reverse(rank(&fork, epoch))), epoch.id)
            })
            .map(|epoch| epoch.id)
    }

    fn take(&mut self, ids: &[EpochId]) -> Vec<Epoch> {
        let taken: Vec<Epoch> = self.epochs.extract_if(.., |epoch| ids.contains(&epoch.id)).collect();
        self.gone.extend(taken.iter().filter(|epoch| epoch.state == State::Here).map(Epoch::hint));
        let over = self.gone.len().saturating_sub(EXPIRED_EPOCHS_MAX);
        self.gone.drain(..over);
        taken
    }
}
