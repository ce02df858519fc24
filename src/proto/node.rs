//! The node itself: which part handles what.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::account::Account;
use super::carry::Bodies;
use super::collect::Mailboxes;
use super::contact::Contacts;
use super::ctx::Ctx;
use super::lane::Outbox;
use super::mailbox::Service;
use super::peer::Peers;
use super::receive::{Deferred, Source};
use super::reseal::Reseals;
use super::room::{RoomInfo, Rooms};
use super::seam::{Command, CommandError, Input, Misbehaviour, Outcome, Output, Refusal, Reply, Topic};
use super::skew::Skew;
use super::sync::Sync;
use super::timer::{Timer, Timers};
use crate::crypto::keys::{Keys, notes_room};
use crate::types::limits::{SWEEP_MS, SWEEP_ROWS_MAX, TIMERS_PER_TURN_MAX};
use crate::types::{AccountId, Address, DeviceId, Millis, Now, PeerId, Rng, RoomId, Row, Scan, Table, View};
use crate::wire::codec::DecodeError;
use crate::wire::envelope::{Envelope, Kind};
use crate::wire::frame::Frame;
use crate::wire::row::{self, ContactState, RoomKind};

/// What a person decides about their node.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the person calls themselves, when the data directory is new.
    pub name: String,
    /// Serve mailboxes to whoever holds a link of this relay.
    pub relay: bool,
    /// Serve mailboxes to contacts who ask.
    pub neighbour: bool,
    /// Bytes held for each account of a relay.
    pub relay_inbox_bytes: u64,
    /// Bytes held for each neighbour.
    pub neighbour_inbox_bytes: u64,
}

/// A node: given the time and one input, it hands back outputs to perform in order.
///
/// 1. One mutation, then drain: after [`open`](Self::open) and each [`handle`](Self::handle), call [`poll`](Self::poll) until it gives `None`.
/// 2. Outputs are performed in order, and a `Persist` is durable before anything after it.
/// 3. Inputs may repeat or vanish; a crash may fall between any two outputs.
/// 4. `Emit` is a hint; the store is the truth. One [of a receipt](super::Event::is_of_receipt) need not wait for the flush.
/// 5. The same store, seed and inputs give the same outputs.
pub struct Node {
    keys: Keys,
    rng: Rng,
    out: VecDeque<Output>,
    state: State,
}

/// The parts; each file beside this one adds what it does to them.
pub(super) struct State {
    pub(super) account: Account,
    pub(super) contacts: Contacts,
    pub(super) peers: Peers,
    pub(super) rooms: Rooms,
    pub(super) outbox: Outbox,
    pub(super) reseals: Reseals,
    pub(super) mailboxes: Mailboxes,
    pub(super) deferred: Deferred,
    pub(super) sync: Sync,
    pub(super) skew: Skew,
    pub(super) service: Service,
    pub(super) timers: Timers,
    pub(super) bodies: Bodies,
    pub(super) disk_full: bool,
    /// Groups in which there may be cards to tell.
    pub(super) members_due: BTreeSet<RoomId>,
    /// The gossip topic of each room that has one.
    pub(super) topics: BTreeMap<RoomId, [u8; 32]>,
}

/// Where the device that last used the store stands in `Table::Meta`.
const DEVICE_KEY: &[u8] = b"device";
/// Where the sweep goes on.
const SWEEP_KEY: &[u8] = b"sweep";

