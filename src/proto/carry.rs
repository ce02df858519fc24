//! Bodies of media: fetching them, offering them to the mailboxes of whoever is away, holding them for others, forgetting them.

use std::collections::{BTreeMap, BTreeSet};

use super::ctx::Ctx;
use super::node::State;
use super::seam::{CommandError, Event, Fetched, Misbehaviour, Outcome, Output, Refusal, Reply};
use super::timer::Timer;
use super::transfer::{Progress, Transfers};
use crate::types::limits::{COPIES_WANTED, FETCH_AT_ONCE_BYTES, FRAME_IDS_MAX, HOLDERS_MAX, OFFER_MS, OFFERS_PER_TURN_MAX};
use crate::types::{AccountId, BlobId, InboxId, MessageId, Millis, PeerId, RoomId, Scan, Table, View};
use crate::wire::blob::{
    Bits, BlobDone, BlobHeld, BlobRefused, Carriage, Media, Offer, Stored, Use, bits_key, carriage_key, fetch_key, use_key,
};
use crate::wire::content::Body;
use crate::wire::frame::Frame;
use crate::wire::mailbox::Reason;
use crate::wire::media::MediaKind;
use crate::wire::row;

/// What is under way with bodies.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) transfers: Transfers,
    /// Accounts that have not said that they have the body of a message.
    owed: BTreeMap<AccountId, BTreeSet<MessageId>>,
    /// Up to where senders were told that their bodies are here, when there were too many for one turn.
    told: Option<Vec<u8>>,
    /// When a body was offered last.
    offered: BTreeMap<(PeerId, InboxId, BlobId), Millis>,
    /// Who is told when a body is whole.
    waiting: BTreeMap<BlobId, BTreeSet<(PeerId, InboxId)>>,
}

impl Bodies {
    /// What the store says is under way; fetching begins with the first deadline.
    pub(super) fn open(view: &dyn View) -> Self {
        let mut bodies = Self::default();
        for (key, _) in view.scan(&Scan::prefix(Table::Carriage, [2])) {
            let parts = key.get(1..).and_then(|rest| rest.split_at_checked(32));
            if let Some((Some(account), Some(message))) = parts.map(|(a, m)| (AccountId::from_slice(a), MessageId::from_slice(m))) {
                bodies.owed.entry(account).or_default().insert(message);
            }
        }
        bodies
    }

    /// Whether the account waits for a body.
    pub(super) fn owes(&self, account: &AccountId) -> bool {
        self.owed.contains_key(account)
    }
}

fn owed_key(account: &AccountId, message: &MessageId) -> Vec<u8> {
    [&[2], &account.0[..], &message.0].concat()
}

fn untold_key(message: &MessageId) -> Vec<u8> {
    [&[4], &message.0[..]].concat()
}

impl State {
    /// Goes on with what was under way when the node ended.
    pub(super) fn resume_bodies(&mut self, ctx: &mut Ctx) {
        for (key, _) in ctx.scan(&Scan::prefix(Table::Carriage, [3])) {
            if let Some(blob) = key.get(1..).and_then(BlobId::from_slice) {
                self.begin_fetch(ctx, &blob);
            }
        }
        self.wake_bodies(ctx);
    }

    /// Looks at bodies with the next deadline, if anything is under way.
    pub(super) fn wake_bodies(&mut self, ctx: &Ctx) {
        if [2, 3, 4].iter().any(|kind| !ctx.scan(&Scan::prefix(Table::Carriage, [*kind]).limit(1)).is_empty()) {
            self.timers.sooner(Timer::Bodies, ctx.now.mono);
        }
    }

    fn stored(&self, ctx: &Ctx, blob: &BlobId) -> Option<(Stored, Bits)> {
        let stored = ctx.row::<Stored>(Table::Blob, &blob.0)?;
        Some((stored, Bits(ctx.get(Table::Blob, &bits_key(blob)).unwrap_or_default())))
    }

    fn is_whole(&self, ctx: &Ctx, blob: &BlobId) -> bool {
        self.stored(ctx, blob).is_some_and(|(stored, bits)| bits.count() >= stored.listing.pieces())
    }

