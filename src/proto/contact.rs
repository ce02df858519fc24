//! Contacts: meeting by a link, requests, accepting and blocking.

use std::collections::{BTreeMap, BTreeSet};

use super::account::bounded_name;
use super::ctx::Ctx;
use super::lane::Other;
use super::member::member_of;
use super::node::State;
use super::seam::{CommandError, Event, Output, Reply};
use crate::crypto::keys::direct_room;
use crate::types::limits::{CONTACTS_MAX, GREETING_BYTES_MAX, INVITES_MAX, MEMBERS_MAX, NAME_BYTES_MAX, STRANGER_WORK_BITS, WORK_MS_MAX};
use crate::types::time::MINUTE;
use crate::types::{AccountId, Address, DeviceId, EnvelopeId, InboxId, Millis, PeerId, RoomId, Scan, Table, View};
use crate::wire::card::{self, Card};
use crate::wire::content::{Knock, Signed};
use crate::wire::mailbox::Grant;
use crate::wire::row::{self, ContactState, RoomKind};
use crate::wire::{codec, envelope};

/// A contact with its card opened.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// What is stored.
    pub(super) row: row::Contact,
    /// Its newest card.
    pub(super) card: Card,
}

/// Everybody this account has to do with.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    rows: BTreeMap<AccountId, Known>,
    /// Who says in their card that this peer, or device, is theirs. Anyone can say so of another's, so nobody's word replaces another's.
    peers: BTreeMap<PeerId, BTreeMap<AccountId, DeviceId>>,
    devices: BTreeMap<DeviceId, BTreeMap<AccountId, PeerId>>,
    /// Who says so of an inbox at a mailbox.
    inboxes: BTreeMap<(PeerId, InboxId), BTreeMap<AccountId, ()>>,
    /// Members of groups who are no contacts.
    members: BTreeMap<AccountId, Card>,
    /// Tokens that members of groups told to all of the group.
    shared: BTreeMap<AccountId, BTreeMap<RoomId, Vec<Grant>>>,
    /// Requests and deposits that wait for a proof of work, by the text that is paid for.
    unpaid: BTreeMap<Vec<u8>, (Unpaid, Asked)>,
    /// Proofs of work for deposits at mailboxes whose token we lack.
    paid: BTreeMap<(EnvelopeId, InboxId), u64>,
}

/// When a proof of work was asked for (monotonic clock), and how much.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Millis,
    bits: u8,
}

/// What a proof of work is for.
#[derive(Clone, Debug)]
enum Unpaid {
    Request { account: AccountId, signed: Signed },
    Deposit { account: AccountId, envelope: EnvelopeId, inbox: InboxId },
}

impl Contacts {
    /// As the store has them.
    pub(super) fn open(view: &dyn View) -> Self {
        let mut contacts = Self::default();
        for (key, value) in view.scan(&Scan::prefix(Table::Contact, [])) {
            let (Some(account), Ok(row)) = (AccountId::from_slice(&key), row::decode::<row::Contact>(&value)) else { continue };
            let Ok(card) = card::Signed::open(&row.card) else { continue };
            contacts.insert(account, Known { row, card });
        }
        for (key, value) in view.scan(&Scan::prefix(Table::Member, [])) {
            let (Some((room, _)), Ok(row)) = (member_of(&key), row::decode::<row::Member>(&value)) else { continue };
            if let Ok(card) = card::Signed::open(&row.card) {
                contacts.learn_member(&room, card, row.grants);
            }
        }
        contacts
    }

    /// A member of a group told how it can be reached.
    pub(super) fn learn_member(&mut self, room: &RoomId, card: Card, grants: Vec<Grant>) {
        let account = card.account;
        let is_newer = self.members.get(&account).is_none_or(|known| known.number <= card.number);
        if !self.rows.contains_key(&account) && is_newer && (self.members.len() < MEMBERS_MAX || self.members.contains_key(&account)) {
            if let Some(before) = self.members.remove(&account) {
                self.unclaim_all(&account, &before);
            }
            self.claim_all(&account, &card);
            self.members.insert(account, card);
        }
        self.shared.entry(account).or_default().insert(*room, grants);
    }

    /// It is no longer a member, or this account is none.
    pub(super) fn forget_member(&mut self, room: &RoomId, account: &AccountId) {
        if let Some(rooms) = self.shared.get_mut(account) {
            rooms.remove(room);
            if rooms.is_empty() {
                self.shared.remove(account);
                if let Some(before) = self.members.remove(account) {
                    self.unclaim_all(account, &before);
                }
            }
        }
    }