impl Node {
    /// A node as the store has it. Leaves outputs to drain.
    pub fn open(keys: Keys, settings: Settings, view: &dyn View, seed: [u8; 32], now: Now) -> Self {
        let mut rng = Rng::from_seed(seed);
        let mut out = VecDeque::new();
        let mut ctx = Ctx::new(now, &mut rng, &keys, view);
        // A store that another device used (a backup, a snapshot): its ratchets may have moved on elsewhere and are never
        // used again. The contacts stay, and are asked to begin anew with this device.
        let device = keys.device_id();
        let last = view.get(Table::Meta, DEVICE_KEY);
        let is_restored = view.get(Table::Meta, row::META_RESTORED).is_some();
        let is_reborn = is_restored || last.as_ref().is_some_and(|last| last[..] != device.0);
        let retired = last.as_deref().and_then(DeviceId::from_slice).filter(|last| *last != device);
        if last.is_none() || is_reborn {
            ctx.put_raw(Table::Meta, DEVICE_KEY, device.0);
            ctx.delete(Table::Meta, row::META_RESTORED);
        }
        let rooms = if is_reborn {
            for table in [Table::Group, Table::Bag] {
                for (key, _) in view.scan(&Scan::prefix(table, [])) {
                    ctx.delete(table, key);
                }
            }
            Rooms::open(&WithoutGroups(view), &keys)
        } else {
            Rooms::open(view, &keys)
        };
        let mut state = State {
            account: Account::open(view, &keys, &settings.name),
            contacts: Contacts::open(view),
            peers: Peers::default(),
            rooms,
            outbox: Outbox::open(view),
            reseals: Reseals::default(),
            mailboxes: Mailboxes::open(view),
            deferred: Deferred::default(),
            sync: Sync::open(view),
            skew: Skew::default(),
            service: Service::open(view, &keys, &settings),
            timers: Timers::default(),
            bodies: Bodies::open(view),
            disk_full: false,
            members_due: BTreeSet::new(),
            topics: BTreeMap::new(),
        };
        state.rooms.note_card(state.account.card.number);
        if let Some(retired) = retired {
            state.retire(&mut ctx, &retired);
        }
        state.start(&mut ctx, is_reborn);
        ctx.finish(&mut out);
        Self { keys, rng, out, state }
    }

    /// Takes one input. `view` includes every batch handed out before, flushed or not.
    pub fn handle(&mut self, now: Now, input: Input, view: &dyn View) -> Outcome {
        let mut ctx = Ctx::new(now, &mut self.rng, &self.keys, view);
        let outcome = self.state.handle(&mut ctx, input);
        ctx.finish(&mut self.out);
        outcome
    }

    /// The next output; drain to `None` before the next [`handle`](Self::handle).
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Whether an envelope is of an epoch that this device was in, or should have been, and whose keys it will never have again.
    pub fn is_past(&self, envelope: &[u8]) -> bool {
        Envelope::decode(envelope).is_ok_and(|envelope| envelope.kind == Kind::Room && self.state.rooms.is_past(envelope.body))
    }

    /// The number and name of a room's epoch: all devices in a room end in the same. `None` without a group.
    pub fn epoch(&self, room: &RoomId) -> Option<(u64, [u8; 16])> {
        self.state.rooms.epoch(room)
    }

    /// When the node wants [`Input::Deadline`], on the monotonic clock; may be in the past, which means at once, after the
    /// inputs that already wait.
    pub fn next_deadline(&self) -> Option<Millis> {
        // A full disk takes nothing of what changes a room.
        let rooms = self.state.rooms.next_deadline().filter(|_| !self.state.disk_full);
        [self.state.timers.next(), self.state.service.next_deadline(), rooms].into_iter().flatten().min()
    }
}

