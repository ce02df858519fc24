//! What must be so in a storm, and after it.

use std::collections::{BTreeMap, BTreeSet};

use tidings::proto::mailbox::row::{Hold, Job, goal_parts, job_of};
use tidings::types::time::{HOUR, MINUTE};
use tidings::types::{AccountId, EnvelopeId, MessageId, RoomId, Scan, Table, View as _};
use tidings::wire::content::{Body, Content};
use tidings::wire::{codec, row};

use super::storm::{Sent, Storm, Tally};

impl Storm {
    /// Nothing is shown that a mailbox or a receiver lacks.
    pub(super) fn look(&mut self) {
        let names: BTreeMap<AccountId, &'static str> = self.people.iter().map(|name| (self.world.person(name).account(), *name)).collect();
        for person in self.world.people.values() {
            self.held += person.rows.scan(&Scan::prefix(Table::Held, [])).len() as u64;
        }
        let seed = self.seed;
        for name in &self.people {
            for (key, index) in self.world.person(name).rows.all::<row::Index>(Table::Index) {
                let message = MessageId::from_slice(&key).unwrap();
                for (account, custody) in &index.custody {
                    let other = names[account];
                    let is_there = self.world.person(other).rows.get(Table::Index, &message.0).is_some()
                        || self.had.contains(&(other.to_owned(), message));
                    assert!(
                        is_there || (custody.delivered.is_none() && custody.read.is_none()),
                        "seed {seed}: {name} is shown an arrival at {other} that never was"
                    );
                    // What is owed to who is out of the group, or by them, is given up.
                    let has_moved = self.moved.contains_key(name) || self.moved.contains_key(other);
                    let is_out = self.group == Some(index.place.room) && has_moved;
                    assert!(is_out || !custody.expired, "seed {seed}: nothing is old enough to expire");
                    // Whom one blocks is not told that it was; and whoever went back to a backup believes what was so then.
                    let is_excused = self.blocked.contains(&(other, *name)) || self.restored == Some(*name);
                    if !is_there && !is_excused {
                        self.look_at_holders(name, other, custody);
                    }
                }
            }
        }
    }

    /// Who is shown to hold a message does: in the inbox of its receiver, or to hand it on to them.
    fn look_at_holders(&self, name: &'static str, other: &'static str, custody: &row::Custody) {
        let receiver = self.world.person(other);
        for (mailbox, _) in &custody.held {
            let (holder, mailbox) = self.world.people.iter().find(|(_, person)| person.keys.peer_id() == *mailbox).unwrap();
            if self.burnt.contains(holder.as_str()) || self.restored == Some(holder.as_str()) {
                continue;
            }
            let key = [&receiver.account().0[..], &custody.order.to_be_bytes()].concat();
            let owed = self.world.person(name).rows.get(Table::Outbox, &key).and_then(|row| row::decode::<row::Outbox>(&row).ok());
            let envelope = owed.and_then(|row| row.envelope).expect("what is held is sealed and owed");
            let inbox = row::decode::<row::Mailbox>(&receiver.rows.get(Table::Mailbox, &mailbox.keys.peer_id().0).unwrap_or_default());
            let is_held = inbox.is_ok_and(|row| {
                let held = mailbox.rows.scan(&Scan::prefix(Table::Held, row.inbox.0));
                held.iter().any(|(_, hold)| row::decode::<Hold>(hold).unwrap().envelope == envelope)
            });
            let jobs = mailbox.rows.scan(&Scan::prefix(Table::Handover, [1])).into_iter();
            let mut jobs =
                jobs.filter(|(key, _)| job_of(key).unwrap().envelope == envelope).map(|(_, job)| row::decode::<Job>(&job).unwrap());
            let is_theirs = |job: &Job| job.goals.iter().any(|(target, _)| target.peer == receiver.keys.peer_id());
            let is_handed = jobs.any(|job| self.restored == Some(other) || is_theirs(&job));
            // Or its receiver could not open it, and is about to say so.
            let is_lost = self.says_lost(other, name, &envelope);
            if !is_held && !is_handed && !is_lost {
                self.world.find(&envelope);
            }
            assert!(
                is_held || is_handed || is_lost,
                "seed {}: {name} is shown {holder} as a holder for {other}, which it is not",
                self.seed
            );
        }
    }

