//! What arrives from outside a room: requests, welcomes, and devices that lost their place.

use super::contact::{KNOCK_INFO, Known, default_name, invite_key};
use super::ctx::Ctx;
use super::lane::Other;
use super::node::State;
use super::receive::Source;
use super::room::{Joined, RoomError, RoomInfo};
use super::seam::{Event, Misbehaviour, Outcome, Refusal};
use crate::crypto::keys::direct_room;
use crate::types::limits::{
    CONTACTS_MAX, GREETING_BYTES_MAX, GROUPS_MAX, GROUPS_OF_ADMIN_MAX, KEY_PACKAGES_MAX, MAILBOXES_MAX, REQUESTS_MAX, STRANGER_WORK_BITS,
};
use crate::types::{AccountId, PeerId, RoomId, Table};
use crate::wire::card::Card;
use crate::wire::content::{Knock, Signed};
use crate::wire::frame::Frame;
use crate::wire::mailbox::Grant;
use crate::wire::row::{self, ContactState, RoomKind};

impl State {
    /// Opens what was sealed to this account.
    pub(super) fn handle_sealed(&mut self, ctx: &mut Ctx, source: Source, body: &[u8]) -> Outcome {
        let Ok(padded) = crate::crypto::seal::open(&ctx.keys.seal_secret(), KNOCK_INFO, body) else {
            return Outcome::Refused(Refusal::Unknown);
        };
        let Some(bytes) = crate::crypto::aead::unpad(&padded) else { return Outcome::Misbehaved(Misbehaviour::Malformed) };
        let Ok((signed, card, knock)) = Signed::open(bytes, &ctx.keys.account_id()) else {
            return Outcome::Misbehaved(Misbehaviour::Signature);
        };
        let account = card.account;
        if account == ctx.keys.account_id() || self.contacts.state(&account) == Some(ContactState::Blocked) {
            return Outcome::Refused(Refusal::Unwanted);
        }
        if !matches!(knock, Knock::Newer { .. }) {
            self.tell_newer(ctx, source, &card);
        }
        match knock {
            Knock::Request { secret, key_packages, grants, greeting } => {
                if key_packages.is_empty() || key_packages.len() > KEY_PACKAGES_MAX || grants.len() > MAILBOXES_MAX {
                    return Outcome::Misbehaved(Misbehaviour::Malformed);
                }
                // A stranger pays before anything dear is done for them.
                let is_paid = crate::crypto::work::is_paid(&signed.signature, signed.work, STRANGER_WORK_BITS);
                let is_stranger = matches!(self.contacts.state(&account), None | Some(ContactState::Pending));
                if is_stranger && !is_paid && open_invite(ctx, secret.as_ref(), &account).is_none() {
                    // With a link that was used or is over they could not know that work is asked.
                    let is_late = secret.is_some();
                    return if is_late { Outcome::Refused(Refusal::Late) } else { Outcome::Misbehaved(Misbehaviour::Work) };
                }
                if greeting.len() > GREETING_BYTES_MAX {
                    return Outcome::Misbehaved(Misbehaviour::Malformed);
                }
                for key_package in &key_packages {
                    match self.rooms.check_key_package(&account, key_package, card.number) {
                        Ok(()) => {}
                        Err(RoomError::OutOfDate) => return Outcome::Refused(Refusal::Expired),
                        Err(_) => return Outcome::Misbehaved(Misbehaviour::Malformed),
                    }
                }
                let request = Request { card, signed_card: signed.card.clone(), secret, key_packages, grants, greeting };
                self.handle_request(ctx, request)
            }
            Knock::Welcome { room, welcome, grants, .. } => {
                self.update_card(ctx, &account, &signed.card, card, grants, None);
                self.handle_welcome(ctx, &account, &room, &welcome)
            }
            Knock::Newer { card } if self.contacts.card(&account).is_some() => self.take_newer_card(ctx, &card),
            Knock::Newer { .. } => Outcome::Refused(Refusal::Unwanted),
            Knock::Rejoin { room, key_package, generation } => {
                // Who was taken out, or comes from a backup, does not know who is still in it with them: they are told that it is no use.
                if !self.contacts.is_accepted(&account) && !self.rooms.has_member(&room, &account) {
                    return Outcome::Refused(Refusal::Unknown);
                }
                self.update_card(ctx, &account, &signed.card, card, Vec::new(), None);
                match self.rooms.handle_rejoin(ctx, &account, &room, &key_package, generation) {
                    Ok(effects) => {
                        self.apply_effects(ctx, effects);
                        Outcome::Accepted
                    }
                    // Who has lost a room does not know who may bring them in.
                    Err(RoomError::NotAllowed) => Outcome::Refused(Refusal::Unknown),
                    Err(error) => outcome(error),
                }
            }
        }
    }