    // Sending.

    /// A body that the driver wrote, or one that is here already, goes to these accounts with a message.
    pub(super) fn carry(&mut self, ctx: &mut Ctx, message: MessageId, media: &Media, to: &[AccountId]) {
        let listing = &media.manifest.listing;
        let blob = listing.id();
        if !self.is_whole(ctx, &blob) {
            self.bodies.transfers.end(&blob);
            ctx.delete(Table::Carriage, fetch_key(&blob));
            ctx.put(Table::Blob, blob.0, &Stored { listing: listing.clone(), wanted: false });
            ctx.put_raw(Table::Blob, bits_key(&blob), Bits::full(listing.pieces()).0);
        }
        ctx.put_raw(Table::Use, use_key(&blob, &Use::Message(message)), []);
        for account in to {
            let carriage = Carriage { blob, held: Vec::new(), refused: Vec::new(), had: None };
            ctx.put(Table::Carriage, carriage_key(&message, account), &carriage);
            ctx.put_raw(Table::Carriage, owed_key(account, &message), []);
            self.bodies.owed.entry(*account).or_default().insert(message);
        }
        self.timers.sooner(Timer::Bodies, ctx.now.mono);
    }

    /// Offers bodies to the mailboxes of those who are away, some at a time.
    fn offer_bodies(&mut self, ctx: &mut Ctx) {
        let (now, wall, me) = (ctx.now.mono, ctx.now.wall, ctx.keys.peer_id());
        self.bodies.offered.retain(|_, at| now < *at + OFFER_MS);
        let owed: Vec<(AccountId, MessageId)> =
            self.bodies.owed.iter().flat_map(|(account, messages)| messages.iter().map(|message| (*account, *message))).collect();
        let mut turns = OFFERS_PER_TURN_MAX;
        for (account, message) in owed {
            let devices = self.contacts.devices(&account);
            if devices.iter().any(|(_, peer)| self.peers.is_up(peer)) {
                continue;
            }
            let key = carriage_key(&message, &account);
            let Some(mut carriage) = ctx.row::<Carriage>(Table::Carriage, &key) else { continue };
            let Some((stored, _)) = self.stored(ctx, &carriage.blob).filter(|_| self.is_whole(ctx, &carriage.blob)) else { continue };
            let Some(card) = self.contacts.card(&account).cloned() else { continue };
            let had = carriage.held.len();
            carriage.held.retain(|(peer, until)| *until > wall && card.mailboxes.iter().any(|mailbox| mailbox.peer == *peer));
            if carriage.held.len() != had {
                ctx.put(Table::Carriage, key, &carriage);
            }
            let mut held = carriage.held.len();
            for mailbox in card.mailboxes.iter().filter(|mailbox| mailbox.peer != me) {
                let is_told = carriage.held.iter().any(|(peer, _)| *peer == mailbox.peer)
                    || carriage.refused.iter().any(|(peer, reason, _)| *peer == mailbox.peer && is_final(*reason));
                if held >= COPIES_WANTED || is_told || turns == 0 {
                    continue;
                }
                if !self.peers.is_up(&mailbox.peer) {
                    self.want(ctx, mailbox.peer);
                    continue;
                }
                let at = (mailbox.peer, mailbox.inbox, carriage.blob);
                held += 1;
                if self.bodies.offered.contains_key(&at) || !self.open_token(ctx, &account, mailbox) {
                    continue;
                }
                turns -= 1;
                self.bodies.offered.insert(at, now);
                ctx.transmit(mailbox.peer, Frame::Offer(Offer { inbox: mailbox.inbox, listing: stored.listing.clone() }));
            }
        }
        if !self.bodies.owed.is_empty() {
            self.timers.sooner(Timer::Bodies, now + OFFER_MS + 1);
        }
    }

    /// The owed messages with this body whose accounts have this inbox.
    fn carriages(&self, ctx: &Ctx, from: &PeerId, inbox: &InboxId, blob: &BlobId) -> Vec<(AccountId, MessageId, Carriage)> {
        let accounts = self.contacts.owners_of(from, inbox);
        let owed =
            accounts.iter().flat_map(|account| self.bodies.owed.get(account).into_iter().flatten().map(|message| (*account, *message)));
        let rows = owed.filter_map(|(account, message)| {
            let carriage = ctx.row::<Carriage>(Table::Carriage, &carriage_key(&message, &account))?;
            (carriage.blob == *blob).then_some((account, message, carriage))
        });
        rows.collect()
    }

