//! Bodies of media in the world: which pieces lie in the files of which machine, how they get there, and what must be so of them. There are no
//! bytes; a piece is there or it is not.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Who;
use super::link::Fate;
use super::play::Play;
use super::world::World;
use crate::proto::{Command, Fetched, Input};
use crate::types::limits::{CHUNK_BYTES, FETCH_AT_ONCE_BYTES, FRAME_READ_MS, NEIGHBOUR_MEDIA_BYTES_MAX, RELAY_MEDIA_BYTES_MAX};
use crate::types::{AccountId, Batch, BlobId, InboxId, MessageId, Millis, PeerId, RoomId, Scan, Table, View as _};
use crate::wire::blob::{Bits, Carriage, Listing, Lodging, Manifest, Media, Stored, bits_key, carriage_key, fetch_key, lodging_keys};
use crate::wire::content::Body;
use crate::wire::frame::Frame;
use crate::wire::media::{MediaKind, Preview};
use crate::wire::row;

/// What is wrong with a machine that others fetch pieces from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trick {
    /// Streams of pieces break in the middle.
    Lose,
    /// It gives pieces of something else.
    Lie,
    /// It takes what it is asked and never answers.
    Stall,
}

/// What the world remembers of bodies.
#[derive(Default)]
pub(super) struct Seen {
    /// Accounts that once had all of a body on a disk.
    had: BTreeSet<(AccountId, BlobId)>,
    /// Who wants a body no longer here.
    dropped: BTreeSet<(Who, BlobId)>,
    /// How many were made: no two are alike.
    made: u64,
}

/// A piece on its way, beside what the line itself takes.
const PIECE_MS: Millis = 2;
/// In a thousand streams of a machine that loses some.
const LOST_PERMILLE: u64 = 300;

impl World {
    /// Pieces come if the other machine has them and the way there and back holds.
    pub(super) fn fetch(&mut self, who: Who, peer: PeerId, blob: BlobId, asked: Vec<u32>) {
        let Some(other) = self.who(&peer) else { return };
        let fate = self.fate(other, who);
        let is_there = self.machines[who].peers.contains(&other) && self.machines[other].is_up();
        let way = match fate {
            Fate::Arrives { at, .. } if is_there => Some(at.saturating_sub(self.now) + PIECE_MS * asked.len() as Millis),
            _ => None,
        };
        let machine = &self.machines[other];
        let bits = Bits(machine.disk.get(Table::Blob, &bits_key(&blob)).unwrap_or_default());
        let has = |piece: &u32| bits.has(*piece) && machine.files.get(&blob).is_some_and(|file| file.has(*piece));
        let mut got: Vec<u32> = asked.iter().copied().filter(has).collect();
        let trick = machine.state.trick;
        let lied = trick == Some(Trick::Lie);
        let is_lost = trick == Some(Trick::Lose) && self.chance(1000) < LOST_PERMILLE;
        if lied || is_lost {
            let kept = self.chance(got.len() as u64 + 1) as usize;
            got.truncate(kept);
        }
        let (delay, got, is_false) = match (trick, way) {
            (Some(Trick::Stall), Some(_)) => (FRAME_READ_MS, Vec::new(), false),
            (_, Some(delay)) => (delay, got, lied),
            (_, None) => (1, Vec::new(), false),
        };
        self.later(who, delay, None, Input::Fetched(Fetched { from: peer, blob, asked, got, is_false, waited_ms: delay }));
    }

    /// What came is written, if it is still wanted and there is room: only that counts as got.
    pub(super) fn write_pieces(&mut self, who: Who, blob: &BlobId, got: &mut Vec<u32>) {
        let machine = &mut self.machines[who];
        if machine.state.full || !machine.disk.has(Table::Blob, &blob.0) {
            got.clear();
        }
        if !got.is_empty() {
            let file = machine.files.entry(*blob).or_default();
            got.iter().for_each(|piece| file.set(*piece));
        }
    }

    /// The file of a body goes, unless it is wanted again by now.
    pub(super) fn forget_file(&mut self, who: Who, blob: &BlobId) {
        if !self.machines[who].disk.has(Table::Blob, &blob.0) {
            self.machines[who].files.remove(blob);
        }
    }

