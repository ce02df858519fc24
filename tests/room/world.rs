//! Devices with rooms, and a net between them that delays, reorders, repeats, loses for a while and splits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tidings::crypto::keys::Keys;
use tidings::proto::ctx::Ctx;
use tidings::proto::room::{Effect, EpochId, Opened, RoomError, RoomInfo, Rooms, Sealed};
use tidings::proto::seam::Output;
use tidings::types::{AccountId, DeviceId, Millis, Now, Rng, RoomId, Row, Scan, Table, View};
use tidings::wire::envelope::Envelope;

/// A store in memory.
#[derive(Clone, Default)]
pub(super) struct Disk(pub(super) BTreeMap<(Table, Vec<u8>), Vec<u8>>);

impl View for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(&(table, key.to_vec())).cloned()
    }

    fn scan(&self, scan: &Scan) -> Vec<Row> {
        let rows = self.0.iter().filter(|((table, key), _)| *table == scan.table && key.starts_with(&scan.prefix));
        let beyond = |key: &[u8]| scan.after.as_deref().is_none_or(|after| if scan.reverse { key < after } else { key > after });
        let mut rows: Vec<Row> = rows.filter(|((_, key), _)| beyond(key)).map(|((_, key), value)| (key.clone(), value.clone())).collect();
        if scan.reverse {
            rows.reverse();
        }
        rows.truncate(scan.limit);
        rows
    }
}

/// What a message is to the world: its id, its text is the id too.
pub(super) type Id = u32;

/// A message as its sender keeps it.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) room: RoomId,
    pub(super) epoch: EpochId,
    /// Devices that were members when it was first sealed.
    pub(super) to: BTreeSet<usize>,
}

/// What travels.
#[derive(Clone)]
pub(super) enum Mail {
    Envelope { bytes: Vec<u8>, of: Option<(usize, Id)> },
    Welcome { from: AccountId, room: RoomId, welcome: Vec<u8> },
    Rejoin { from: AccountId, room: RoomId, key_package: Vec<u8>, generation: u32 },
}

#[derive(Clone)]
pub(super) struct Packet {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) mail: Mail,
}

/// One node.
pub(super) struct Device {
    pub(super) keys: Keys,
    pub(super) rooms: Rooms,
    pub(super) disk: Disk,
    rng: Rng,
    pub(super) deferred: Vec<Packet>,
    /// Messages opened, and how often.
    pub(super) got: BTreeMap<Id, u32>,
    pub(super) sent: BTreeMap<Id, Sent>,
    /// Messages that came when their epoch was gone.
    pub(super) expired: BTreeSet<Id>,
    /// Messages that were sent before this device last came in: it may not be able to open them.
    pub(super) before: BTreeSet<Id>,
    pub(super) effects: Vec<Effect>,
    pub(super) misbehaved: u32,
    /// Whether it ever lost what it knew of its rooms.
    pub(super) lost: bool,
    /// Envelopes that gave a content.
    opened: BTreeSet<Vec<u8>>,
}

impl Device {
    /// Whether an envelope of a message waits for its epoch.
    pub(super) fn waits_for(&self, id: Id) -> bool {
        self.deferred.iter().any(|packet| matches!(packet.mail, Mail::Envelope { of: Some((_, of)), .. } if of == id))
    }
}

/// All of it.
pub(super) struct World {
    pub(super) now: Now,
    pub(super) devices: Vec<Device>,
    pub(super) net: Vec<Packet>,
    pub(super) messages: Id,
    trace: bool,
}