    fn tell_custody(&self, ctx: &mut Ctx, message: MessageId) {
        if let Some(index) = ctx.row::<row::Index>(Table::Index, &message.0) {
            ctx.emit(Event::Custody { room: index.place.room, message });
        }
    }

    pub(super) fn handle_blob_held(&mut self, ctx: &mut Ctx, from: PeerId, held: &BlobHeld) -> Outcome {
        if !held.is_signed_by(&from) {
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        self.bodies.offered.remove(&(from, held.inbox, held.blob));
        let mut outcome = Outcome::Duplicate;
        for (account, message, mut carriage) in self.carriages(ctx, &from, &held.inbox, &held.blob) {
            carriage.held.retain(|(peer, _)| *peer != from);
            carriage.refused.retain(|(peer, _, _)| *peer != from);
            carriage.held.push((from, held.until));
            ctx.put(Table::Carriage, carriage_key(&message, &account), &carriage);
            self.tell_custody(ctx, message);
            outcome = Outcome::Accepted;
        }
        outcome
    }

    pub(super) fn handle_blob_refused(&mut self, ctx: &mut Ctx, from: PeerId, refused: &BlobRefused) -> Outcome {
        let mut outcome = Outcome::Duplicate;
        for (account, message, mut carriage) in self.carriages(ctx, &from, &refused.inbox, &refused.blob) {
            carriage.refused.retain(|(peer, _, _)| *peer != from);
            carriage.refused.push((from, refused.reason, refused.takes));
            ctx.put(Table::Carriage, carriage_key(&message, &account), &carriage);
            self.tell_custody(ctx, message);
            outcome = Outcome::Accepted;
        }
        outcome
    }

    /// An account has the bodies of these messages.
    pub(super) fn handle_had(&mut self, ctx: &mut Ctx, account: &AccountId, messages: &[MessageId]) {
        for message in messages {
            let key = carriage_key(message, account);
            let Some(carriage) = ctx.row::<Carriage>(Table::Carriage, &key) else { continue };
            let had = Some(carriage.had.unwrap_or(ctx.now.wall));
            ctx.put(Table::Carriage, key, &Carriage { had, ..carriage });
            self.settle_body(ctx, account, message);
            self.tell_custody(ctx, *message);
        }
    }

    fn settle_body(&mut self, ctx: &mut Ctx, account: &AccountId, message: &MessageId) {
        ctx.delete(Table::Carriage, owed_key(account, message));
        if let Some(owed) = self.bodies.owed.get_mut(account) {
            owed.remove(message);
            if owed.is_empty() {
                self.bodies.owed.remove(account);
            }
        }
    }

    // Receiving.

    /// A message with a body came: small ones are fetched at once.
    pub(super) fn note_media(&mut self, ctx: &mut Ctx, room: &RoomId, message: MessageId, media: &Media) {
        let listing = &media.manifest.listing;
        let blob = listing.id();
        // Taken back before it came.
        if self.media_of(ctx, &message).is_none() {
            return;
        }
        let known = ctx.row::<Stored>(Table::Blob, &blob.0);
        let is_wanted =
            listing.size <= self.fetch_at_once(ctx, room, media.preview.kind) || known.as_ref().is_some_and(|stored| stored.wanted);
        ctx.put(Table::Blob, blob.0, &Stored { listing: listing.clone(), wanted: is_wanted });
        ctx.put_raw(Table::Use, use_key(&blob, &Use::Message(message)), []);
        if self.is_whole(ctx, &blob) {
            self.on_whole(ctx, &blob);
        } else if is_wanted {
            ctx.put_raw(Table::Carriage, fetch_key(&blob), []);
            self.begin_fetch(ctx, &blob);
        }
    }

    /// Bytes up to which a body of this kind in this room is fetched without being asked for: what was said of the room goes before what was said of the
    /// kind, and both together before either.
    fn fetch_at_once(&self, ctx: &Ctx, room: &RoomId, kind: MediaKind) -> u64 {
        let said = [(Some(room), Some(kind)), (Some(room), None), (None, Some(kind)), (None, None)];
        let mut said = said.into_iter().filter_map(|(room, kind)| ctx.row::<u64>(Table::Meta, &row::media_policy(room, kind)));
        said.next().unwrap_or(FETCH_AT_ONCE_BYTES)
    }

    /// The person decides up to which size bodies are fetched at once, everywhere or in a room, of a kind or of any.
    pub(super) fn set_media_policy(
        &mut self,
        ctx: &mut Ctx,
        room: Option<RoomId>,
        kind: Option<MediaKind>,
        bytes: Option<u64>,
    ) -> Result<Reply, CommandError> {
        if let Some(room) = &room {
            ctx.row::<row::Room>(Table::Room, &room.0).ok_or(CommandError::NoRoom)?;
        }
        let key = row::media_policy(room.as_ref(), kind);
        match bytes {
            Some(bytes) => ctx.put(Table::Meta, key, &bytes),
            None => ctx.delete(Table::Meta, key),
        }
        Ok(Reply::Done)
    }

    /// The body of a stored message, unless its sender took it back.
    fn media_of(&self, ctx: &Ctx, message: &MessageId) -> Option<Box<Media>> {
        let index = ctx.row::<row::Index>(Table::Index, &message.0)?;
        let marks = ctx.scan(&Scan::prefix(Table::Mark, row::marks_of(&index.place)));
        let marks = marks.iter().filter_map(|(_, value)| row::decode::<row::Mark>(value).ok());
        let by_sender = marks.filter(|mark| mark.sender == index.place.sender);
        if by_sender.filter_map(|mark| mark.body()).any(|body| matches!(body, Body::Recall { .. })) {
            return None;
        }
        match ctx.row::<row::Message>(Table::Message, &index.place.key())?.body()? {
            Body::Media(media) => Some(media),
            _ => None,
        }
    }

    /// The person wants the body of a message.
    pub(super) fn media_fetch(&mut self, ctx: &mut Ctx, message: MessageId) -> Result<Reply, CommandError> {
        let media = self.media_of(ctx, &message).ok_or(CommandError::NoMessage)?;
        let listing = media.manifest.listing;
        let blob = listing.id();
        if ctx.get(Table::Use, &use_key(&blob, &Use::Message(message))).is_none() {
            ctx.put_raw(Table::Use, use_key(&blob, &Use::Message(message)), []);
        }
        if !self.is_whole(ctx, &blob) {
            ctx.put(Table::Blob, blob.0, &Stored { listing, wanted: true });
            ctx.put_raw(Table::Carriage, fetch_key(&blob), []);
            self.begin_fetch(ctx, &blob);
        }
        Ok(Reply::Done)
    }

    /// The person wants the body of a message no longer here; it can be fetched again while somebody has it. The only copy of something that
    /// others still wait for stays.
    pub(super) fn media_drop(&mut self, ctx: &mut Ctx, message: MessageId) -> Result<Reply, CommandError> {
        let media = self.media_of(ctx, &message).ok_or(CommandError::NoMessage)?;
        let blob = media.manifest.listing.id();
        let users = ctx.scan(&Scan::prefix(Table::Use, blob.0));
        let is_owed = users.iter().filter_map(|(key, _)| Use::from_key(key)).any(|user| match user {
            Use::Message(message) => self.bodies.owed.values().any(|owed| owed.contains(&message)),
            Use::Inbox(_) => true,
        });
        if is_owed {
            return Err(CommandError::StillOwed);
        }
        self.forget_body(ctx, &blob);
        if let Some(index) = ctx.row::<row::Index>(Table::Index, &message.0) {
            ctx.emit(Event::Message { room: index.place.room, message });
        }
        Ok(Reply::Done)
    }

    /// The person sends on what they have. Whether it is here is decided where it would be forgotten: here.
    pub(super) fn forward(&mut self, ctx: &mut Ctx, room: RoomId, message: MessageId) -> Result<Reply, CommandError> {
        let media = self.media_of(ctx, &message).ok_or(CommandError::NoMessage)?;
        if !self.is_whole(ctx, &media.manifest.listing.id()) {
            return Err(CommandError::NotHere);
        }
        self.send(ctx, room, Body::Media(Box::new(Media { reply: None, ..*media })))
    }

    /// A message was taken back by its sender: its body goes too, unless something else needs it.
    pub(super) fn on_recalled(&mut self, ctx: &mut Ctx, message: &MessageId) {
        let Some(index) = ctx.row::<row::Index>(Table::Index, &message.0) else { return };
        let row = ctx.row::<row::Message>(Table::Message, &index.place.key());
        let Some(Body::Media(media)) = row.and_then(|row| row.body()) else { return };
        let blob = media.manifest.listing.id();
        ctx.delete(Table::Use, use_key(&blob, &Use::Message(*message)));
        ctx.delete(Table::Carriage, untold_key(message));
        let accounts: Vec<AccountId> =
            self.bodies.owed.iter().filter(|(_, owed)| owed.contains(message)).map(|(account, _)| *account).collect();
        accounts.iter().for_each(|account| self.settle_body(ctx, account, message));
        self.release_body(ctx, &blob);
    }

    /// Forgets a body that nobody needs.
    fn release_body(&mut self, ctx: &mut Ctx, blob: &BlobId) {
        if ctx.scan(&Scan::prefix(Table::Use, blob.0).limit(1)).is_empty() {
            self.forget_body(ctx, blob);
        }
    }

    fn forget_body(&mut self, ctx: &mut Ctx, blob: &BlobId) {
        self.bodies.transfers.end(blob);
        self.bodies.waiting.remove(blob);
        ctx.delete(Table::Blob, blob.0);
        ctx.delete(Table::Blob, bits_key(blob));
        ctx.delete(Table::Carriage, fetch_key(blob));
        ctx.speak(Output::Forget(*blob));
    }

    fn begin_fetch(&mut self, ctx: &mut Ctx, blob: &BlobId) {
        let Some((stored, bits)) = self.stored(ctx, blob) else { return };
        self.bodies.transfers.begin(&stored.listing, bits);
        for peer in self.holders(ctx, blob) {
            self.bodies.transfers.add_holder(blob, peer);
        }
        self.timers.sooner(Timer::Bodies, ctx.now.mono);
    }

    /// Who may have it: our mailboxes, the devices of its sender, those of other members (in a direct room, of what a former device sent).
    fn holders(&self, ctx: &Ctx, blob: &BlobId) -> Vec<PeerId> {
        let me = ctx.keys.account_id();
        let (mut first, mut more) = (BTreeSet::new(), BTreeSet::new());
        for (key, _) in ctx.scan(&Scan::prefix(Table::Use, blob.0).limit(HOLDERS_MAX)) {
            let Some(Use::Message(message)) = Use::from_key(&key) else { continue };
            let Some(index) = ctx.row::<row::Index>(Table::Index, &message.0) else { continue };
            let (sender, room) = (index.place.sender, index.place.room);
            first.extend(self.mailboxes.rows.iter().filter(|(_, row)| row.registered).map(|(peer, _)| *peer));
            first.extend(self.contacts.devices(&sender).iter().map(|(_, peer)| *peer));
            let row = ctx.row::<row::Room>(Table::Room, &room.0);
            for member in row.into_iter().flat_map(|row| row.members).filter(|member| *member != me && *member != sender) {
                more.extend(self.contacts.devices(&member).iter().map(|(_, peer)| *peer));
            }
        }
        let others = more.into_iter().filter(|peer| !first.contains(peer)).collect::<Vec<_>>();
        first.iter().copied().chain(others).take(HOLDERS_MAX).collect()
    }

    /// Asks whoever is there; dials who is not.
    pub(super) fn on_bodies(&mut self, ctx: &mut Ctx) {
        self.pump_fetches(ctx);
        for peer in self.bodies.transfers.absent(&|peer| self.peers.is_up(peer)) {
            self.want(ctx, peer);
        }
        self.tell_had(ctx);
        self.offer_bodies(ctx);
    }

    fn pump_fetches(&mut self, ctx: &mut Ctx) {
        if self.disk_full {
            return;
        }
        let (now, peers) = (ctx.now.mono, &self.peers);
        for (from, blob, pieces) in self.bodies.transfers.fill(&|peer| peers.is_up(peer), now) {
            ctx.speak(Output::Fetch { from, blob, pieces });
        }
        if let Some(at) = self.bodies.transfers.next_at(now) {
            self.timers.sooner(Timer::Bodies, at);
        }
    }

    /// What was asked of a peer is durable, or did not come.
    pub(super) fn on_fetched(&mut self, ctx: &mut Ctx, fetched: &Fetched) -> Outcome {
        let (blob, is_false) = (&fetched.blob, fetched.is_false);
        let progress = self.bodies.transfers.on_fetched(fetched, ctx.now.mono);
        let Some(fetch) = self.bodies.transfers.get(blob) else { return Outcome::Duplicate };
        if progress != Progress::None {
            let bits = fetch.have.0.clone();
            ctx.put_raw(Table::Blob, bits_key(blob), bits);
            self.tell_progress(ctx, blob);
        }
        if progress == Progress::Whole {
            self.bodies.transfers.end(blob);
            self.on_whole(ctx, blob);
        }
        self.pump_fetches(ctx);
        if is_false { Outcome::Misbehaved(Misbehaviour::Malformed) } else { Outcome::Accepted }
    }

    fn users(&self, ctx: &Ctx, blob: &BlobId) -> Vec<Use> {
        let rows = ctx.scan(&Scan::prefix(Table::Use, blob.0).limit(FRAME_IDS_MAX));
        rows.iter().filter_map(|(key, _)| Use::from_key(key)).collect()
    }

    fn tell_progress(&self, ctx: &mut Ctx, blob: &BlobId) {
        for user in self.users(ctx, blob) {
            if let Use::Message(message) = user
                && let Some(index) = ctx.row::<row::Index>(Table::Index, &message.0)
            {
                ctx.emit(Event::Body { room: index.place.room, message });
            }
        }
    }

    /// All of it is here: senders, mailboxes and depositors are told.
    fn on_whole(&mut self, ctx: &mut Ctx, blob: &BlobId) {
        ctx.delete(Table::Carriage, fetch_key(blob));
        for user in self.users(ctx, blob) {
            if let Use::Message(message) = user
                && let Some(index) = ctx.row::<row::Index>(Table::Index, &message.0)
            {
                if index.place.sender != ctx.keys.account_id() {
                    ctx.put_raw(Table::Carriage, untold_key(&message), []);
                }
                ctx.emit(Event::Message { room: index.place.room, message });
            }
        }
        let registered: Vec<(PeerId, InboxId)> = self.mailboxes.registered().collect();
        for (peer, inbox) in registered {
            if self.peers.is_up(&peer) {
                ctx.transmit(peer, Frame::BlobDone(BlobDone { inbox, blob: *blob }));
            }
        }
        for (peer, inbox) in self.bodies.waiting.remove(blob).unwrap_or_default() {
            self.say_held(ctx, peer, inbox, *blob);
        }
        self.timers.sooner(Timer::Bodies, ctx.now.mono);
    }

    /// Tells senders that their bodies are here, some at a time; who cannot be told just now is told later, and nobody waits behind them.
    fn tell_had(&mut self, ctx: &mut Ctx) {
        let mut gathered: BTreeMap<(AccountId, RoomId), Vec<MessageId>> = BTreeMap::new();
        let mut scan = Scan::prefix(Table::Carriage, [4]).limit(FRAME_IDS_MAX);
        if let Some(from) = self.bodies.told.take() {
            scan = scan.after(from);
        }
        let rows = ctx.scan(&scan);
        if let (FRAME_IDS_MAX, Some((last, _))) = (rows.len(), rows.last()) {
            self.bodies.told = Some(last.clone());
            self.timers.sooner(Timer::Bodies, ctx.now.mono + 1);
        }
        for (key, _) in rows {
            let Some(message) = key.get(1..).and_then(MessageId::from_slice) else { continue };
            let here = self.media_of(ctx, &message).filter(|media| self.is_whole(ctx, &media.manifest.listing.id()));
            let index = ctx.row::<row::Index>(Table::Index, &message.0);
            match (here, index) {
                (Some(_), Some(index)) => gathered.entry((index.place.sender, index.place.room)).or_default().push(message),
                // Forgotten, or taken back: there is nothing to tell, until it is fetched again.
                _ => ctx.delete(Table::Carriage, key),
            }
        }
        for ((account, room), messages) in gathered {
            let is_told = self.contacts.is_reachable(&account)
                && self.send_aside(ctx, &room, &account, &Body::Had { messages: messages.clone() }).is_some();
            if is_told {
                messages.iter().for_each(|message| ctx.delete(Table::Carriage, untold_key(message)));
            }
        }
    }

    // Holding for others.

    pub(super) fn handle_offer(&mut self, ctx: &mut Ctx, from: PeerId, offer: &Offer) -> Outcome {
        let blob = offer.listing.id();
        if let Err((reason, takes)) = self.service.lodge(ctx, &from, offer) {
            ctx.transmit(from, Frame::BlobRefused(BlobRefused { blob, inbox: offer.inbox, reason, takes }));
            return Outcome::Refused(if reason == Reason::NoToken { Refusal::Unwanted } else { Refusal::Limit });
        }
        if self.is_whole(ctx, &blob) {
            self.say_held(ctx, from, offer.inbox, blob);
            return Outcome::Duplicate;
        }
        if ctx.get(Table::Blob, &blob.0).is_none() {
            ctx.put(Table::Blob, blob.0, &Stored { listing: offer.listing.clone(), wanted: false });
        }
        self.bodies.waiting.entry(blob).or_default().insert((from, offer.inbox));
        self.begin_fetch(ctx, &blob);
        self.bodies.transfers.add_holder(&blob, from);
        Outcome::Accepted
    }

    fn say_held(&mut self, ctx: &mut Ctx, to: PeerId, inbox: InboxId, blob: BlobId) {
        if let Some(until) = self.service.lodged_until(ctx, &inbox, &blob) {
            let held = BlobHeld { blob, inbox, until, signature: [0; 64] };
            ctx.transmit(to, Frame::BlobHeld(held.sign(&ctx.keys.transport)));
        }
    }

    pub(super) fn handle_blob_done(&mut self, ctx: &mut Ctx, from: PeerId, done: &BlobDone) -> Outcome {
        if !self.service.unlodge_for(ctx, &from, &done.inbox, &done.blob) {
            return Outcome::Refused(Refusal::Unknown);
        }
        self.release_body(ctx, &done.blob);
        Outcome::Accepted
    }

    /// What expired at the service.
    pub(super) fn sweep_bodies(&mut self, ctx: &mut Ctx) {
        for blob in self.service.expire_lodgings(ctx) {
            self.release_body(ctx, &blob);
        }
        self.wake_bodies(ctx);
    }

    /// A holder is there: it is asked at once.
    pub(super) fn on_holder_up(&mut self, ctx: &Ctx, peer: &PeerId) {
        self.bodies.transfers.wake(peer);
        if self.bodies.transfers.is_holder(peer) || !self.bodies.owed.is_empty() {
            self.bodies.offered.retain(|(other, _, _), _| other != peer);
            self.timers.sooner(Timer::Bodies, ctx.now.mono);
        }
    }

    pub(super) fn on_holder_down(&mut self, ctx: &Ctx, peer: &PeerId) {
        if self.bodies.transfers.is_holder(peer) {
            self.bodies.transfers.on_down(peer);
            self.timers.sooner(Timer::Bodies, ctx.now.mono);
        }
        self.bodies.waiting.values_mut().for_each(|waiting| waiting.retain(|(other, _)| other != peer));
        self.bodies.waiting.retain(|_, waiting| !waiting.is_empty());
    }
}

/// Whether it is of no use to offer the same body again.
fn is_final(reason: Reason) -> bool {
    matches!(reason, Reason::TooLarge)
}