    /// Rows and files of a machine agree before its node begins, as `store::Blobs::reconcile` has it.
    pub(super) fn reconcile(&mut self, who: Who) {
        let machine = &mut self.machines[who];
        let rows: Vec<(Vec<u8>, Stored)> = machine.disk.all(Table::Blob);
        let mut batch = Batch::default();
        for (blob, stored) in rows.iter().filter_map(|(key, stored)| Some((BlobId::from_slice(key)?, stored))) {
            let bits = machine.disk.get(Table::Blob, &bits_key(&blob)).unwrap_or_default();
            if !is_within(&bits, machine.files.get(&blob)) {
                batch.delete(Table::Blob, bits_key(&blob));
                if stored.wanted {
                    batch.put(Table::Carriage, fetch_key(&blob), []);
                }
            }
        }
        if !batch.is_empty() {
            machine.disk.apply(&batch);
            machine.disk.flush(usize::MAX);
        }
        machine.files.retain(|blob, _| machine.disk.has(Table::Blob, &blob.0));
    }

    /// Whether a machine has every piece, durably.
    fn has_body(&self, who: Who, blob: &BlobId) -> bool {
        let machine = &self.machines[who];
        let Some(stored) = machine.disk.row::<Stored>(Table::Blob, &blob.0) else { return false };
        let bits = machine.disk.durable(Table::Blob, &bits_key(blob)).unwrap_or_default();
        is_within(bits, machine.files.get(blob)) && bits.iter().map(|byte| byte.count_ones()).sum::<u32>() >= stored.listing.pieces()
    }

    /// Right after a batch was applied: no row names a piece that no file has, nothing is let go that its owner lacks, no quota is passed.
    pub(super) fn watch_bodies_applied(&mut self, who: Who, batch: &Batch) {
        for (table, key, value) in batch.iter() {
            match (table, value) {
                (Table::Blob, Some(bits)) if key.len() == BlobId::LEN + 1 => {
                    let Some(blob) = BlobId::from_slice(&key[..BlobId::LEN]) else { continue };
                    let is_there = is_within(bits, self.machines[who].files.get(&blob));
                    self.watch.check(is_there, || format!("{who} counts pieces of {blob:?} that are in no file"));
                }
                (Table::Lodging, None) if key.first() == Some(&1) => self.watch_lodging_end(who, key),
                (Table::Lodging, Some(_)) if key.first() == Some(&1) => {
                    let inbox = key[..33].to_vec();
                    let held: Vec<Lodging> = self.machines[who]
                        .disk
                        .scan(&Scan::prefix(Table::Lodging, inbox))
                        .iter()
                        .filter_map(|(_, value)| row::decode(value).ok())
                        .collect();
                    let sum: u64 = held.iter().map(|held| held.bytes).sum();
                    let most = if self.machines[who].settings.relay { RELAY_MEDIA_BYTES_MAX } else { NEIGHBOUR_MEDIA_BYTES_MAX };
                    self.watch.check(sum <= most, || format!("{who} holds {sum} bytes of bodies for one inbox"));
                }
                _ => {}
            }
        }
    }

    fn watch_lodging_end(&mut self, who: Who, key: &[u8]) {
        let machine = &self.machines[who];
        let held = machine.disk.before(Table::Lodging, key).and_then(|value| row::decode::<Lodging>(value).ok());
        let (Some(held), Some((inbox, blob))) = (held, key.get(1..).and_then(|rest| rest.split_at_checked(32))) else { return };
        let (Some(inbox), Some(blob)) = (InboxId::from_slice(inbox), BlobId::from_slice(blob)) else { return };
        let Some(owner) = self.watch.owner(&inbox) else { return };
        let is_over = machine.time(self.now).wall >= held.until;
        if is_over || self.watch.spared.junk || self.watch.spared.absent.contains(&owner) || self.watch.spared.liars.contains(&who) {
            return;
        }
        let has = self.bodies.had.contains(&(self.machines[owner].account(), blob));
        self.watch.check(has, || format!("{who} lets the body {blob:?} go, which {owner} lacks"));
    }

    /// A batch is durable: who has a body has it, and what a sender is shown about theirs is so.
    pub(super) fn watch_bodies_durable(&mut self, who: Who, batch: &Batch) {
        for (table, key, value) in batch.iter() {
            match (table, value) {
                (Table::Blob, Some(_)) if key.len() == BlobId::LEN + 1 => {
                    if let Some(blob) = BlobId::from_slice(&key[..BlobId::LEN]).filter(|blob| self.has_body(who, blob)) {
                        self.bodies.had.insert((self.machines[who].account(), blob));
                    }
                }
                (Table::Carriage, Some(value)) if key.first() == Some(&1) => {
                    let account = key.get(1 + MessageId::LEN..).and_then(AccountId::from_slice);
                    if let Some((account, carriage)) = account.zip(row::decode::<Carriage>(value).ok()) {
                        self.watch_carriage(who, account, &carriage);
                    }
                }
                _ => {}
            }
        }
    }

