//! What must be so once everything is at rest, beside what people see: everybody has everybody's newest card and hears what was read,
//! mailboxes count right, and nothing more is sent to who was taken out of a group.

use std::collections::{BTreeMap, BTreeSet};

use super::Who;
use super::play::Play;
use crate::proto::mailbox::row::{Hold, Job, Sum, Tally, Usage, tally_key, usage_key};
use crate::types::{EnvelopeId, InboxId, MessageId, Table, View as _};
use crate::wire::row::{self, ContactState};

/// Entries of an inbox: messages, commits and welcomes, strangers', results of hand-overs; then hand-overs being tried.
type Counted = [Sum; 5];

impl Play {
    /// Somebody has an old card of a contact, or is not told that their message was read.
    pub(super) fn news_fault(&self) -> Option<String> {
        if !self.world.watch.spared.absent.is_empty() {
            return None;
        }
        for (who, whom) in self.all().flat_map(|who| self.all().map(move |whom| (who, whom))) {
            let account = self.account(whom);
            let contact = self.world.machines[who].disk.row::<row::Contact>(Table::Contact, &account.0);
            let Some(contact) = contact.filter(|contact| contact.state == ContactState::Accepted) else { continue };
            let is_mutual = self.contact(whom, who) == Some(ContactState::Accepted);
            if is_mutual && self.world.machines[whom].disk.get(Table::Meta, b"card").is_some_and(|card| card != contact.card) {
                return Some(format!("{who} never gets the newest card of {whom}"));
            }
        }
        // A receipt that mailboxes hold is not owed any more; it goes with them.
        let is_kept = self.world.watch.spared.liars.is_empty();
        if is_kept { self.all().find_map(|who| self.unread(who)) } else { None }
    }

    /// A message goes to somebody whom its sender had taken out.
    pub(super) fn sent_fault(&self) -> Option<String> {
        for (who, message) in self.model.secrets() {
            let account = self.account(*who);
            let rows = self.world.machines.iter().filter_map(|machine| machine.disk.row::<row::Index>(Table::Index, &message.0));
            if rows.flat_map(|index| index.custody).any(|(to, _)| to == account) {
                return Some(format!("{message:?} is sent to {who}, who was taken out before"));
            }
        }
        None
    }

    /// People of one room who are not in the same epoch.
    pub(super) fn epoch_fault(&self) -> Option<String> {
        // A new device may not know yet of a group that only its forerunner was in.
        if !self.world.watch.spared.absent.is_empty() {
            return None;
        }
        for (room, members) in &self.model.rooms {
            let epoch = |who: &Who| self.world.machines[*who].node.as_ref().and_then(|node| node.epoch(room));
            let members: Vec<&Who> = members.iter().collect();
            if let Some(pair) = members.windows(2).find(|pair| epoch(pair[0]) != epoch(pair[1])) {
                return Some(format!("{} and {} do not come to the same epoch of {room:?}", pair[0], pair[1]));
            }
        }
        None
    }

    /// A message that somebody read, of which its sender does not hear.
    fn unread(&self, who: Who) -> Option<String> {
        let read: Vec<(Vec<u8>, row::Index)> = self.world.machines[who].disk.all(Table::Index);
        for (key, index) in read.into_iter().filter(|(_, index)| index.read_at.is_some()) {
            let Some(sender) = self.all().find(|from| self.account(*from) == index.place.sender) else { continue };
            let members = self.model.rooms.get(&index.place.room);
            if !members.is_some_and(|members| members.contains(&who) && members.contains(&sender)) {
                continue;
            }
            let there = self.world.machines[sender].disk.row::<row::Index>(Table::Index, &key);
            let mut custody = there.iter().flat_map(|index| &index.custody);
            if custody.any(|(account, custody)| *account == self.account(who) && custody.read.is_none()) {
                let message = MessageId::from_slice(&key)?;
                return Some(format!("{sender} never hears that {who} read {message:?}"));
            }
        }
        None
    }

    /// A mailbox whose counters are not what it holds.
    pub(super) fn books_fault(&self) -> Option<String> {
        let honest = self.all().filter(|who| !self.world.watch.spared.liars.contains(who));
        honest.into_iter().find_map(|who| Some(format!("{who} miscounts: {}", self.miscount(who)?)))
    }

    fn miscount(&self, who: Who) -> Option<String> {
        let disk = &self.world.machines[who].disk;
        let mut inboxes: BTreeMap<InboxId, Counted> = BTreeMap::new();
        let mut tokens: BTreeMap<Vec<u8>, Usage> = BTreeMap::new();
        let mut bodies: BTreeSet<EnvelopeId> = BTreeSet::new();
        for (key, hold) in disk.all::<Hold>(Table::Held) {
            let inbox = InboxId(*key.first_chunk::<32>()?);
            add(&mut inboxes.entry(inbox).or_default()[hold.part as usize], hold.bytes);
            if let Some(token) = hold.token {
                let usage = tokens.entry(usage_key(&inbox, &token)).or_default();
                let is_control = hold.part == crate::proto::mailbox::row::Part::Control;
                add(if is_control { &mut usage.control } else { &mut usage.chat }, hold.bytes);
            }
            if !disk.has(Table::Body, &hold.envelope.0) {
                return Some(format!("{:?} is held without its bytes", hold.envelope));
            }
            bodies.insert(hold.envelope);
        }
        for (key, job) in disk.all::<Job>(Table::Handover).into_iter().filter(|(key, _)| key.first() == Some(&1)) {
            add(&mut inboxes.entry(InboxId(*key[1..].first_chunk::<32>()?)).or_default()[4], job.bytes);
        }
        for (key, _) in disk.scan(&crate::types::Scan::prefix(Table::Inbox, [])) {
            if let (32, Some(inbox)) = (key.len(), key.first_chunk::<32>()) {
                let tally = disk.row::<Tally>(Table::Inbox, &tally_key(&InboxId(*inbox))).unwrap_or_default();
                let has = [tally.chat, tally.control, tally.stranger, tally.report, tally.handover];
                let counted = inboxes.remove(&InboxId(*inbox)).unwrap_or_default();
                if has != counted {
                    return Some(format!("{has:?} for {counted:?}"));
                }
            } else if key.get(32) == Some(&3) {
                let usage = disk.row::<Usage>(Table::Inbox, &key).unwrap_or_default();
                if Some(usage) != tokens.remove(&key) {
                    return Some(format!("{usage:?} for a token"));
                }
            }
        }
        let stored = disk.scan(&crate::types::Scan::prefix(Table::Body, []));
        let is_idle = |key: &[u8]| key.len() == 32 && !bodies.iter().any(|body| body.0[..] == *key);
        let idle = stored.iter().filter(|(key, _)| is_idle(key)).count();
        (!inboxes.is_empty() || !tokens.is_empty() || idle > 0)
            .then(|| format!("{} inboxes and {} tokens that it does not know, {idle} bodies for nobody", inboxes.len(), tokens.len()))
    }
}

fn add(sum: &mut Sum, bytes: u64) {
    sum.bytes += bytes;
    sum.count += 1;
}
