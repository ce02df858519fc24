//! A small, obviously right mailbox beside the real one: random days of Bob (one device), Dora (two devices) and three senders,
//! with a crash between any two outputs.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Mailbox, Owner, Sender, deposit, id, secret};
use tidings::proto::Outcome;
use tidings::types::limits::{ENVELOPE_TTL_MS, EXPIRY_SPAN_MS, RECEIPT_STEP_MS};
use tidings::types::time::{DAY, HOUR, SECOND};
use tidings::types::{EnvelopeId, InboxId, Millis, PeerId, Rng, Table};
use tidings::wire::frame::Frame;
use tidings::wire::mailbox::{Claim, Lane};

const SEEDS: u64 = 300;
const QUOTA: u64 = 4_000;

/// One entry: what, from whom, until when, and who has acknowledged it.
#[derive(Clone, Debug)]
struct Entry {
    envelope: Vec<u8>,
    lane: Lane,
    sender: usize,
    until: Millis,
    acked: BTreeSet<usize>,
}

/// An inbox as it should be: places in order.
#[derive(Clone, Debug, Default)]
struct Inbox {
    entries: BTreeMap<u64, Entry>,
    next: u64,
    readers: BTreeSet<usize>,
    /// Everything that was ever in it: a receipt may come after all readers have acknowledged.
    ever: BTreeSet<EnvelopeId>,
}

impl Inbox {
    fn takes(&self, lane: Lane, sender: usize, bytes: u64) -> bool {
        let sum = |of: &dyn Fn(&&Entry) -> bool| -> u64 {
            self.entries.values().filter(of).filter(|entry| entry.lane == lane).map(|entry| entry.envelope.len() as u64).sum()
        };
        lane == Lane::Control || (sum(&|_| true) + bytes <= QUOTA && sum(&|entry| entry.sender == sender) + bytes <= QUOTA / 4)
    }

    fn has(&self, envelope: &[u8]) -> bool {
        self.entries.values().any(|entry| entry.envelope == envelope)
    }

    fn release(&mut self) {
        let readers = self.readers.clone();
        self.entries.retain(|_, entry| !readers.iter().all(|reader| entry.acked.contains(reader)));
    }

    fn expire(&mut self, wall: Millis) {
        self.entries.retain(|_, entry| (entry.until / EXPIRY_SPAN_MS + 1) * EXPIRY_SPAN_MS > wall);
    }
}

/// Owner and device → places and envelopes.
type Flights = BTreeMap<(usize, usize), Vec<(u64, Vec<u8>)>>;

struct World {
    mailbox: Mailbox,
    rng: Rng,
    owners: Vec<Owner>,
    senders: Vec<Sender>,
    inboxes: Vec<Inbox>,
    /// What each device has been sent on its present connection and has not answered, in order.
    flights: Flights,
    secret: [u8; 32],
}

impl World {
    fn new(seed: u64) -> Self {
        let mut mailbox = Mailbox::new();
        mailbox.settings.relay_inbox_bytes = QUOTA;
        mailbox.restart();
        let owners = vec![Owner::new(10, 1, &mailbox), Owner::new(20, 2, &mailbox)];
        let secret = secret(&mut mailbox);
        let mut inboxes = Vec::new();
        for owner in &owners {
            assert_eq!(owner.join(&mut mailbox), Outcome::Accepted);
            inboxes.push(Inbox { next: 1, readers: (0..owner.devices.len()).collect(), ..Inbox::default() });
        }
        let senders = vec![Sender::new(40), Sender::new(50), Sender::new(60)];
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Self { mailbox, rng: Rng::from_seed(bytes), owners, senders, inboxes, flights: BTreeMap::new(), secret }
    }

    fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            if self.rng.below(12) == 0 {
                self.mailbox.fuel = Some(self.rng.below(4) as usize);
            }
            match self.rng.below(20) {
                0..8 => self.deposit(),
                8..11 => self.open(),
                11..15 => self.acknowledge(),
                15 => self.defer(),
                16 => self.readers(),
                17 => self.mailbox.restart_and(&mut self.flights),
                18 => self.time(),
                _ => self.mailbox.settle(),
            }
            self.mailbox.fuel = None;
            self.after_input();
            self.look();
        }
    }

    /// After a crash nobody is connected.
    fn after_input(&mut self) -> bool {
        if std::mem::take(&mut self.mailbox.crashed) {
            self.flights.clear();
        }
        self.mailbox.persisted
    }

    fn deposit(&mut self) {
        let sender = self.rng.below(3) as usize;
        let wanted: Vec<usize> = [vec![0], vec![1], vec![0, 1]][self.rng.below(3) as usize].clone();
        let lane = if self.rng.below(4) == 0 { Lane::Control } else { Lane::Chat };
        let envelope = vec![self.rng.below(60) as u8 + 1; 50 + self.rng.below(3) as usize * 100];
        let fuel = self.mailbox.fuel.take();
        for to in &wanted {
            let open = self.senders[sender].open(&self.owners[*to], &self.mailbox);
            assert_eq!(self.mailbox.receive(self.senders[sender].peer, open), Outcome::Accepted);
        }
        self.mailbox.fuel = fuel;
        let inboxes: Vec<(InboxId, Lane)> = wanted.iter().map(|to| (self.owners[*to].inbox, lane)).collect();
        self.mailbox.receive(self.senders[sender].peer, deposit(&inboxes, &envelope));
        if !self.after_input() {
            return;
        }
        let until = (self.mailbox.now.wall + ENVELOPE_TTL_MS) / RECEIPT_STEP_MS * RECEIPT_STEP_MS;
        for to in wanted {
            let inbox = &mut self.inboxes[to];
            if !inbox.has(&envelope) && inbox.takes(lane, sender, envelope.len() as u64) {
                let entry = Entry { envelope: envelope.clone(), lane, sender, until, acked: BTreeSet::new() };
                inbox.ever.insert(id(&envelope));
                inbox.entries.insert(inbox.next, entry);
                inbox.next += 1;
            }
        }
    }

    fn device(&mut self) -> (usize, usize) {
        [(0, 0), (1, 0), (1, 1)][self.rng.below(3) as usize]
    }

    fn open(&mut self) {
        let (owner, device) = self.device();
        let frame = self.owners[owner].open(device);
        self.flights.insert((owner, device), Vec::new());
        self.mailbox.take(self.owners[owner].devices[device].1);
        self.mailbox.receive(self.owners[owner].devices[device].1, frame);
        self.after_input();
    }

    fn acknowledge(&mut self) {
        let (owner, device) = self.device();
        let Some(flight) = self.flights.get(&(owner, device)) else { return };
        let picked: Vec<u64> = flight.iter().map(|(sequence, _)| *sequence).filter(|_| self.rng.below(3) > 0).collect();
        self.mailbox.receive(self.owners[owner].devices[device].1, self.owners[owner].ack(picked.clone()));
        if self.after_input() && self.inboxes[owner].readers.contains(&device) {
            for sequence in &picked {
                self.inboxes[owner].entries.get_mut(sequence).map(|entry| entry.acked.insert(device));
            }
            self.inboxes[owner].release();
        }
        if let Some(flight) = self.flights.get_mut(&(owner, device)) {
            flight.retain(|(sequence, _)| !picked.contains(sequence));
        }
    }

    fn defer(&mut self) {
        let (owner, device) = self.device();
        let Some(flight) = self.flights.get_mut(&(owner, device)).filter(|flight| !flight.is_empty()) else { return };
        let (_, envelope) = flight.remove(0);
        self.mailbox.receive(self.owners[owner].devices[device].1, Frame::Deferred(vec![id(&envelope)]));
        self.after_input();
    }

    /// Dora's second device is taken off the list, or put on it.
    fn readers(&mut self) {
        let on = !self.inboxes[1].readers.contains(&1);
        let devices: &[usize] = if on { &[0, 1] } else { &[0] };
        let frame = self.owners[1].register(Claim::Secret(self.secret), devices);
        self.mailbox.receive(self.owners[1].peer(), frame);
        if self.after_input() {
            self.inboxes[1].readers = devices.iter().copied().collect();
            if !on {
                self.flights.remove(&(1, 1));
                self.inboxes[1].entries.values_mut().for_each(|entry| {
                    entry.acked.remove(&1);
                });
            }
        }
        self.mailbox.settle();
        self.after_input();
        self.mailbox.settle();
        self.inboxes[1].release();
    }

    fn time(&mut self) {
        let span = [SECOND, HOUR, 3 * DAY, 12 * DAY][self.rng.below(4) as usize] + self.rng.below(HOUR);
        self.mailbox.fuel = None;
        self.mailbox.wait(span + HOUR);
        self.inboxes.iter_mut().for_each(|inbox| inbox.expire(self.mailbox.now.wall));
    }

    /// The store is what the model says; what was said is true; what was sent was due, once, and in order.
    fn look(&mut self) {
        if self.rng.below(4) == 0 {
            self.mailbox.audit();
        }
        // Forgetting may lag behind by a check; it never runs ahead.
        let wall = self.mailbox.now.wall;
        for (owner, inbox) in self.owners.iter().zip(&mut self.inboxes) {
            let held: Vec<(u64, EnvelopeId)> =
                self.mailbox.entries(&owner.inbox).iter().map(|(sequence, hold)| (*sequence, hold.envelope)).collect();
            let mut due = inbox.clone();
            due.expire(wall);
            let model =
                |inbox: &Inbox| -> Vec<_> { inbox.entries.iter().map(|(sequence, entry)| (*sequence, id(&entry.envelope))).collect() };
            if held == model(&due) {
                *inbox = due;
            } else {
                assert_eq!(held, model(inbox));
            }
        }
        for (to, frame) in std::mem::take(&mut self.mailbox.sent) {
            match frame {
                Frame::Held(held) => {
                    assert!(held.is_signed_by(&self.mailbox.peer()));
                    assert!(self.senders.iter().any(|sender| sender.peer == to));
                    for (envelope, inbox) in &held.entries {
                        let owner = self.owners.iter().position(|owner| owner.inbox == *inbox).unwrap();
                        assert!(self.inboxes[owner].ever.contains(envelope), "a receipt for what was never durable");
                    }
                }
                Frame::Mail(mail) => self.sent(to, mail.inbox, mail.sequence, mail.envelope),
                _ => {}
            }
        }
    }

    fn sent(&mut self, to: PeerId, inbox: InboxId, sequence: u64, envelope: Vec<u8>) {
        let owner = self.owners.iter().position(|owner| owner.inbox == inbox).unwrap();
        let device = self.owners[owner].devices.iter().position(|(_, peer)| *peer == to).unwrap();
        if let Some(entry) = self.inboxes[owner].entries.get(&sequence) {
            assert_eq!(entry.envelope, envelope);
            assert!(!entry.acked.contains(&device), "sent although it was acknowledged");
        }
        // A crash ends the connection: what was still on its way is lost.
        if let Some(flight) = self.flights.get_mut(&(owner, device)) {
            assert!(flight.last().is_none_or(|(last, _)| *last < sequence), "out of order, or twice");
            flight.push((sequence, envelope));
        }
    }

    /// In the end everybody comes, and takes what is theirs.
    fn finish(&mut self) {
        self.mailbox.restart_and(&mut self.flights);
        for owner in 0..2 {
            for device in self.inboxes[owner].readers.clone() {
                let expected: Vec<Vec<u8>> = self.inboxes[owner]
                    .entries
                    .values()
                    .filter(|entry| !entry.acked.contains(&device))
                    .map(|entry| entry.envelope.clone())
                    .collect();
                assert_eq!(self.owners[owner].collect(device, &mut self.mailbox), expected, "each once, in order");
            }
            assert!(self.mailbox.entries(&self.owners[owner].inbox).is_empty());
        }
        assert!(self.mailbox.rows.all(Table::Body).is_empty());
        self.mailbox.audit();
    }
}

impl Mailbox {
    fn restart_and(&mut self, flights: &mut Flights) {
        self.restart();
        self.sent.clear();
        flights.clear();
    }
}

#[test]
fn nothing_that_was_promised_is_lost_and_nothing_else_is_kept() {
    for seed in 0..SEEDS {
        let result = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            world.run(80);
            world.mailbox.settle();
            world.look();
            world.finish();
        });
        assert!(result.is_ok(), "seed {seed}");
    }
}
