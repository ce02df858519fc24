//! What a person's machine must come to once all is calm: everything is where it belongs, nothing is owed, held or asked for any more.

use super::Who;
use super::play::Play;
use crate::crypto::fake;
use crate::types::limits::ENVELOPE_TTL_MS;
use crate::types::{AccountId, MessageId, RoomId, Scan, Table, View as _};
use crate::wire::content::Body;
use crate::wire::row;

impl Play {
    /// What stands in a room on somebody's machine, in order: messages, and what was said about each.
    pub(super) fn shown(&self, who: Who, room: &RoomId) -> Vec<(MessageId, Body)> {
        let disk = &self.world.machines[who].disk;
        let mut shown = Vec::new();
        for (key, value) in disk.scan(&Scan::prefix(Table::Message, room.0)) {
            let Some((place, message)) = row::Place::from_key(&key).zip(row::decode::<row::Message>(&value).ok()) else { continue };
            shown.extend(message.body().map(|body| (place.message, body)));
            for (_, value) in disk.scan(&Scan::prefix(Table::Mark, row::marks_of(&place))) {
                let mark = row::decode::<row::Mark>(&value).ok();
                shown.extend(mark.and_then(|mark| Some((mark.message, mark.body()?))));
            }
        }
        shown
    }

    /// What is not yet where it belongs.
    pub(super) fn unsettled(&self) -> Option<String> {
        let has = |who: Who, message: &MessageId| self.world.machines[who].disk.has(Table::Index, &message.0);
        self.sent_fault()
            .or_else(|| self.people_fault())
            .or_else(|| self.model.fault(|who, room| self.shown(who, room)))
            .or_else(|| self.model.leak(has))
            .or_else(|| self.mailbox_fault())
            .or_else(|| self.news_fault())
            .or_else(|| self.epoch_fault())
            .or_else(|| self.bodies_fault())
            .or_else(|| (fake::reused() > 0).then(|| "a step of a ratchet served two messages".to_owned()))
    }

    fn people_fault(&self) -> Option<String> {
        for who in 0..usize::from(self.people) {
            let disk = &self.world.machines[who].disk;
            let strangers = self.strangers.iter().filter(|(_, other)| *other == who).map(|(gone, _)| *gone);
            let hosts = self.turned_away.iter().filter(|(guest, _)| *guest == who).map(|(_, host)| *host);
            let lost: Vec<AccountId> = strangers.chain(hosts).map(|other| self.account(other)).collect();
            let mut owed: Vec<(Vec<u8>, row::Outbox)> = disk.all(Table::Outbox);
            owed.retain(|(key, _)| !lost.iter().any(|account| key.starts_with(&account.0)));
            if let Some((_, first)) = owed.first() {
                return Some(format!("{who} still owes {} things, the first is a {}", owed.len(), word(&first.cargo)));
            }
            for (table, what) in [(Table::Envelope, "sealed bytes for nobody"), (Table::Owed, "receipts that it owes")] {
                if disk.count(table) > 0 && lost.is_empty() {
                    return Some(format!("{who} keeps {what}"));
                }
            }
            for (key, index) in disk.all::<row::Index>(Table::Index) {
                let is_here = self.model.rooms.get(&index.place.room).is_some_and(|members| members.contains(&who));
                if let Some(fault) = MessageId::from_slice(&key).and_then(|message| self.expiry_fault(who, message, &index)) {
                    return Some(fault);
                }
                let unheard = index.custody.iter().find(|(_, custody)| custody.delivered.is_none() && !custody.expired);
                if let Some((account, _)) = unheard.filter(|_| is_here) {
                    return Some(format!("{who} never hears that {:?} arrived at {account:?}", MessageId::from_slice(&key)));
                }
            }
            let heads: Vec<(Vec<u8>, row::Heads)> = disk.all(Table::Heads);
            if heads.iter().any(|(_, heads)| !heads.holes.is_empty()) {
                return Some(format!("{who} still asks for what it lacks"));
            }
            let bags = disk.count(Table::Bag);
            if bags > BAGS_MAX {
                return Some(format!("{who} keeps {bags} values of MLS"));
            }
        }
        self.world.watch.blames.first().filter(|_| !self.world.watch.spared.junk && self.is_honest()).cloned()
    }

    /// A message can no longer arrive when its time is over, or when one of the two was taken out of the room; not when it did.
    fn expiry_fault(&self, who: Who, message: MessageId, index: &row::Index) -> Option<String> {
        let is_early = self.world.now < ENVELOPE_TTL_MS;
        let members = self.model.rooms.get(&index.place.room);
        let are_together = |account: &AccountId| {
            members.is_some_and(|members| members.contains(&who) && members.iter().any(|other| self.account(*other) == *account))
        };
        let is_untrue = |(account, custody): &(AccountId, row::Custody)| {
            let has_arrived = custody.delivered.is_some() || self.world.watch.had.contains(&(*account, message));
            custody.expired && (has_arrived || (is_early && are_together(account)))
        };
        index.custody.iter().any(is_untrue).then(|| format!("{who} is shown that {message:?} can no longer arrive"))
    }

    fn is_honest(&self) -> bool {
        self.world.machines.iter().all(|machine| machine.state.lie.is_none() && machine.state.trick.is_none())
    }

    fn mailbox_fault(&self) -> Option<String> {
        for who in self.all() {
            let machine = &self.world.machines[who];
            if !machine.is_up() || machine.state.lie.is_some() {
                continue;
            }
            let (held, handed) = (machine.disk.count(Table::Held), machine.disk.count(Table::Handover));
            if held > 0 && self.world.watch.spared.absent.is_empty() {
                return Some(format!("{who} still holds {held}"));
            }
            if held == 0 && machine.disk.count(Table::Body) > 0 {
                return Some(format!("{who} keeps bodies that nobody waits for"));
            }
            // Who is a stranger now is tried until it is too late; and one that comes back from a copy goes on with what was taken back since.
            let is_copy = self.world.watch.spared.absent.contains(&who);
            if handed > 0 && !is_copy && self.is_honest() && self.strangers.is_empty() {
                return Some(format!("{who} still hands over {handed}"));
            }
        }
        None
    }
}

/// Values of MLS that a machine with a few rooms keeps at most.
const BAGS_MAX: usize = 2_000;

fn word(cargo: &row::Cargo) -> &'static str {
    match cargo {
        row::Cargo::Message { .. } => "message",
        row::Cargo::Content { .. } => "content",
        row::Cargo::Commit { .. } => "commit",
        row::Cargo::Knock => "knock",
        row::Cargo::Copy => "copy",
        row::Cargo::Welcome { .. } => "welcome",
        row::Cargo::Rejoin { .. } => "rejoin",
    }
}