    fn watch_carriage(&mut self, who: Who, account: AccountId, carriage: &Carriage) {
        let blob = carriage.blob;
        let had = self.bodies.had.contains(&(account, blob));
        self.watch
            .check(had || carriage.had.is_none(), || format!("{who} is shown that {account:?} has the body {blob:?}, and it never had"));
        let to = self.machines.iter().position(|machine| machine.account() == account);
        let spared = &self.watch.spared;
        if had || spared.junk || to.is_some_and(|to| spared.absent.contains(&to)) {
            return;
        }
        for (holder, until) in &carriage.held {
            let Some(holder) = self.who(holder) else { continue };
            let spared = &self.watch.spared;
            let is_over = self.machines[holder].time(self.now).wall >= *until;
            let is_spared = spared.liars.contains(&holder) || spared.absent.contains(&holder);
            let holds = is_over || is_spared || self.has_body(holder, &blob);
            self.watch.check(holds, || format!("{who} is shown {holder} as a holder of the body {blob:?}, which it is not"));
        }
    }

    /// Right before a frame is sent: what it says of bodies is durable.
    pub(super) fn watch_body_frame(&mut self, who: Who, frame: &Frame) {
        match frame {
            Frame::BlobHeld(held) => {
                let lodging = self.machines[who].disk.durable(Table::Lodging, &lodging_keys(&held.inbox, &held.blob, 0)[0]);
                let until = lodging.and_then(|value| row::decode::<Lodging>(value).ok()).map(|lodging| lodging.until);
                // Or it was collected while the receipt waited for a slow disk.
                let came = self.bodies.had.iter().any(|(_, blob)| *blob == held.blob);
                let holds = until == Some(held.until) && self.has_body(who, &held.blob);
                self.watch.check(holds || came && until.is_none(), || {
                    format!("{who} gives a receipt for the body {:?}, which is not durable there", held.blob)
                });
            }
            Frame::BlobDone(done) => {
                let had = self.bodies.had.contains(&(self.machines[who].account(), done.blob));
                self.watch.check(had, || format!("{who} says that it has the body {:?}, which it has not", done.blob));
            }
            _ => {}
        }
    }
}

/// Whether every piece that the bits name is in a file.
fn is_within(bits: &[u8], file: Option<&Bits>) -> bool {
    let file = file.map_or(&[][..], |file| &file.0);
    bits.iter().enumerate().all(|(at, byte)| byte & !file.get(at).copied().unwrap_or(0) == 0)
}

/// A message with a body, as it stands on somebody's machine.
struct Shown {
    message: MessageId,
    sender: AccountId,
    listing: Listing,
}