    /// The groups in which an account told its card.
    pub(super) fn groups_with(&self, account: &AccountId) -> Vec<RoomId> {
        self.shared.get(account).into_iter().flatten().map(|(room, _)| *room).collect()
    }

    /// The newest card of a contact, or of a member of a group.
    pub(super) fn card(&self, account: &AccountId) -> Option<&Card> {
        self.rows.get(account).map(|known| &known.card).or_else(|| self.members.get(account))
    }

    /// The tokens for an account's mailboxes: its own for us, and those of shared groups.
    pub(super) fn grants(&self, account: &AccountId) -> impl Iterator<Item = &Grant> {
        let own = self.rows.get(account).into_iter().flat_map(|known| &known.row.grants);
        own.chain(self.shared.get(account).into_iter().flat_map(|rooms| rooms.values().flatten()))
    }

    /// Whether an account can be sent anything: a contact, or a member of a shared group; not whom the person blocked.
    pub(super) fn is_reachable(&self, account: &AccountId) -> bool {
        match self.state(account) {
            Some(ContactState::Accepted | ContactState::Requested) => true,
            Some(ContactState::Blocked) => false,
            Some(ContactState::Pending | ContactState::Declined) | None => self.shared.contains_key(account),
        }
    }

    pub(super) fn get(&self, account: &AccountId) -> Option<&Known> {
        self.rows.get(account)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&AccountId, &Known)> {
        self.rows.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn state(&self, account: &AccountId) -> Option<ContactState> {
        self.rows.get(account).map(|known| known.row.state)
    }

    pub(super) fn is_accepted(&self, account: &AccountId) -> bool {
        self.state(account) == Some(ContactState::Accepted)
    }

    /// Whose device a peer is, by the cards we hold: an accepted contact's before another's.
    pub(super) fn by_peer(&self, peer: &PeerId) -> Option<(AccountId, DeviceId)> {
        let claims = || self.peers.get(peer).into_iter().flatten().map(|(account, device)| (*account, *device));
        claims().find(|(account, _)| self.is_accepted(account)).or_else(|| claims().next())
    }

    /// Everybody who says that this peer is a device of theirs.
    pub(super) fn claimants(&self, peer: &PeerId) -> Vec<AccountId> {
        self.peers.get(peer).into_iter().flatten().map(|(account, _)| *account).collect()
    }

    /// Everybody who says that this inbox is theirs.
    pub(super) fn owners_of(&self, mailbox: &PeerId, inbox: &InboxId) -> Vec<AccountId> {
        self.inboxes.get(&(*mailbox, *inbox)).into_iter().flatten().map(|(account, ())| *account).collect()
    }

    /// Everybody with mail at this mailbox.
    pub(super) fn served_at(&self, mailbox: &PeerId) -> BTreeSet<AccountId> {
        let (first, last) = ((*mailbox, InboxId([0; 32])), (*mailbox, InboxId([0xff; 32])));
        self.inboxes.range(first..=last).flat_map(|(_, accounts)| accounts.keys().copied()).collect()
    }

    /// Whose a device may be, and the peer that it is on the wire.
    pub(super) fn by_device(&self, device: &DeviceId) -> Vec<(AccountId, PeerId)> {
        self.devices.get(device).into_iter().flatten().map(|(account, peer)| (*account, *peer)).collect()
    }

    /// The devices of a contact.
    pub(super) fn devices(&self, account: &AccountId) -> Vec<(DeviceId, PeerId)> {
        self.card(account).into_iter().flat_map(|card| card.devices.iter().map(|d| (d.device, d.peer))).collect()
    }

    /// Where a device of a contact can be dialled.
    pub(super) fn addresses(&self, account: &AccountId, peer: &PeerId) -> Option<Vec<Address>> {
        let devices = &self.card(account)?.devices;
        devices.iter().find(|device| device.peer == *peer).map(|device| device.addresses.clone())
    }

    fn insert(&mut self, account: AccountId, known: Known) {
        let before = self.rows.remove(&account).map(|known| known.card).or_else(|| self.members.remove(&account));
        if let Some(before) = before {
            self.unclaim_all(&account, &before);
        }
        self.claim_all(&account, &known.card);
        self.rows.insert(account, known);
    }

    fn claim_all(&mut self, account: &AccountId, card: &Card) {
        for device in &card.devices {
            self.peers.entry(device.peer).or_default().insert(*account, device.device);
            self.devices.entry(device.device).or_default().insert(*account, device.peer);
        }
        for mailbox in &card.mailboxes {
            self.inboxes.entry((mailbox.peer, mailbox.inbox)).or_default().insert(*account, ());
        }
    }

    fn unclaim_all(&mut self, account: &AccountId, card: &Card) {
        for device in &card.devices {
            unclaim(&mut self.peers, &device.peer, account);
            unclaim(&mut self.devices, &device.device, account);
        }
        for mailbox in &card.mailboxes {
            unclaim(&mut self.inboxes, &(mailbox.peer, mailbox.inbox), account);
        }
    }
}

impl State {
    pub(super) fn save_contact(&mut self, ctx: &mut Ctx, account: &AccountId, known: Known) {
        ctx.put(Table::Contact, account.0, &known.row);
        self.contacts.insert(*account, known);
        ctx.emit(Event::Contact(*account));
    }