    /// An account that is known by a newer card than it shows may come from a backup or the phrase, and not know how high its number must be; or
    /// somebody played an old knock again. It is given the card: on the stream, for its new device, and where the account has mailboxes.
    fn tell_newer(&mut self, ctx: &mut Ctx, source: Source, card: &Card) {
        let account = card.account;
        let Some(known) = self.contacts.get(&account).filter(|known| known.card.number > card.number) else { return };
        let is_told = self.outbox.orders(&account, |other| *other == Other::Knock).len() > NEWER_OWED_MAX;
        if is_told || !self.contacts.is_reachable(&account) {
            return;
        }
        let knock = Knock::Newer { card: known.row.card.clone() };
        if let (Some(bytes), Source::Direct(peer)) = (self.send_knock(ctx, &account, &knock), source) {
            ctx.transmit(peer, Frame::Deliver(bytes));
        }
    }

    fn handle_request(&mut self, ctx: &mut Ctx, request: Request) -> Outcome {
        let account = request.card.account;
        let state = self.contacts.state(&account);
        let is_invited = self.take_invite(ctx, request.secret.as_ref(), &account);
        match state {
            // An old one, held back and played again, would begin the room anew with keys that are gone.
            Some(ContactState::Accepted) if self.contacts.get(&account).is_some_and(|known| request.card.number < known.card.number) => {
                Outcome::Duplicate
            }
            Some(ContactState::Accepted) => {
                let kps = hash_all(&request.key_packages);
                let Request { card, signed_card, key_packages, grants, .. } = request;
                let former_card =
                    self.contacts.get(&account).filter(|known| forgets(&card, &known.card)).map(|known| known.row.card.clone());
                self.update_card(ctx, &account, &signed_card, card, grants, Some(key_packages));
                // Other key packages than those they were welcomed with: they start anew, from a phrase or a backup.
                if self.contacts.get(&account).is_some_and(|known| known.row.welcomed != Some(kps)) {
                    self.establish(ctx, &account, former_card);
                    self.bring_back(ctx, &account);
                }
                Outcome::Accepted
            }
            Some(ContactState::Requested) => {
                self.store_request(ctx, request, ContactState::Requested);
                // Both asked. Two who make the room at once end in one; waiting for the other's could be waiting for somebody who begins
                // anew and made it before.
                self.establish(ctx, &account, None);
                Outcome::Accepted
            }
            _ if is_invited => {
                self.store_request(ctx, request, ContactState::Pending);
                self.establish(ctx, &account, None);
                Outcome::Accepted
            }
            // One proof of work pays for one request, in however many seals it comes.
            Some(ContactState::Pending)
                if self.contacts.get(&account).is_some_and(|known| known.row.key_packages == request.key_packages) =>
            {
                Outcome::Duplicate
            }
            Some(ContactState::Pending) => {
                self.store_request(ctx, request, ContactState::Pending);
                Outcome::Accepted
            }
            Some(ContactState::Declined | ContactState::Blocked) => Outcome::Refused(Refusal::Unwanted),
            None => {
                let pending = self.contacts.iter().filter(|(_, known)| known.row.state == ContactState::Pending).count();
                if pending >= REQUESTS_MAX || self.contacts.len() >= CONTACTS_MAX {
                    return Outcome::Refused(Refusal::Limit);
                }
                self.store_request(ctx, request, ContactState::Pending);
                Outcome::Accepted
            }
        }
    }

    /// Whether the secret belongs to an open invite of ours; uses it up.
    fn take_invite(&mut self, ctx: &mut Ctx, secret: Option<&[u8; 32]>, account: &AccountId) -> bool {
        let Some((key, invite)) = open_invite(ctx, secret, account) else { return false };
        ctx.put(Table::Invite, key, &row::Invite { used_by: Some(*account), ..invite });
        true
    }