/// Keys of a person's device; people have different numbers, so that a mix-up fails.
pub(super) fn keys(person: u8, device: u8) -> Keys {
    Keys::new(
        &[person; 32],
        &[person.wrapping_mul(16).wrapping_add(device) ^ 0x80; 32],
        &[person.wrapping_mul(16).wrapping_add(device) ^ 0x40; 32],
    )
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            now: Now { mono: 1_000, wall: 1_700_000_000_000 },
            devices: Vec::new(),
            net: Vec::new(),
            messages: 0,
            trace: std::env::var_os("TIDINGS_TRACE").is_some(),
        }
    }

    /// Adds a person's device; gives its number.
    pub(super) fn device(&mut self, person: u8, device: u8) -> usize {
        let keys = keys(person, device);
        let disk = Disk::default();
        let rooms = Rooms::open(&disk, &keys);
        let mut seed = [device; 32];
        seed[0] = person;
        self.devices.push(Device {
            keys,
            rooms,
            disk,
            rng: Rng::from_seed(seed),
            deferred: Vec::new(),
            got: BTreeMap::new(),
            sent: BTreeMap::new(),
            expired: BTreeSet::new(),
            before: BTreeSet::new(),
            effects: Vec::new(),
            misbehaved: 0,
            lost: false,
            opened: BTreeSet::new(),
        });
        self.devices.len() - 1
    }

    pub(super) fn account(&self, at: usize) -> AccountId {
        self.devices[at].keys.account_id()
    }

    pub(super) fn id(&self, at: usize) -> DeviceId {
        self.devices[at].keys.device_id()
    }

    /// One input to a device: its writes are applied, then its effects performed.
    pub(super) fn act<R>(&mut self, at: usize, what: impl FnOnce(&mut Rooms, &mut Ctx) -> (R, Vec<Effect>)) -> R {
        let now = self.now;
        let device = &mut self.devices[at];
        let mut ctx = Ctx::new(now, &mut device.rng, &device.keys, &device.disk);
        let (result, effects) = what(&mut device.rooms, &mut ctx);
        let mut out = VecDeque::new();
        ctx.finish(&mut out);
        for output in out {
            if let Output::Persist(batch) = output {
                for (table, key, value) in batch.iter() {
                    match value {
                        Some(value) => device.disk.0.insert((table, key.to_vec()), value.to_vec()),
                        None => device.disk.0.remove(&(table, key.to_vec())),
                    };
                }
            }
        }
        self.perform(at, effects);
        result
    }

    /// As [`act`](Self::act), for what can be refused.
    pub(super) fn attempt(
        &mut self,
        at: usize,
        what: impl FnOnce(&mut Rooms, &mut Ctx) -> Result<Vec<Effect>, RoomError>,
    ) -> Result<(), RoomError> {
        self.act(at, |rooms, ctx| match what(rooms, ctx) {
            Ok(effects) => (Ok(()), effects),
            Err(error) => (Err(error), Vec::new()),
        })
    }

    /// Prints what happens, for whoever looks into a seed (`TIDINGS_TRACE`).
    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>8} {}", self.now.mono, what());
        }
    }

    fn perform(&mut self, at: usize, effects: Vec<Effect>) {
        for effect in effects {
            self.tell(|| {
                let what = match &effect {
                    Effect::Commit { .. } => "commits".to_owned(),
                    Effect::Welcome { .. } => "welcomes".to_owned(),
                    Effect::Rejoin { .. } => "asks to be added again".to_owned(),
                    Effect::Abandoned { epochs, .. } => format!("abandons {:?}", epochs.iter().map(|id| id[0]).collect::<Vec<_>>()),
                    Effect::Epoch { room } => {
                        format!("is in {:?}", self.devices[at].rooms.epoch(room).map(|(number, id)| (number, id[0])))
                    }
                    Effect::Fresh { accounts, .. } => format!("seals anew for {}", accounts.len()),
                    Effect::Members { room, .. } => format!("sees {:?}", self.members(at, room)),
                    Effect::Removed { .. } => "is out".to_owned(),
                };
                format!("{at} {what}")
            });
            self.devices[at].effects.push(effect.clone());
            let from = self.account(at);
            match effect {
                Effect::Commit { to, envelope, .. } => self.post(at, &to, &Mail::Envelope { bytes: envelope, of: None }),
                Effect::Welcome { room, to, welcome, .. } => self.post(at, &[to], &Mail::Welcome { from, room, welcome }),
                Effect::Rejoin { room, to, key_package, generation } => {
                    self.post(at, &to, &Mail::Rejoin { from, room, key_package, generation });
                }
                Effect::Abandoned { room, epochs } => {
                    let sent = &self.devices[at].sent;
                    let again: Vec<Id> =
                        sent.iter().filter(|(_, sent)| sent.room == room && epochs.contains(&sent.epoch)).map(|(id, _)| *id).collect();
                    again.into_iter().for_each(|id| self.seal(at, &room, id));
                }
                Effect::Epoch { .. } => {
                    let waiting = std::mem::take(&mut self.devices[at].deferred);
                    self.net.extend(waiting);
                }
                // Whoever has an outbox seals anew; here the old seals arrive before the welcome or not at all.
                Effect::Fresh { .. } | Effect::Members { .. } | Effect::Removed { .. } => {}
            }
        }
    }

    fn post(&mut self, from: usize, to: &[AccountId], mail: &Mail) {
        for at in 0..self.devices.len() {
            if at != from && to.contains(&self.account(at)) {
                self.net.push(Packet { from, to: at, mail: mail.clone() });
            }
        }
    }

    /// The devices of a room, as one of them sees it.
    pub(super) fn members(&self, at: usize, room: &RoomId) -> BTreeSet<usize> {
        let devices = self.devices[at].rooms.devices(room);
        (0..self.devices.len()).filter(|other| devices.contains(&(self.account(*other), self.id(*other)))).collect()
    }

    /// Sends a new message.
    pub(super) fn send(&mut self, at: usize, room: &RoomId) -> Option<Id> {
        if !self.devices[at].rooms.has(room) {
            return None;
        }
        self.messages += 1;
        let id = self.messages;
        let mut to = self.members(at, room);
        to.remove(&at);
        self.devices[at].sent.insert(id, Sent { room: *room, epoch: [0; 16], to });
        self.seal(at, room, id);
        Some(id)
    }

    /// Seals a message (again) in the epoch that its sender is in.
    pub(super) fn seal(&mut self, at: usize, room: &RoomId, id: Id) {
        let sealed: Result<Sealed, RoomError> = self.act(at, |rooms, ctx| (rooms.seal(ctx, room, &id.to_be_bytes()), Vec::new()));
        let Ok(sealed) = sealed else { return };
        if let Some(sent) = self.devices[at].sent.get_mut(&id) {
            sent.epoch = sealed.epoch;
        }
        for to in self.members(at, room) {
            if to != at {
                let mail = Mail::Envelope { bytes: sealed.envelope.clone(), of: Some((at, id)) };
                self.net.push(Packet { from: at, to, mail });
            }
        }
    }

    /// Hands a packet to its receiver.
    pub(super) fn deliver(&mut self, packet: Packet) -> Option<Opened> {
        let at = packet.to;
        match &packet.mail {
            Mail::Envelope { bytes, of } => {
                let body = Envelope::decode(bytes).expect("an envelope").body.to_vec();
                let opened = self.act(at, |rooms, ctx| rooms.open_envelope(ctx, &body));
                match &opened {
                    Opened::Content { sender, content, .. } => {
                        let id = Id::from_be_bytes(content[..].try_into().expect("an id"));
                        assert_eq!(Some(*sender), of.map(|(from, _)| self.account(from)), "the sender is who sent it");
                        *self.devices[at].got.entry(id).or_default() += 1;
                        assert!(self.devices[at].opened.insert(bytes.clone()), "an envelope gives its content once");
                    }
                    Opened::Deferred => self.devices[at].deferred.push(packet.clone()),
                    Opened::Expired(_) => self.devices[at].expired.extend(of.map(|(_, id)| id)),
                    Opened::Misbehaved(_) => self.devices[at].misbehaved += 1,
                    _ => {}
                }
                Some(opened)
            }
            Mail::Welcome { from, room, welcome } => {
                let (from, room, welcome) = (*from, *room, welcome.clone());
                let before = self.messages;
                let joined = self.act(at, |rooms, ctx| match rooms.join(ctx, &from, &room, &welcome) {
                    Ok(joined) => (Ok(!joined.effects.is_empty()), joined.effects),
                    Err(error) => (Err(error), Vec::new()),
                });
                self.tell(|| format!("{at} is welcomed by {}: {joined:?}", packet.from));
                if joined == Ok(true) {
                    self.devices[at].before.extend(1..=before);
                }
                None
            }
            Mail::Rejoin { from, room, key_package, generation } => {
                let (from, room, key_package, generation) = (*from, *room, key_package.clone(), *generation);
                let answer = self.attempt(at, |rooms, ctx| rooms.handle_rejoin(ctx, &from, &room, &key_package, generation));
                self.tell(|| format!("{at} is asked by {} to add it again: {answer:?}", packet.from));
                None
            }
        }
    }

    /// Delivers everything, oldest first, until nothing is on the way.
    pub(super) fn drain(&mut self) {
        while !self.net.is_empty() {
            let packet = self.net.remove(0);
            self.deliver(packet);
        }
    }

    /// Lets time pass, and what is due be done.
    pub(super) fn pass(&mut self, ms: Millis) {
        self.now = Now { mono: self.now.mono + ms, wall: self.now.wall + ms };
        for at in 0..self.devices.len() {
            while self.devices[at].rooms.next_deadline().is_some_and(|due| due <= self.now.mono) {
                self.act(at, |rooms, ctx| ((), rooms.on_deadline(ctx)));
            }
        }
    }

    /// Two devices meet and say where they are, if they take each other for members.
    pub(super) fn meet(&mut self, one: usize, other: usize, room: &RoomId) {
        for (from, to) in [(one, other), (other, one)] {
            let (account, device) = (self.account(from), self.id(from));
            if let Some((epoch, id)) = self.devices[from].rooms.epoch(room).filter(|_| self.members(from, room).contains(&to)) {
                self.act(to, |rooms, ctx| {
                    let effects = match rooms.has(room) {
                        true => rooms.handle_heads(ctx, room, &account, &device, epoch, &id),
                        false => rooms.ask_back(ctx, room, vec![account]),
                    };
                    ((), effects)
                });
            }
        }
    }

    /// The process ends and starts again.
    pub(super) fn restart(&mut self, at: usize) {
        let device = &mut self.devices[at];
        let before = std::mem::replace(&mut device.rooms, Rooms::open(&device.disk, &device.keys));
        for room in before.rooms() {
            assert_eq!(before.epoch(&room), device.rooms.epoch(&room), "what was in memory is what was written");
            assert_eq!(before.devices(&room), device.rooms.devices(&room), "what was in memory is what was written");
        }
    }

    /// A device loses what it knows of its rooms, not its keys.
    pub(super) fn lose(&mut self, at: usize) {
        let device = &mut self.devices[at];
        device.disk.0.retain(|(table, _), _| !matches!(table, Table::Group | Table::Bag));
        device.deferred.clear();
        device.lost = true;
        device.rooms = Rooms::open(&device.disk, &device.keys);
    }

    /// A key package of a device.
    pub(super) fn package(&mut self, at: usize) -> (AccountId, Vec<u8>) {
        let account = self.account(at);
        (account, self.act(at, |rooms, ctx| (rooms.key_package(ctx), Vec::new())))
    }

    /// Makes a room with these devices.
    pub(super) fn create(&mut self, at: usize, info: RoomInfo, with: &[usize]) -> Result<(), RoomError> {
        let devices: Vec<(AccountId, Vec<u8>)> = with.iter().map(|other| self.package(*other)).collect();
        self.attempt(at, |rooms, ctx| rooms.create(ctx, info, &devices))
    }

    /// Adds devices.
    pub(super) fn add(&mut self, at: usize, room: &RoomId, with: &[usize]) -> Result<(), RoomError> {
        let devices: Vec<(AccountId, Vec<u8>)> = with.iter().map(|other| self.package(*other)).collect();
        self.attempt(at, |rooms, ctx| rooms.add(ctx, room, &devices))
    }
}