    /// Changes a contact that is there.
    pub(super) fn change_contact(&mut self, ctx: &mut Ctx, account: &AccountId, change: impl FnOnce(&mut row::Contact)) {
        if let Some(mut known) = self.contacts.get(account).cloned() {
            change(&mut known.row);
            self.save_contact(ctx, account, known);
        }
    }

    /// A link that leads to this account.
    pub(super) fn invite(&mut self, ctx: &mut Ctx, ttl_ms: Millis, public: bool) -> Result<Reply, CommandError> {
        if public {
            let invite = card::Invite { card: self.account.signed.clone(), secret: None, not_after: Millis::MAX, grants: Vec::new() };
            return Ok(Reply::Link(invite.to_link()));
        }
        if ctx.scan(&Scan::prefix(Table::Invite, []).limit(INVITES_MAX)).len() >= INVITES_MAX {
            return Err(CommandError::TooMany("open invites"));
        }
        let secret: [u8; 32] = ctx.rng.bytes();
        let not_after = ctx.now.wall.saturating_add(ttl_ms);
        ctx.put(Table::Invite, invite_key(&secret), &row::Invite { not_after, used_by: None });
        let grants = self.grants_for(ctx, &secret, 0);
        let invite = card::Invite { card: self.account.signed.clone(), secret: Some(secret), not_after, grants };
        Ok(Reply::Link(invite.to_link()))
    }

    /// Asks the owner of a link to be a contact. The room is there at once; what is sent waits until they answer.
    pub(super) fn contact_add(&mut self, ctx: &mut Ctx, link: &str, name: Option<String>, greeting: &str) -> Result<Reply, CommandError> {
        let invite = card::Invite::from_link(link)?;
        let card = card::Signed::open(&invite.card).map_err(|_| CommandError::Card)?;
        let account = card.account;
        if account == ctx.keys.account_id() {
            return Err(CommandError::Self_);
        }
        check_name(name.as_deref())?;
        if greeting.len() > GREETING_BYTES_MAX {
            return Err(CommandError::TooLong { has: greeting.len() as u64, max: GREETING_BYTES_MAX as u64 });
        }
        match self.contacts.state(&account) {
            Some(ContactState::Accepted) => {
                if let Some(name) = name {
                    self.change_contact(ctx, &account, |row| row.name = name);
                }
                return Ok(Reply::Contact(account));
            }
            Some(ContactState::Blocked) => return Err(CommandError::Blocked),
            Some(ContactState::Pending) => {
                if let Some(name) = name {
                    self.change_contact(ctx, &account, |row| row.name = name);
                }
                return self.contact_accept(ctx, &account);
            }
            Some(ContactState::Requested | ContactState::Declined) | None => {}
        }
        if invite.not_after < ctx.now.wall {
            return Err(CommandError::Expired);
        }
        if self.contacts.len() >= CONTACTS_MAX {
            return Err(CommandError::TooMany("contacts"));
        }
        let before = self.contacts.get(&account).filter(|known| known.card.number > card.number).cloned();
        let name = name.unwrap_or_else(|| default_name(&card));
        let row = row::Contact {
            name,
            state: ContactState::Requested,
            verified: false,
            card: before.as_ref().map_or(invite.card, |known| known.row.card.clone()),
            grants: invite.grants,
            card_sent: 0,
            key_packages: Vec::new(),
            greeting: greeting.to_owned(),
            secret: invite.secret.map(|secret| (secret, invite.not_after)),
            grant_round: before.as_ref().map_or(0, |known| known.row.grant_round),
            welcomed: None,
            since: ctx.now.wall,
        };
        self.save_contact(ctx, &account, Known { row, card: before.map_or(card, |known| known.card) });
        self.make_direct_room(ctx, &account);
        self.request(ctx, &account);
        Ok(Reply::Contact(account))
    }