    /// Whether somebody has it written down, or sealed, that they can never open an envelope.
    fn says_lost(&self, who: &str, to: &str, envelope: &EnvelopeId) -> bool {
        let (rows, to) = (&self.world.person(who).rows, self.world.person(to).account());
        let is_noted = rows.scan(&Scan::prefix(Table::Meta, b"lost/")).iter().any(|(key, _)| key.ends_with(&envelope.0));
        let owed = rows.scan(&Scan::prefix(Table::Outbox, to.0)).into_iter().map(|(_, row)| row::decode::<row::Outbox>(&row).unwrap());
        let says = |row: row::Outbox| {
            let row::Cargo::Content { content, .. } = row.cargo else { return false };
            let body = Body::open(&codec::decode::<Content>(&content).unwrap().body);
            matches!(body, Ok(Body::Lost { envelopes }) if envelopes.contains(envelope))
        };
        is_noted || owed.into_iter().any(says)
    }

    /// What a person is shown of what these people said.
    fn shown_by(&self, whom: &[&str], name: &str, room: &RoomId) -> Vec<(Vec<u8>, Vec<u8>)> {
        let accounts: Vec<AccountId> = whom.iter().map(|name| self.world.person(name).account()).collect();
        let mut shown = self.world.shown(name, room);
        shown.retain(|(key, _)| accounts.iter().any(|account| key.windows(32).any(|part| part == account.0)));
        shown
    }

    pub(super) fn calm(mut self) -> Tally {
        let seed = self.seed;
        self.world.crash_permille = 0;
        self.world.heal();
        self.world.people.values_mut().for_each(|person| person.ahead = person.ahead.min(50 * MINUTE));
        for name in self.people.iter().chain(&self.relays) {
            if !self.is_up(name) && !self.burnt.contains(name) {
                self.world.start(name);
            }
        }
        let mut steps = self.world.run(4 * HOUR);
        self.look();
        self.judge_what_is_shown();
        self.judge_what_was_sent();
        self.people.iter().for_each(|name| self.judge_what_is_owed(name));
        self.judge_what_is_kept();
        let idle = self.world.run(HOUR);
        assert!(idle < 1_000, "seed {seed}: {idle} steps in an hour in which nothing happens");
        steps += idle;
        Tally { sent: self.counter, crashes: self.world.crashes, held: self.held, steps }
    }