    fn store_request(&mut self, ctx: &mut Ctx, request: Request, state: ContactState) {
        let account = request.card.account;
        let before = self.contacts.get(&account).cloned();
        let Request { card, signed_card, key_packages, grants, greeting, .. } = request;
        let is_newer = before.as_ref().is_none_or(|known| known.card.number <= card.number);
        // An older request, which came later: its keys may be gone.
        let (card, signed_card, grants, key_packages) = match &before {
            Some(known) if !is_newer => {
                let row = known.row.clone();
                (known.card.clone(), row.card, row.grants, row.key_packages)
            }
            _ => (card, signed_card, grants, key_packages),
        };
        let row = row::Contact {
            name: before.as_ref().map_or_else(|| default_name(&card), |known| known.row.name.clone()),
            state,
            verified: before.as_ref().is_some_and(|known| known.row.verified),
            card: signed_card,
            grants,
            card_sent: 0,
            key_packages,
            greeting: before.as_ref().filter(|_| state == ContactState::Requested).map_or(greeting, |known| known.row.greeting.clone()),
            secret: before.as_ref().and_then(|known| known.row.secret),
            grant_round: before.as_ref().map_or(0, |known| known.row.grant_round),
            welcomed: before.as_ref().and_then(|known| known.row.welcomed),
            since: ctx.now.wall,
        };
        self.save_contact(ctx, &account, Known { row, card });
        self.make_direct_room(ctx, &account);
    }

    /// Makes the direct room's group with the contact's devices, and welcomes them. A contact that begins anew is given back the card
    /// that it had before, when that tells more.
    pub(super) fn establish(&mut self, ctx: &mut Ctx, account: &AccountId, former_card: Option<Vec<u8>>) {
        let Some(known) = self.contacts.get(account).cloned() else { return };
        let me = ctx.keys.account_id();
        let room = direct_room(&me, account);
        self.drop_knocks(ctx, account);
        self.make_direct_room(ctx, account);
        let generation = ctx.row::<row::Room>(Table::Room, &room.0).map_or(1, |row| row.generation + 1);
        let mut admins = vec![me, *account];
        admins.sort();
        let info = RoomInfo { room, kind: RoomKind::Direct, generation, admins };
        let devices: Vec<_> = known.row.key_packages.iter().map(|kp| (*account, kp.clone())).collect();
        let effects = match self.rooms.create(ctx, info, &devices) {
            Ok(effects) => effects,
            Err(error) => {
                tracing::warn!(?error, "a contact's key package could not be used");
                return;
            }
        };
        self.change_contact(ctx, account, |row| {
            row.state = ContactState::Accepted;
            row.welcomed = Some(hash_all(&row.key_packages));
            row.secret = None;
            row.card_sent = 0;
        });
        self.set_group(ctx, &room, generation);
        self.apply_effects(ctx, effects);
        self.reseal(ctx, &room, None);
        if generation > 1 {
            self.tell_heads(ctx, &room, account, former_card, false);
        }
        self.greet(ctx, account);
        self.queue_cards(ctx);
    }

    /// A contact begins anew: brings the new device into the groups that it shares with us, of which it may know nothing.
    fn bring_back(&mut self, ctx: &mut Ctx, account: &AccountId) {
        let Some(key_packages) = self.contacts.get(account).map(|known| known.row.key_packages.clone()) else { return };
        let direct = direct_room(&ctx.keys.account_id(), account);
        for room in self.rooms_with(ctx, account).into_iter().filter(|room| *room != direct) {
            match self.rooms.bring_back(ctx, &room, account, &key_packages) {
                Ok(effects) => self.apply_effects(ctx, effects),
                Err(error) => tracing::warn!(?error, "a contact's new device could not be brought into a group"),
            }
        }
        // Of a group that they were taken out of nobody of theirs can open what is still owed.
        for room in self.outbox.rooms_of_commits(account).into_iter().filter(|room| *room != direct) {
            if !self.rooms.has_member(&room, account) {
                self.reseal_to(ctx, &room, &[*account], None);
            }
        }
    }