impl State {
    fn start(&mut self, ctx: &mut Ctx, is_reborn: bool) {
        let now = ctx.now.mono;
        self.make_notes(ctx);
        self.read_later(ctx);
        // What was said of the clock before this start may be over.
        ctx.delete(Table::Meta, row::META_SKEW);
        if self.account.signed.is_empty() || is_reborn {
            self.note_birth(ctx);
            self.refresh_card(ctx);
        }
        self.renew_lost_requests(ctx);
        self.resume_reseals(ctx);
        self.resume_partings(ctx);
        self.renew_late_requests(ctx);
        if is_reborn {
            let accepted: Vec<AccountId> =
                self.contacts.iter().filter(|(_, k)| k.row.state == ContactState::Accepted).map(|(a, _)| *a).collect();
            for account in accepted {
                self.change_contact(ctx, &account, |row| {
                    row.welcomed.get_or_insert([0; 32]);
                });
                self.request(ctx, &account);
            }
            self.ask_back(ctx);
        }
        for account in self.outbox.busy_accounts() {
            if let Some(lane) = self.outbox.get_mut(&account) {
                lane.waiting_since = now;
            }
            self.timers.set(Timer::Lane(account), now);
        }
        ctx.speak(Output::Subscribe { topic: Topic::Relays, on: true });
        for room in self.rooms.rooms() {
            self.follow_topic(ctx, &room);
        }
        self.queue_groups(ctx);
        self.timers.set(Timer::Receipts, now);
        self.timers.set(Timer::Cards, now + crate::types::limits::CARD_DELAY_MS);
        self.timers.set(Timer::Sweep, now + SWEEP_MS);
        self.resume_bodies(ctx);
        if !self.sync.is_complete() {
            self.timers.set(Timer::Ask, now + crate::types::limits::ASK_AFTER_MS);
        }
    }

    /// The groups of a backup: their members are asked to bring this device in.
    fn ask_back(&mut self, ctx: &mut Ctx) {
        let me = ctx.keys.account_id();
        for (key, value) in ctx.scan(&Scan::prefix(Table::Room, [])) {
            let (Some(room), Ok(row)) = (RoomId::from_slice(&key), row::decode::<row::Room>(&value)) else { continue };
            if row.kind == RoomKind::Group && row.members.contains(&me) {
                let others = row.members.into_iter().filter(|account| *account != me).collect();
                let effects = self.rooms.ask_back(ctx, &room, others);
                self.apply_effects(ctx, effects);
            }
        }
    }

    /// The room an account shares with itself works from the first moment.
    fn make_notes(&mut self, ctx: &mut Ctx) {
        let me = ctx.keys.account_id();
        let room = notes_room(&me);
        let row = ctx.row::<row::Room>(Table::Room, &room.0);
        if row.is_some() && self.rooms.has(&room) {
            return;
        }
        let row = row.unwrap_or_else(|| row::Room::new(RoomKind::Notes, "notes".to_owned(), vec![me]));
        let generation = row.generation + 1;
        let info = RoomInfo { room, kind: RoomKind::Notes, generation, admins: vec![me] };
        ctx.put(Table::Room, room.0, &row::Room { generation, ..row });
        match self.rooms.create(ctx, info, &[]) {
            Ok(effects) => self.apply_effects(ctx, effects),
            Err(error) => tracing::error!(?error, "the notes room could not be made"),
        }
    }

    fn handle(&mut self, ctx: &mut Ctx, input: Input) -> Outcome {
        match input {
            Input::Command { id, command } => {
                let result = self.handle_command(ctx, command);
                ctx.speak(Output::Reply { id, result });
                Outcome::Accepted
            }
            Input::Frame { from, bytes } => self.handle_bytes(ctx, from, &bytes),
            Input::Gossip { topic: Topic::Relays, bytes } => self.service.handle_gossip(ctx, &bytes),
            Input::Gossip { topic: Topic::Room(_), bytes } => self.receive(ctx, Source::Gossip, bytes),
            Input::PeerUp(peer) => {
                self.on_peer_up(ctx, peer);
                Outcome::Accepted
            }
            Input::PeerDown(peer) => {
                self.on_peer_down(ctx, peer);
                Outcome::Accepted
            }
            Input::Listening(addresses) => {
                self.on_listening(ctx, addresses);
                Outcome::Accepted
            }
            Input::DiskFull(full) => {
                self.disk_full = full;
                self.service.on_disk_full(full);
                if !full {
                    self.rooms.overlook();
                    self.on_disk_free(ctx);
                    self.wake_bodies(ctx);
                }
                Outcome::Accepted
            }
            Input::Worked { text, number } => {
                self.on_worked(ctx, &text, number);
                Outcome::Accepted
            }
            Input::Fetched(fetched) => self.on_fetched(ctx, &fetched),
            Input::Deadline => {
                self.on_deadline(ctx);
                Outcome::Accepted
            }
        }
    }