    /// The row of a direct room, so that it can be written to before there is a group.
    pub(super) fn make_direct_room(&mut self, ctx: &mut Ctx, account: &AccountId) {
        let me = ctx.keys.account_id();
        let room = direct_room(&me, account);
        if ctx.get(Table::Room, &room.0).is_none() {
            let mut members = vec![me, *account];
            members.sort();
            ctx.put(Table::Room, room.0, &row::Room::new(RoomKind::Direct, String::new(), members));
            ctx.emit(Event::Room(room));
        }
    }

    /// Sends (or renews) the request to a contact that has not answered: earlier ones, with an older card, are dropped.
    pub(super) fn request(&mut self, ctx: &mut Ctx, account: &AccountId) {
        self.drop_knocks(ctx, account);
        let (number, now) = (self.account.card.number, ctx.now.wall);
        self.change_contact(ctx, account, |row| {
            row.card_sent = number;
            // They would not take it any more: what they take of a stranger is a proof of work.
            row.secret = row.secret.filter(|(_, until)| now <= *until);
        });
        let Some(known) = self.contacts.get(account).cloned() else { return };
        let knock = Knock::Request {
            secret: known.row.secret.map(|(secret, _)| secret),
            key_packages: vec![self.rooms.key_package(ctx)],
            grants: self.grants_for(ctx, &account.0, known.row.grant_round),
            greeting: known.row.greeting.clone(),
        };
        let signed = Signed::new(&self.account.signed, account, &knock, &ctx.keys.account);
        if known.row.secret.is_some() || known.row.welcomed.is_some() {
            self.post_knock(ctx, account, &signed, row::Cargo::Knock);
        } else {
            let text = signed.signature.to_vec();
            self.contacts.unpaid.retain(|_, (unpaid, _)| !matches!(unpaid, Unpaid::Request { account: other, .. } if other == account));
            self.ask_work(ctx, text, Unpaid::Request { account: *account, signed }, STRANGER_WORK_BITS);
        }
    }

    /// A request went out, and its answer is of no use; one at a time is on its way, unless it is so old that its keys may be gone, too.
    pub(super) fn request_again(&mut self, ctx: &mut Ctx, account: &AccountId) {
        let is_working =
            self.contacts.unpaid.values().any(|(unpaid, _)| matches!(unpaid, Unpaid::Request { account: other, .. } if other == account));
        let clock = self.service.clock(ctx.now);
        let owed = self.outbox.orders(account, |other| *other == Other::Knock);
        let is_under_way = owed.into_iter().filter_map(|order| self.owed_row(ctx, account, order)).any(|row| clock < row.since + MINUTE);
        if self.contacts.state(account) == Some(ContactState::Requested) && !is_working && !is_under_way {
            self.request(ctx, account);
        }
    }

    /// At start: requests whose proof of work was lost with the process are made again.
    pub(super) fn renew_lost_requests(&mut self, ctx: &mut Ctx) {
        let requested: Vec<AccountId> =
            self.contacts.iter().filter(|(_, known)| known.row.state == ContactState::Requested).map(|(account, _)| *account).collect();
        for account in requested {
            if !self.outbox.owes(&account, Other::Knock) {
                self.change_contact(ctx, &account, |row| row.card_sent = 0);
            }
        }
    }

    /// Asks as a stranger where the invite was over before its owner answered: the person waits for their yes then.
    pub(super) fn renew_late_requests(&mut self, ctx: &mut Ctx) {
        let is_late =
            |row: &row::Contact| row.state == ContactState::Requested && row.secret.is_some_and(|(_, until)| until < ctx.now.wall);
        let late: Vec<AccountId> = self.contacts.iter().filter(|(_, known)| is_late(&known.row)).map(|(account, _)| *account).collect();
        for account in late {
            self.request(ctx, &account);
        }
    }