    /// Everybody sees the same, and nothing twice.
    fn judge_what_is_shown(&self) {
        let seed = self.seed;
        for (a, b) in &self.pairs {
            let room = self.world.room(a, b);
            assert_eq!(self.world.shown(a, &room), self.world.shown(b, &room), "seed {seed}: {a} and {b} see the same");
        }
        if let Some(room) = self.group {
            // What was said by those who were in it from the start to the end.
            let settled = self.settled(&room, 0);
            let mut views = settled.iter().map(|name| (name, self.shown_by(&settled, name, &room)));
            let (_, first) = views.next().unwrap();
            self.world.compare(&room);
            views.for_each(|(name, view)| assert_eq!(first, view, "seed {seed}: {name} sees the same group"));
        }
        for name in &self.people {
            let rows = self.world.person(name).rows.all::<row::Message>(Table::Message).into_iter();
            let shown: Vec<String> = rows.filter_map(|(_, row)| text_in(row.body()?)).collect();
            assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), shown.len(), "seed {seed}: nothing twice");
        }
    }

    /// Every text that `send` took is with everybody for whom it was.
    fn judge_what_was_sent(&self) {
        let seed = self.seed;
        for Sent { room, from, to, at, text } in &self.sent {
            let mut settled = self.settled(room, *at);
            settled.retain(|name| to.contains(&self.world.person(name).account()));
            let lacks = |name: &&&str| {
                let mut rows = self.world.person(name).rows.all::<row::Message>(Table::Message).into_iter();
                !rows.any(|(_, row)| row.body().and_then(text_in).as_ref() == Some(text))
            };
            let lacking: Vec<_> = settled.iter().filter(lacks).collect();
            if !lacking.is_empty() {
                self.world.compare(room);
            }
            assert!(!settled.contains(from) || lacking.is_empty(), "seed {seed}: {text}, of {at}, is lost to {lacking:?}");
        }
    }

    /// Nothing is owed any more, and everybody knows that what they sent has arrived.
    fn judge_what_is_owed(&self, name: &str) {
        let (seed, person) = (self.seed, self.world.person(name));
        for (_, index) in person.rows.all::<row::Index>(Table::Index) {
            let is_group = self.group == Some(index.place.room) && !self.moved.is_empty();
            assert!(
                is_group || index.custody.iter().all(|(_, custody)| custody.delivered.is_some()),
                "seed {seed}: {name} never hears of an arrival"
            );
        }
        // What somebody who was taken out of the group had sealed, or was to get from those who never knew them, expires.
        let of = |cargo: &row::Cargo| match cargo {
            row::Cargo::Message { room, .. } | row::Cargo::Content { room, .. } | row::Cargo::Commit { room } => Some(*room),
            _ => None,
        };
        let is_moved = |key: &[u8]| self.moved.keys().any(|moved| *moved == name || key.starts_with(&self.world.person(moved).account().0));
        let mut owed = person.rows.all::<row::Outbox>(Table::Outbox);
        owed.retain(|(key, row)| self.group.is_none() || of(&row.cargo) != self.group || !is_moved(key));
        for (key, row) in &owed {
            self.group.into_iter().for_each(|room| self.world.compare(&room));
            println!("{name} owes to account {:?}: {row:?}", AccountId::from_slice(&key[..32]));
            row.envelope.iter().for_each(|envelope| self.world.find(envelope));
        }
        assert!(owed.is_empty(), "seed {seed}: {name} still owes {}", owed.len());
        let kept = person.rows.scan(&Scan::prefix(Table::Envelope, []));
        assert!(!self.moved.is_empty() || kept.is_empty(), "seed {seed}: {name} keeps sealed bytes for nobody");
        assert!(person.rows.scan(&Scan::prefix(Table::Owed, [])).is_empty(), "seed {seed}: {name} owes receipts");
        let bags = person.rows.scan(&Scan::prefix(Table::Bag, [])).len();
        assert!(bags < 1_500, "seed {seed}: {name} keeps {bags} values of MLS");
    }

    /// Nobody blames anybody, and mailboxes keep nothing that was taken.
    fn judge_what_is_kept(&self) {
        let seed = self.seed;
        for name in self.people.iter().chain(&self.relays).filter(|name| !self.burnt.contains(*name)) {
            let person = self.world.person(name);
            assert_eq!(person.blamed, 0, "seed {seed}: {name} blames an honest peer: {:?}", person.blames);
            // A device that is no more is tried until the time of what it was to get is over.
            let peers: Vec<_> = self.world.people.values().map(|person| person.keys.peer_id()).collect();
            let goals = person.rows.scan(&Scan::prefix(Table::Handover, [3])).into_iter().filter_map(|(key, _)| goal_parts(&key));
            let open: Vec<_> = goals.filter(|(peer, _)| self.restored.is_none() || peers.contains(peer)).collect();
            assert!(open.is_empty(), "seed {seed}: {name} still hands over {open:?}");
            let rest = person.rows.scan(&Scan::prefix(Table::Handover, [])).len();
            assert!(rest == 0 || self.restored.is_some(), "seed {seed}: {name} keeps {rest} rows of hand-overs");
            let held = person.rows.scan(&Scan::prefix(Table::Held, [])).len();
            assert!(held == 0 || self.restored.is_some(), "seed {seed}: {name} still holds {held}");
        }
    }
}

fn text_in(body: Body) -> Option<String> {
    if let Body::Text { text, .. } = body { Some(text) } else { None }
}