    fn handle_welcome(&mut self, ctx: &mut Ctx, account: &AccountId, room: &RoomId, welcome: &[u8]) -> Outcome {
        let is_direct = *room == direct_room(&ctx.keys.account_id(), account);
        let is_expected = match self.contacts.state(account) {
            Some(ContactState::Accepted) => true,
            Some(ContactState::Requested) => is_direct,
            Some(ContactState::Blocked) => false,
            // An admin of a group brings a member back, contact or not.
            _ => self.rooms.info(room).is_some_and(|info| info.kind == RoomKind::Group && info.admins.contains(account)),
        };
        if !is_expected {
            return Outcome::Refused(Refusal::Unwanted);
        }
        // Whoever may add us could do so without end. What is refused for that stays with them, and is taken when there is room.
        let is_new = !is_direct && !self.rooms.has(room);
        let is_full = self.rooms.groups(None) >= GROUPS_MAX || self.rooms.groups(Some(account)) >= GROUPS_OF_ADMIN_MAX;
        if is_new && is_full {
            return Outcome::Refused(Refusal::Limit);
        }
        let Joined { info, was_there, effects } = match self.rooms.join(ctx, account, room, welcome) {
            Ok(joined) => joined,
            Err(error) => {
                // Made with a key package that is gone: many were made since the request.
                if error == RoomError::NoKeyPackage {
                    self.ask_again(ctx, account, room);
                }
                return outcome(error);
            }
        };
        for asked in self.outbox.owed_such(Other::Rejoin(info.room)) {
            self.drop_such(ctx, &asked, |other| *other == Other::Rejoin(info.room));
        }
        if is_direct && self.contacts.state(account) == Some(ContactState::Requested) {
            self.drop_knocks(ctx, account);
            self.change_contact(ctx, account, |row| {
                row.state = ContactState::Accepted;
                row.secret = None;
                row.card_sent = 0;
                // A later request with other key packages than these means that they start anew.
                row.welcomed.get_or_insert_with(|| hash_all(&row.key_packages));
            });
            self.greet(ctx, account);
            self.queue_cards(ctx);
        }
        let was_here = ctx.get(Table::Room, &info.room.0).is_some();
        if !is_direct && !was_here {
            let members = self.rooms.members(&info.room);
            // Everybody who was there from the beginning came with the first commit.
            let is_late = self.rooms.epoch(&info.room).is_some_and(|(number, _)| number > 1);
            ctx.put(Table::Room, info.room.0, &row::Room { is_late, ..row::Room::new(info.kind, String::new(), members) });
            ctx.emit(Event::Room(info.room));
        }
        if info.kind == RoomKind::Group && !was_here && was_there {
            self.lack_all(ctx, &info.room);
        }
        self.set_group(ctx, &info.room, info.generation);
        self.apply_effects(ctx, effects);
        self.reseal(ctx, &info.room, None);
        match info.kind {
            // Brought into the group that a former device of this account was in.
            RoomKind::Direct if was_there => self.ask_heads(ctx, &info.room),
            RoomKind::Direct if info.generation > 1 => self.tell_heads(ctx, &info.room, account, None, false),
            RoomKind::Group if was_here || was_there => self.ask_heads(ctx, &info.room),
            _ => {}
        }
        if info.kind == RoomKind::Group {
            self.on_members(ctx, &info.room, false);
        }
        Outcome::Accepted
    }

    /// A welcome is of no use: what it answered is asked again.
    fn ask_again(&mut self, ctx: &mut Ctx, account: &AccountId, room: &RoomId) {
        let me = ctx.keys.account_id();
        let row = ctx.row::<row::Room>(Table::Room, &room.0);
        if *room == direct_room(&me, account) {
            self.request_again(ctx, account);
        } else if !self.rooms.has(room) && row.as_ref().is_none_or(|row| row.members.contains(&me)) {
            let mut members = row.map_or_else(Vec::new, |row| row.members);
            members.retain(|member| *member != me);
            members.push(*account);
            self.rooms.was_answered(room);
            let effects = self.rooms.ask_back(ctx, room, members);
            self.apply_effects(ctx, effects);
        }
    }

    /// Notes which group carries a room.
    pub(super) fn set_group(&mut self, ctx: &mut Ctx, room: &RoomId, generation: u32) {
        if let Some(row) = ctx.row::<row::Room>(Table::Room, &room.0) {
            ctx.put(Table::Room, room.0, &row::Room { generation, ..row });
            ctx.emit(Event::Room(*room));
        }
    }