impl Play {
    /// A file of so many chunks goes to a contact; to oneself: to the group.
    pub(super) fn send_file(&mut self, from: Who, to: Who, chunks: u32) {
        let Some(room) = self.room(from, to).filter(|_| self.is_up(from)) else { return };
        let seen = &mut self.world.bodies;
        seen.made += 1;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&seen.made.to_be_bytes());
        let shape = Listing { size: u64::from(chunks.max(1)) * CHUNK_BYTES - 1, digests: Vec::new() };
        let count = if shape.pages() > 0 { shape.pages() } else { shape.chunks() };
        let listing = Listing { size: shape.size, digests: vec![digest; count as usize] };
        self.world.machines[from].files.insert(listing.id(), Bits::full(listing.pieces()));
        let preview = Preview {
            kind: MediaKind::File,
            mime: "application/octet-stream".to_owned(),
            width: 0,
            height: 0,
            duration_ms: 0,
            picture: Vec::new(),
            waveform: Vec::new(),
            misnamed: false,
        };
        let manifest = Manifest { key: [7; 32], listing };
        let media = Media { preview, name: "a.bin".to_owned(), caption: String::new(), reply: None, manifest };
        self.send(from, room, Body::Media(Box::new(media)));
    }

    /// Somebody wants the body of one of the messages in a room.
    pub(super) fn fetch(&mut self, who: Who, to: Who, choice: usize) {
        if let Some(shown) = self.choose(who, to, choice) {
            self.world.bodies.dropped.remove(&(who, shown.listing.id()));
            self.ask(who, Command::MediaFetch(shown.message));
        }
    }

    /// Somebody wants it no longer on their machine.
    pub(super) fn drop_body(&mut self, who: Who, to: Who, choice: usize) {
        if let Some(shown) = self.choose(who, to, choice) {
            // Also when the answer is lost in a crash.
            self.world.bodies.dropped.insert((who, shown.listing.id()));
            self.ask(who, Command::MediaDrop(shown.message));
        }
    }

    /// Somebody sends on what they have.
    pub(super) fn forward(&mut self, who: Who, to: Who, choice: usize) {
        let Some(room) = self.room(who, to) else { return };
        if let Some(shown) = self.choose(who, who, choice).or_else(|| self.choose(who, to, choice)) {
            self.command(who, room, Command::Forward { room, message: shown.message });
        }
    }

    fn choose(&self, who: Who, to: Who, choice: usize) -> Option<Shown> {
        let room = self.room(who, to)?;
        let mut media = self.media(who, &room);
        (!media.is_empty()).then(|| media.swap_remove(choice % media.len()))
    }

    /// Messages with bodies in a room on a machine, without those that were taken back.
    fn media(&self, who: Who, room: &RoomId) -> Vec<Shown> {
        let shown = self.shown(who, room);
        let recalled: BTreeSet<MessageId> =
            shown.iter().filter_map(|(_, body)| if let Body::Recall { target } = body { Some(*target) } else { None }).collect();
        let disk = &self.world.machines[who].disk;
        let media = shown.into_iter().filter(|(message, _)| !recalled.contains(message)).filter_map(|(message, body)| {
            let Body::Media(media) = body else { return None };
            let index = disk.row::<row::Index>(Table::Index, &message.0)?;
            Some(Shown { message, sender: index.place.sender, listing: media.manifest.listing })
        });
        media.collect()
    }

    /// Once the weather is fair, everybody wants everything that they see. Whether anybody does.
    pub(super) fn want_all(&mut self) -> bool {
        if self.world.bodies.made == 0 {
            return false;
        }
        for (room, members) in self.model.rooms.clone() {
            for who in members {
                let me = self.account(who);
                for shown in self.media(who, &room).into_iter().filter(|shown| shown.sender != me) {
                    self.world.bodies.dropped.remove(&(who, shown.listing.id()));
                    self.ask(who, Command::MediaFetch(shown.message));
                }
            }
        }
        true
    }

    /// Whether bodies are still on their way that may never come.
    pub(super) fn is_fetching(&self) -> bool {
        let fetches = |who: Who| !self.world.machines[who].disk.scan(&Scan::prefix(Table::Carriage, [3]).limit(1)).is_empty();
        self.all().any(fetches)
    }

    /// A body that is not where it belongs.
    pub(super) fn bodies_fault(&self) -> Option<String> {
        for (room, members) in &self.model.rooms {
            for who in members {
                for shown in self.media(*who, room) {
                    let fault = if shown.sender == self.account(*who) {
                        self.sender_fault(*who, members, &shown)
                    } else {
                        self.receiver_fault(*who, members, &shown)
                    };
                    if fault.is_some() {
                        return fault;
                    }
                }
            }
        }
        None
    }

    fn sender_fault(&self, who: Who, members: &BTreeSet<Who>, shown: &Shown) -> Option<String> {
        let blob = shown.listing.id();
        let absent = &self.world.watch.spared.absent;
        for other in members.iter().filter(|other| **other != who && !absent.contains(*other) && !absent.contains(&who)) {
            let key = carriage_key(&shown.message, &self.account(*other));
            let Some(carriage) = self.world.machines[who].disk.row::<Carriage>(Table::Carriage, &key) else { continue };
            if carriage.had.is_none() && !self.world.has_body(who, &blob) {
                return Some(format!("{who} lets the only copy of {blob:?} go, for which {other} waits"));
            }
            if carriage.had.is_none() && self.world.has_body(*other, &blob) {
                return Some(format!("{who} never hears that {other} has the body {blob:?}"));
            }
        }
        None
    }

    fn receiver_fault(&self, who: Who, members: &BTreeSet<Who>, shown: &Shown) -> Option<String> {
        let blob = shown.listing.id();
        let seen = &self.world.bodies;
        if self.world.has_body(who, &blob) || seen.dropped.contains(&(who, blob)) {
            return None;
        }
        let is_wanted = self.world.machines[who].disk.has(Table::Carriage, &fetch_key(&blob));
        if !is_wanted && shown.listing.size <= FETCH_AT_ONCE_BYTES {
            return Some(format!("{who} does not fetch the body {blob:?}, though it is small"));
        }
        let is_good = |other: &Who| {
            let state = &self.world.machines[*other].state;
            let is_friend = self.contact(who, *other) == Some(row::ContactState::Accepted)
                && self.contact(*other, who) == Some(row::ContactState::Accepted);
            is_friend && state.trick.is_none() && state.lie.is_none() && !state.gone && self.world.has_body(*other, &blob)
        };
        let from = members.iter().find(|other| **other != who && is_good(other));
        from.filter(|_| is_wanted).map(|from| format!("{who} never gets the body {blob:?}, which {from} has"))
    }
}