    /// Seals something from outside the room to an account and owes it to them. Gives the envelope.
    pub(super) fn send_knock(&mut self, ctx: &mut Ctx, account: &AccountId, knock: &Knock) -> Option<Vec<u8>> {
        let signed = Signed::new(&self.account.signed, account, knock, &ctx.keys.account);
        // A newer welcome to a group, or question to be let in again, replaces an older one.
        let cargo = match knock {
            Knock::Welcome { room, .. } if *room != self.room_with(ctx, account) => {
                self.drop_such(ctx, account, |other| *other == Other::Welcome(*room));
                row::Cargo::Welcome { room: *room }
            }
            Knock::Welcome { .. } | Knock::Request { .. } | Knock::Newer { .. } => row::Cargo::Knock,
            Knock::Rejoin { room, .. } => {
                self.drop_such(ctx, account, |other| *other == Other::Rejoin(*room));
                row::Cargo::Rejoin { room: *room }
            }
        };
        self.post_knock(ctx, account, &signed, cargo)
    }

    fn post_knock(&mut self, ctx: &mut Ctx, account: &AccountId, signed: &Signed, cargo: row::Cargo) -> Option<Vec<u8>> {
        let seal = self.contacts.card(account).map(|card| card.seal)?;
        let padded = crate::crypto::aead::pad(&codec::encode(signed));
        let sealed = crate::crypto::seal::seal(&seal, KNOCK_INFO, &padded, ctx.rng).ok()?;
        let bytes = envelope::Envelope::encode(envelope::Kind::Sealed, &sealed);
        self.owe(ctx, account, cargo, Some(&bytes), [0; 16], false);
        self.pump(ctx, account);
        Some(bytes)
    }

    /// A proof of work is there.
    pub(super) fn on_worked(&mut self, ctx: &mut Ctx, text: &[u8], number: u64) {
        match self.contacts.unpaid.remove(text).map(|(unpaid, _)| unpaid) {
            Some(Unpaid::Request { account, signed }) if self.contacts.state(&account) == Some(ContactState::Requested) => {
                self.post_knock(ctx, &account, &Signed { work: number, ..signed }, row::Cargo::Knock);
            }
            Some(Unpaid::Deposit { account, envelope, inbox }) => {
                self.contacts.paid.insert((envelope, inbox), number);
                self.pump(ctx, &account);
            }
            Some(Unpaid::Request { .. }) | None => {}
        }
    }

    /// The work paid for a stranger's deposit; asks for it when it is not there yet.
    pub(super) fn work_for(&mut self, ctx: &mut Ctx, account: &AccountId, envelope: &EnvelopeId, inbox: &InboxId, bits: u8) -> Option<u64> {
        if let Some(number) = self.contacts.paid.get(&(*envelope, *inbox)) {
            return Some(*number);
        }
        let text = crate::wire::mailbox::work_text(inbox, envelope);
        if !self.contacts.unpaid.contains_key(&text) {
            let unpaid = Unpaid::Deposit { account: *account, envelope: *envelope, inbox: *inbox };
            self.ask_work(ctx, text, unpaid, bits.min(STRANGER_WORK_BITS + 4));
        }
        None
    }

    fn ask_work(&mut self, ctx: &mut Ctx, text: Vec<u8>, unpaid: Unpaid, bits: u8) {
        self.contacts.unpaid.insert(text.clone(), (unpaid, Asked { at: ctx.now.mono, bits }));
        ctx.speak(Output::Work { text, bits });
    }

    /// Proofs of work that did not come (a driver with too many of them forgets some) are asked for again.
    pub(super) fn renew_work(&mut self, ctx: &mut Ctx) {
        for (text, (_, asked)) in &mut self.contacts.unpaid {
            if ctx.now.mono >= asked.at.saturating_add(WORK_MS_MAX) {
                asked.at = ctx.now.mono;
                ctx.speak(Output::Work { text: text.clone(), bits: asked.bits });
            }
        }
    }

    /// Work for an envelope that nobody is owed any more.
    pub(super) fn forget_work(&mut self, envelope: &EnvelopeId) {
        let (first, last) = ((*envelope, InboxId([0; 32])), (*envelope, InboxId([0xff; 32])));
        let paid: Vec<_> = self.contacts.paid.range(first..=last).map(|(key, _)| *key).collect();
        for key in paid {
            self.contacts.paid.remove(&key);
        }
        if !self.contacts.unpaid.is_empty() {
            self.contacts.unpaid.retain(|_, (unpaid, _)| !matches!(unpaid, Unpaid::Deposit { envelope: other, .. } if other == envelope));
        }
    }