    fn handle_command(&mut self, ctx: &mut Ctx, command: Command) -> Result<Reply, CommandError> {
        if self.disk_full && !matches!(command, Command::MailboxLeave(_) | Command::ContactBlock { .. }) {
            return Err(CommandError::DiskFull);
        }
        match command {
            Command::SetName(name) => self.set_name(ctx, &name),
            Command::Invite { ttl_ms, public } => self.invite(ctx, ttl_ms, public),
            Command::ContactAdd { link, name, greeting } => self.contact_add(ctx, &link, name, &greeting),
            Command::ContactAccept(account) => self.contact_accept(ctx, &account),
            Command::ContactDecline(account) => self.contact_decline(ctx, &account),
            Command::ContactBlock { account, on } => self.contact_block(ctx, &account, on),
            Command::ContactRename { account, name } => self.contact_rename(ctx, &account, name),
            Command::ContactVerify { account, on } => {
                self.contacts.get(&account).ok_or(CommandError::NoContact)?;
                self.change_contact(ctx, &account, |row| row.verified = on);
                Ok(Reply::Contact(account))
            }
            Command::RelayInvite if !self.service.is_relay() => Err(CommandError::NotRelay),
            Command::RelayInvite => Ok(Reply::Link(self.service.invite(ctx, &self.account.addresses))),
            Command::RelayJoin(link) => self.relay_join(ctx, &link),
            Command::MailboxLeave(peer) => self.mailbox_leave(ctx, peer),
            Command::NeighbourAsk(account) => self.neighbour_ask(ctx, &account),
            Command::Send { room, body } => self.send(ctx, room, body),
            Command::MediaFetch(message) => self.media_fetch(ctx, message),
            Command::MediaDrop(message) => self.media_drop(ctx, message),
            Command::Forward { room, message } => self.forward(ctx, room, message),
            Command::MediaPolicy { room, kind, at_once_bytes } => self.set_media_policy(ctx, room, kind, at_once_bytes),
            Command::Read { room, messages } => self.read(ctx, &room, &messages),
            Command::RoomCreate { name, members } => self.room_create(ctx, &name, &members),
            Command::RoomAdd { room, account } => self.room_add(ctx, &room, &account),
            Command::RoomRemove { room, account } => self.room_remove(ctx, &room, &account),
            Command::RoomUpdate(room) => {
                let effects = self.rooms.update(ctx, &room).map_err(super::group::refusal)?;
                self.apply_effects(ctx, effects);
                Ok(Reply::Room(room))
            }
        }
    }

    fn set_name(&mut self, ctx: &mut Ctx, name: &str) -> Result<Reply, CommandError> {
        self.account.card.name = super::account::bounded_name(name.trim());
        self.account.signed = Vec::new();
        self.refresh_card(ctx);
        Ok(Reply::Done)
    }

    fn on_listening(&mut self, ctx: &mut Ctx, addresses: Vec<Address>) {
        self.service.on_listening(ctx, &addresses);
        self.account.addresses = addresses;
        self.account.addresses.truncate(crate::types::limits::ADDRESSES_MAX);
        self.refresh_card(ctx);
        self.dial_everyone(ctx);
    }