    /// Takes a newer card of a contact, with the tokens that came with it; an older card changes nothing.
    pub(super) fn update_card(
        &mut self,
        ctx: &mut Ctx,
        account: &AccountId,
        signed: &[u8],
        card: Card,
        grants: Vec<Grant>,
        key_packages: Option<Vec<Vec<u8>>>,
    ) {
        let Some(mut known) = self.contacts.get(account).cloned() else { return };
        if card.number < known.card.number || grants.len() > MAILBOXES_MAX {
            return;
        }
        let is_moved = known.card.devices != card.devices || known.card.mailboxes != card.mailboxes;
        known.row.card = signed.to_vec();
        known.card = card;
        if !grants.is_empty() {
            known.row.grants = grants;
        }
        if let Some(key_packages) = key_packages.filter(|kps| !kps.is_empty() && kps.len() <= KEY_PACKAGES_MAX) {
            known.row.key_packages = key_packages;
        }
        self.save_contact(ctx, account, known);
        if is_moved {
            self.on_moved(account);
        }
        self.on_card(ctx, account);
    }

    /// A contact's card may have new addresses or mailboxes: tries again what failed by the old ones.
    fn on_card(&mut self, ctx: &mut Ctx, account: &AccountId) {
        for (_, peer) in self.contacts.devices(account) {
            self.peers.forget_failures(&peer);
            let addresses = self.contacts.addresses(account, &peer).unwrap_or_default();
            if let Some(row) = self.mailboxes.rows.get(&peer).filter(|row| row.neighbour.is_some() && row.addresses != addresses).cloned() {
                self.save_mailbox(ctx, peer, row::Mailbox { addresses, ..row });
                self.refresh_card(ctx);
            }
            self.want(ctx, peer);
        }
        if let Some(known) = self.contacts.get(account) {
            let is_theirs = |peer: &PeerId| {
                let (devices, mailboxes) = (&known.card.devices, &known.card.mailboxes);
                devices.iter().any(|device| device.peer == *peer) || mailboxes.iter().any(|mailbox| mailbox.peer == *peer)
            };
            self.outbox.retain_ways(account, |peer| is_theirs(peer) || self.mailboxes.rows.contains_key(peer));
        }
        self.outbox.rewind(account);
        self.pump(ctx, account);
    }
}

/// The invite that a secret opens for an account.
fn open_invite(ctx: &Ctx, secret: Option<&[u8; 32]>, account: &AccountId) -> Option<([u8; 32], row::Invite)> {
    let key = invite_key(secret?);
    let invite = ctx.row::<row::Invite>(Table::Invite, &key)?;
    let is_open = invite.used_by.is_none_or(|by| by == *account) && invite.not_after >= ctx.now.wall;
    is_open.then_some((key, invite))
}

/// Welcomes, and cards given back, that are owed to an account at most before one more card is.
const NEWER_OWED_MAX: usize = 1;

/// Whether a card lacks a mailbox that an earlier one of the account named: a device that begins anew may not know of it.
fn forgets(card: &Card, earlier: &Card) -> bool {
    earlier.mailboxes.iter().any(|mailbox| card.mailboxes.iter().all(|other| other.peer != mailbox.peer))
}

/// An opened request.
struct Request {
    card: Card,
    signed_card: Vec<u8>,
    secret: Option<[u8; 32]>,
    key_packages: Vec<Vec<u8>>,
    grants: Vec<Grant>,
    greeting: String,
}

fn hash_all(parts: &[Vec<u8>]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
    }
    *hasher.finalize().as_bytes()
}

/// What a failed room operation says of the peer that asked for it.
fn outcome(error: RoomError) -> Outcome {
    match error {
        RoomError::NoGroup | RoomError::NoKeyPackage => Outcome::Refused(Refusal::Unknown),
        RoomError::NotAllowed => Outcome::Misbehaved(Misbehaviour::Right),
        RoomError::Invalid(_) => Outcome::Refused(Refusal::Unknown),
        RoomError::OutOfDate => Outcome::Refused(Refusal::Expired),
        RoomError::TooMany => Outcome::Refused(Refusal::Limit),
        RoomError::Mls(_) => Outcome::Refused(Refusal::Unknown),
    }
}