    /// Says yes to a request.
    pub(super) fn contact_accept(&mut self, ctx: &mut Ctx, account: &AccountId) -> Result<Reply, CommandError> {
        match self.contacts.state(account) {
            Some(ContactState::Pending) => {}
            Some(ContactState::Accepted | ContactState::Requested) => return Ok(Reply::Contact(*account)),
            Some(ContactState::Declined | ContactState::Blocked) => return Err(CommandError::Blocked),
            None => return Err(CommandError::NoContact),
        }
        self.establish(ctx, account, None);
        Ok(Reply::Contact(*account))
    }

    /// Says no to a request.
    pub(super) fn contact_decline(&mut self, ctx: &mut Ctx, account: &AccountId) -> Result<Reply, CommandError> {
        if self.contacts.state(account) != Some(ContactState::Pending) {
            return Err(CommandError::NoContact);
        }
        self.change_contact(ctx, account, |row| row.state = ContactState::Declined);
        Ok(Reply::Contact(*account))
    }

    /// Takes nothing more from a contact, or takes it again.
    pub(super) fn contact_block(&mut self, ctx: &mut Ctx, account: &AccountId, on: bool) -> Result<Reply, CommandError> {
        let state = self.contacts.state(account).ok_or(CommandError::NoContact)?;
        if on && state != ContactState::Blocked {
            self.change_contact(ctx, account, |row| {
                row.state = ContactState::Blocked;
                row.grant_round += 1;
            });
            self.part(account);
            for (mailbox, inbox) in self.mailboxes.registered().collect::<Vec<_>>() {
                if self.peers.is_up(&mailbox) {
                    self.revoke_blocked(ctx, mailbox, inbox);
                }
            }
        }
        if !on && state == ContactState::Blocked {
            let has_room = self.rooms.has(&direct_room(&ctx.keys.account_id(), account));
            let has_asked = self.contacts.get(account).is_some_and(|known| !known.row.key_packages.is_empty());
            let state = match (has_room, has_asked) {
                (true, _) => ContactState::Accepted,
                (false, true) => ContactState::Pending,
                (false, false) => ContactState::Requested,
            };
            self.change_contact(ctx, account, |row| {
                row.state = state;
                row.card_sent = 0;
            });
            match state {
                // It may have been answered while nothing of theirs was taken.
                ContactState::Requested => self.request(ctx, account),
                _ => self.queue_cards(ctx),
            }
            // They went on trying, at longer and longer intervals: a hello tells them that it is worth it again.
            self.greet(ctx, account);
            for (_, peer) in self.contacts.devices(account) {
                self.want_now(ctx, peer);
            }
            self.pump(ctx, account);
        }
        Ok(Reply::Contact(*account))
    }

    /// Calls a contact something else.
    pub(super) fn contact_rename(&mut self, ctx: &mut Ctx, account: &AccountId, name: String) -> Result<Reply, CommandError> {
        check_name(Some(&name))?;
        self.contacts.get(account).ok_or(CommandError::NoContact)?;
        self.change_contact(ctx, account, |row| row.name = name);
        Ok(Reply::Contact(*account))
    }
}

fn unclaim<K: Ord, V>(claims: &mut BTreeMap<K, BTreeMap<AccountId, V>>, key: &K, account: &AccountId) {
    if let Some(of) = claims.get_mut(key) {
        of.remove(account);
        if of.is_empty() {
            claims.remove(key);
        }
    }
}

/// The key of an invite: its secret is stored nowhere.
pub(super) fn invite_key(secret: &[u8; 32]) -> [u8; 32] {
    *blake3::hash(secret).as_bytes()
}

/// What a card's owner calls themselves, or the start of their id.
pub(super) fn default_name(card: &Card) -> String {
    if card.name.is_empty() { card.account.to_string()[..8].to_owned() } else { bounded_name(&card.name) }
}

fn check_name(name: Option<&str>) -> Result<(), CommandError> {
    match name {
        Some(name) if name.len() > NAME_BYTES_MAX => Err(CommandError::TooLong { has: name.len() as u64, max: NAME_BYTES_MAX as u64 }),
        Some(name) if name.trim().is_empty() => Err(CommandError::Empty),
        _ => Ok(()),
    }
}

/// What a sealed knock is bound to.
pub(super) const KNOCK_INFO: &[u8] = b"tidings v1 knock";