    fn handle_bytes(&mut self, ctx: &mut Ctx, from: PeerId, bytes: &[u8]) -> Outcome {
        match Frame::decode(bytes) {
            Ok(frame) => {
                let is_about_owed = super::peer::is_about_owed(&frame);
                let outcome = self.handle_frame(ctx, from, frame);
                if is_about_owed && outcome == Outcome::Accepted {
                    self.note_moved(&from);
                }
                outcome
            }
            Err(DecodeError::Version(_) | DecodeError::Kind(_)) => Outcome::Refused(Refusal::Newer),
            Err(_) => Outcome::Misbehaved(Misbehaviour::Malformed),
        }
    }

    fn handle_frame(&mut self, ctx: &mut Ctx, from: PeerId, frame: Frame) -> Outcome {
        match frame {
            Frame::Hello(hello) => self.handle_hello(ctx, from, &hello),
            Frame::Deliver(bytes) => self.receive(ctx, Source::Direct(from), bytes),
            Frame::Delivered(delivered) => {
                let is_handover = self.service.handle_delivered(ctx, from, &delivered);
                let outcome = self.handle_delivered(ctx, &delivered, None);
                if is_handover { Outcome::Accepted } else { outcome }
            }
            Frame::Deferred(envelopes) if envelopes.len() <= crate::types::limits::FRAME_IDS_MAX => {
                self.service.handle_frame(ctx, from, None, Frame::Deferred(envelopes.clone()));
                self.handle_deferred(ctx, from, &envelopes)
            }
            Frame::Lost(envelopes) if envelopes.len() <= crate::types::limits::FRAME_IDS_MAX => {
                let is_handover = self.service.handle_lost(ctx, from, &envelopes);
                let outcome = self.handle_lost(ctx, from, &envelopes);
                if is_handover { Outcome::Accepted } else { outcome }
            }
            Frame::Deferred(_) | Frame::Lost(_) => Outcome::Misbehaved(Misbehaviour::Malformed),
            Frame::Heads(heads) => self.handle_heads(ctx, from, &heads),
            Frame::MailLimits(limits) => self.handle_limits(ctx, from, &limits),
            Frame::Registered(registered) => self.handle_registered(ctx, from, &registered),
            Frame::Mail(mail) => self.handle_mail(ctx, from, mail),
            Frame::MailEnd(_) => Outcome::Accepted,
            Frame::Held(held) => {
                // One receipt may be about both.
                let is_handover = self.service.handle_held(ctx, from, &held);
                let outcome = self.handle_held(ctx, from, &held, None);
                if is_handover { Outcome::Accepted } else { outcome }
            }
            Frame::Refused(refused) => {
                if self.service.handle_refused(ctx, from, &refused) {
                    return Outcome::Accepted;
                }
                self.handle_refused(ctx, from, &refused)
            }
            Frame::Offer(offer) => self.handle_offer(ctx, from, &offer),
            Frame::BlobHeld(held) => self.handle_blob_held(ctx, from, &held),
            Frame::BlobRefused(refused) => self.handle_blob_refused(ctx, from, &refused),
            Frame::BlobDone(done) => self.handle_blob_done(ctx, from, &done),
            // These have streams of their own, which the driver serves.
            Frame::Ask(_) | Frame::Piece(_) | Frame::Lack(_) => Outcome::Misbehaved(Misbehaviour::Unexpected),
            Frame::HandoverDone(report) => self.handle_report(ctx, from, report),
            Frame::Withdrawn(withdrawn) => self.handle_withdrawn(ctx, from, &withdrawn),
            Frame::Register(_)
            | Frame::OpenInbox(_)
            | Frame::MailAck(_)
            | Frame::OpenToken(_)
            | Frame::Deposit(_)
            | Frame::Handover(_)
            | Frame::Withdraw(_)
            | Frame::Revoke(_)
            | Frame::LeaveInbox(_) => {
                let contact = self.contact_at(&from).map(|(account, _)| account);
                self.service.handle_frame(ctx, from, contact, frame)
            }
        }
    }

    fn on_deadline(&mut self, ctx: &mut Ctx) {
        // Bounded: what is more, or fires again at once, waits for the next deadline.
        let due: Vec<Timer> = std::iter::from_fn(|| self.timers.take_due(ctx.now.mono)).take(TIMERS_PER_TURN_MAX).collect();
        for timer in due {
            match timer {
                Timer::Acks => {
                    self.send_delivered(ctx);
                    self.send_mail_acks(ctx);
                    self.send_withdrawn(ctx);
                }
                Timer::Receipts => {
                    self.send_receipts(ctx);
                    self.tell_lost(ctx);
                    self.tell_belated(ctx);
                }
                Timer::Cards => {
                    self.refresh_card(ctx);
                    self.send_cards(ctx);
                }
                Timer::Members => self.send_member_cards(ctx),
                Timer::Ask => self.ask(ctx),
                Timer::Sweep => self.sweep(ctx),
                Timer::Bodies => self.on_bodies(ctx),
                Timer::Reseal => self.on_reseal(ctx),
                Timer::Partings => self.on_partings(ctx),
                Timer::Lane(account) => self.on_lane(ctx, &account),
                Timer::Dial(peer) => self.dial(ctx, peer),
            }
        }
        if self.service.next_deadline().is_some_and(|at| at <= ctx.now.mono) {
            self.service.on_deadline(ctx);
        }
        if !self.disk_full && self.rooms.next_deadline().is_some_and(|at| at <= ctx.now.mono) {
            let effects = self.rooms.on_deadline(ctx);
            self.apply_effects(ctx, effects);
        }
    }

    /// Forgets what has expired, a bounded number of rows at a time.
    fn sweep(&mut self, ctx: &mut Ctx) {
        let after = ctx.get(Table::Meta, SWEEP_KEY).unwrap_or_default();
        // A clock that jumped ahead forgets nothing before that is sure.
        let clock = self.service.clock(ctx.now);
        let rows = ctx.scan(&Scan::prefix(Table::Seen, []).after(after).limit(SWEEP_ROWS_MAX));
        let is_end = rows.len() < SWEEP_ROWS_MAX;
        let last = rows.last().filter(|_| !is_end).map(|(key, _)| key.clone()).unwrap_or_default();
        for (key, value) in rows {
            if row::decode::<row::Seen>(&value).is_ok_and(|seen| seen.until < clock) {
                ctx.delete(Table::Seen, key);
            }
        }
        ctx.put_raw(Table::Meta, SWEEP_KEY, last);
        self.forget_withdrawn(ctx);
        self.forget_partings(ctx);
        if is_end {
            for (key, value) in ctx.scan(&Scan::prefix(Table::Invite, [])) {
                if row::decode::<row::Invite>(&value).is_ok_and(|invite| invite.not_after < clock.min(ctx.now.wall)) {
                    ctx.delete(Table::Invite, key);
                }
            }
        }
        // Also lanes that nothing else moves, of whoever was blocked: what they are owed expires.
        for account in self.outbox.busy_accounts() {
            let at = ctx.now.mono + ctx.rng.below(SWEEP_MS);
            self.timers.sooner(Timer::Lane(account), at);
        }
        self.sweep_bodies(ctx);
        self.tell_skew(ctx);
        self.renew_grants(ctx);
        self.renew_late_requests(ctx);
        self.renew_work(ctx);
        let pause = if is_end { SWEEP_MS } else { crate::types::time::SECOND };
        self.timers.set(Timer::Sweep, ctx.now.mono + pause);
    }
}

/// A view in which no room has a group.
struct WithoutGroups<'a>(&'a dyn View);

impl View for WithoutGroups<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        if matches!(table, Table::Group | Table::Bag) { None } else { self.0.get(table, key) }
    }

    fn scan(&self, scan: &Scan) -> Vec<Row> {
        if matches!(scan.table, Table::Group | Table::Bag) { Vec::new() } else { self.0.scan(scan) }
    }
}
