//! One mailbox in a world of virtual time: rows in memory, peers that are only keys, a crash between any two outputs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tidings::crypto::keys::{Keys, Signing};
use tidings::proto::ctx::Ctx;
use tidings::proto::mailbox::Service;
use tidings::proto::mailbox::row::{self, Counts, Due, Hold, Job, Part, Registration, Sum, Tally, Usage};
use tidings::proto::{Misbehaviour, Outcome, Output, Settings};
use tidings::types::time::DAY;
use tidings::types::{AccountId, Batch, EnvelopeId, InboxId, Millis, Now, PeerId, Rng, Row, Scan, Table, View};
use tidings::wire::frame::{Delivered, Frame};
use tidings::wire::mailbox::{
    Claim, Deposit, Lane, LeaveInbox, Mail, MailAck, OpenInbox, OpenToken, Reason, Register, Report, Revoke, Token,
};

/// Rows in memory.
#[derive(Default)]
pub(crate) struct Rows(BTreeMap<(Table, Vec<u8>), Vec<u8>>);

impl Rows {
    fn apply(&mut self, batch: &Batch) {
        for (table, key, value) in batch.iter() {
            match value {
                Some(value) => self.0.insert((table, key.to_vec()), value.to_vec()),
                None => self.0.remove(&(table, key.to_vec())),
            };
        }
    }

    pub(crate) fn all(&self, table: Table) -> Vec<Row> {
        self.scan(&Scan::prefix(table, []))
    }
}

impl View for Rows {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(&(table, key.to_vec())).cloned()
    }

    fn scan(&self, scan: &Scan) -> Vec<Row> {
        let covers = |key: &Vec<u8>| scan.after.as_ref().is_none_or(|after| if scan.reverse { key < after } else { key > after });
        let start = scan.after.clone().filter(|after| !scan.reverse && *after > scan.prefix).unwrap_or_else(|| scan.prefix.clone());
        let rows = self
            .0
            .range((scan.table, start)..)
            .take_while(|((table, key), _)| *table == scan.table && key.starts_with(&scan.prefix))
            .filter(|((_, key), _)| covers(key))
            .map(|((_, key), value)| (key.clone(), value.clone()));
        if scan.reverse {
            let mut rows: Vec<Row> = rows.collect();
            rows.reverse();
            rows.truncate(scan.limit);
            rows
        } else {
            rows.take(scan.limit).collect()
        }
    }
}

/// The node that offers the mailbox.
pub(crate) struct Mailbox {
    pub(crate) keys: Keys,
    pub(crate) settings: Settings,
    pub(crate) rows: Rows,
    pub(crate) now: Now,
    pub(crate) sent: Vec<(PeerId, Frame)>,
    pub(crate) dialled: Vec<PeerId>,
    pub(crate) published: Vec<Vec<u8>>,
    /// Perform only so many outputs of the next input, then crash.
    pub(crate) fuel: Option<usize>,
    /// Whether there was a crash since the last look, and whether the writes of the last input (if any) were performed.
    pub(crate) crashed: bool,
    pub(crate) persisted: bool,
    service: Service,
    rng: Rng,
}

impl Mailbox {
    /// A relay that also serves its contacts.
    pub(crate) fn new() -> Self {
        let settings = Settings {
            name: "Greta's relay".into(),
            relay: true,
            neighbour: true,
            relay_inbox_bytes: 1024 * 1024,
            neighbour_inbox_bytes: 256 * 1024,
        };
        Self::with(settings, 99)
    }

    pub(crate) fn with(settings: Settings, seed: u8) -> Self {
        let rows = Rows::default();
        Self {
            keys: Keys::new(&[seed; 32], &[seed + 1; 32], &[seed + 2; 32]),
            service: Service::open(&rows, &settings),
            settings,
            rows,
            now: Now { mono: 1_000, wall: 20_000 * DAY },
            sent: Vec::new(),
            dialled: Vec::new(),
            published: Vec::new(),
            fuel: None,
            crashed: false,
            persisted: true,
            rng: Rng::from_seed([seed; 32]),
        }
    }

    pub(crate) fn peer(&self) -> PeerId {
        self.keys.peer_id()
    }

    /// One input: its writes first, then what it says.
    pub(crate) fn input<T>(&mut self, act: impl FnOnce(&mut Service, &mut Ctx) -> T) -> T {
        let mut out = VecDeque::new();
        let mut ctx = Ctx::new(self.now, &mut self.rng, &self.keys, &self.rows);
        let result = act(&mut self.service, &mut ctx);
        ctx.finish(&mut out);
        self.persisted = true;
        let mut has_crashed = false;
        for (nth, output) in out.into_iter().enumerate() {
            if self.fuel == Some(nth) {
                has_crashed = true;
                self.persisted = nth > 0 || !matches!(output, Output::Persist(_));
                break;
            }
            match output {
                Output::Persist(batch) => self.rows.apply(&batch),
                Output::Transmit { to, frame } => self.sent.push((to, Frame::decode(&frame.encode()).unwrap())),
                Output::Dial { peer, .. } => self.dialled.push(peer),
                Output::Publish { bytes, .. } => self.published.push(bytes),
                other => panic!("a mailbox has no business with {other:?}"),
            }
        }
        self.fuel = None;
        if has_crashed {
            self.crashed = true;
            self.restart();
        }
        result
    }

    pub(crate) fn receive(&mut self, from: PeerId, frame: Frame) -> Outcome {
        self.receive_from(from, None, frame)
    }

    pub(crate) fn receive_from(&mut self, from: PeerId, contact: Option<AccountId>, frame: Frame) -> Outcome {
        // As the node does it: what does not decode reaches no service.
        let Ok(frame) = Frame::decode(&frame.encode()) else { return Outcome::Misbehaved(Misbehaviour::Malformed) };
        self.input(|service, ctx| service.handle_frame(ctx, from, contact, frame))
    }

    pub(crate) fn up(&mut self, peer: PeerId) {
        self.input(|service, ctx| service.on_peer_up(ctx, peer));
    }

    pub(crate) fn down(&mut self, peer: PeerId) {
        self.input(|service, ctx| service.on_peer_down(ctx, peer));
    }

    pub(crate) fn disk_full(&mut self, full: bool) {
        self.service.on_disk_full(full);
    }

    /// The process ends and starts again: memory and connections are gone, rows stay.
    pub(crate) fn restart(&mut self) {
        self.service = Service::open(&self.rows, &self.settings);
    }

    /// Everything that is due at this time.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            if self.service.next_deadline().is_none_or(|due| due > self.now.mono) {
                return;
            }
            self.input(|service, ctx| service.on_deadline(ctx));
        }
        panic!("the mailbox never comes to rest");
    }

    /// Time goes by, and what falls due on the way is done.
    pub(crate) fn wait(&mut self, span: Millis) {
        let end = self.now.mono + span;
        self.settle();
        while let Some(due) = self.service.next_deadline().filter(|due| *due <= end) {
            let step = due.saturating_sub(self.now.mono);
            self.now = Now { mono: self.now.mono + step, wall: self.now.wall + step };
            self.settle();
        }
        let rest = end - self.now.mono;
        self.now = Now { mono: end, wall: self.now.wall + rest };
        self.settle();
    }

    /// What was sent to a peer since the last look.
    pub(crate) fn take(&mut self, to: PeerId) -> Vec<Frame> {
        let (theirs, others) = std::mem::take(&mut self.sent).into_iter().partition(|(peer, _)| *peer == to);
        self.sent = others;
        theirs.into_iter().map(|(_, frame): (PeerId, Frame)| frame).collect()
    }

    /// Receipts for a peer, each checked.
    pub(crate) fn receipts(&mut self, to: PeerId) -> Vec<(EnvelopeId, InboxId)> {
        self.settle();
        let mailbox = self.peer();
        let held = self.take(to).into_iter().filter_map(|frame| if let Frame::Held(held) = frame { Some(held) } else { None });
        held.flat_map(|held| {
            assert!(held.is_signed_by(&mailbox), "a receipt is signed by the mailbox");
            held.entries
        })
        .collect()
    }

    /// Why a peer was refused.
    pub(crate) fn refusals(&mut self, to: PeerId) -> Vec<Reason> {
        let frames = self.take(to).into_iter();
        frames.filter_map(|frame| if let Frame::Refused(refused) = frame { Some(refused.reason) } else { None }).collect()
    }

    /// What an inbox holds, in order.
    pub(crate) fn entries(&self, inbox: &InboxId) -> Vec<(u64, Hold)> {
        let rows = self.rows.scan(&Scan::prefix(Table::Held, inbox.0));
        rows.iter().map(|(key, value)| (row::sequence_of(key).unwrap(), tidings::wire::row::decode(value).unwrap())).collect()
    }

    pub(crate) fn tally(&self, inbox: &InboxId) -> Tally {
        self.row(Table::Inbox, &row::tally_key(inbox)).unwrap_or_default()
    }

    fn row<T: bincode::Decode<()>>(&self, table: Table, key: &[u8]) -> Option<T> {
        self.rows.get(table, key).map(|bytes| tidings::wire::row::decode(&bytes).unwrap())
    }

    /// Every counter equals a recount, and nothing is left that nobody needs.
    pub(crate) fn audit(&self) {
        let mut tallies: BTreeMap<InboxId, Tally> = BTreeMap::new();
        let mut usages: BTreeMap<(InboxId, [u8; 16]), Usage> = BTreeMap::new();
        let mut holders: BTreeMap<EnvelopeId, u64> = BTreeMap::new();
        let due: Vec<(Vec<u8>, Due)> =
            self.rows.all(Table::Expiry).into_iter().map(|(key, value)| (key, tidings::wire::row::decode(&value).unwrap())).collect();
        for (key, value) in self.rows.all(Table::Held) {
            let (inbox, sequence) = (InboxId::from_slice(&key[..32]).unwrap(), row::sequence_of(&key).unwrap());
            let hold: Hold = tidings::wire::row::decode(&value).unwrap();
            let tally = tallies.entry(inbox).or_default();
            let sum = match hold.part {
                Part::Chat => &mut tally.chat,
                Part::Control => &mut tally.control,
                Part::Stranger => &mut tally.stranger,
                Part::Report => &mut tally.report,
            };
            add(sum, hold.bytes);
            if let Some(token) = hold.token {
                let usage = usages.entry((inbox, token)).or_default();
                add(if hold.part == Part::Control { &mut usage.control } else { &mut usage.chat }, hold.bytes);
            }
            *holders.entry(hold.envelope).or_default() += 1;
            assert!(sequence < self.tally(&inbox).next);
            let is_covered = due.iter().any(|(key, due)| {
                row::due_parts(key) == Some((row::due_of(hold.until), inbox)) && matches!(due, Due::Run(first) if *first <= sequence)
            });
            assert!(is_covered, "entry {sequence} would never expire");
        }
        for (envelope, count) in &holders {
            assert!(self.rows.get(Table::Body, &envelope.0).is_some(), "an entry without its sealed bytes");
            assert_eq!(self.row(Table::Body, &row::count_key(envelope)).unwrap_or(1), *count, "holders of {envelope:?}");
        }
        for (key, _) in self.rows.all(Table::Body) {
            assert!(holders.contains_key(&EnvelopeId::from_slice(&key[..32]).unwrap()), "sealed bytes that nobody holds");
        }
        self.audit_inboxes(&mut tallies, &usages);
    }

    fn audit_inboxes(&self, tallies: &mut BTreeMap<InboxId, Tally>, usages: &BTreeMap<(InboxId, [u8; 16]), Usage>) {
        let (mut tried, mut untold, mut bodies) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
        for (key, value) in self.rows.scan(&Scan::prefix(Table::Handover, [4])) {
            let (inbox, sequence) = (InboxId::from_slice(&key[1..33]).unwrap(), row::sequence_of(&key).unwrap());
            assert!(self.rows.get(Table::Held, &row::held_key(&inbox, sequence)).is_some(), "told of a result that is not there");
            for id in tidings::wire::row::decode::<Vec<row::JobId>>(&value).unwrap() {
                *untold.entry(id).or_insert(0) += 1;
            }
        }
        for (key, _) in self.rows.scan(&Scan::prefix(Table::Handover, [3])) {
            let (peer, id) = row::goal_parts(&key).unwrap();
            let job: Job = self.row(Table::Handover, &row::job_key(&id)).expect("a goal of a hand-over that is not there");
            assert!(job.goals.iter().any(|(target, goal)| target.peer == peer && *goal == row::Goal::Open));
            tried.insert(id);
        }
        for (key, value) in self.rows.scan(&Scan::prefix(Table::Handover, [1])) {
            let (id, job) = (row::job_of(&key).unwrap(), tidings::wire::row::decode::<Job>(&value).unwrap());
            add(&mut tallies.entry(id.owner).or_default().handover, job.bytes);
            assert!(tried.contains(&id) || job.untold > 0, "kept for nothing");
            assert_eq!(job.untold, untold.remove(&id).unwrap_or(0));
            bodies.insert(row::job_body_key(&id.owner, &id.envelope));
        }
        let stored = self.rows.scan(&Scan::prefix(Table::Handover, [2])).into_iter().map(|(key, _)| key);
        assert_eq!(stored.collect::<BTreeSet<_>>(), bodies);
        assert_eq!(self.row(Table::Meta, row::JOBS).unwrap_or(0u64), tried.len() as u64);
        let mut counts = Counts::default();
        for (key, value) in self.rows.all(Table::Inbox) {
            let inbox = InboxId::from_slice(&key[..32]).unwrap();
            match key.get(32) {
                None => match tidings::wire::row::decode::<Registration>(&value).unwrap() {
                    Registration { leaving: true, .. } => {}
                    Registration { neighbour: Some(_), .. } => counts.neighbours += 1,
                    Registration { neighbour: None, .. } => counts.relayed += 1,
                },
                Some(1) => {
                    let kept: Tally = tidings::wire::row::decode(&value).unwrap();
                    let Tally { chat, control, stranger, report, handover, .. } = tallies.remove(&inbox).unwrap_or_default();
                    assert_eq!(kept, Tally { chat, control, stranger, report, handover, ..kept.clone() });
                }
                Some(3) => {
                    let token: [u8; 16] = key[33..].try_into().unwrap();
                    assert_eq!(tidings::wire::row::decode::<Usage>(&value).ok(), usages.get(&(inbox, token)).copied());
                }
                _ => {}
            }
        }
        for (inbox, token) in usages.keys() {
            assert!(self.rows.get(Table::Inbox, &row::usage_key(inbox, token)).is_some(), "a token's entries are not counted");
        }
        assert!(tallies.is_empty(), "entries of an inbox that is not there");
        assert_eq!(self.row::<Counts>(Table::Meta, row::COUNTS).unwrap_or_default(), counts);
    }
}

fn add(sum: &mut Sum, bytes: u64) {
    sum.bytes += bytes;
    sum.count += 1;
}

/// Someone with an inbox at the mailbox, read by one or more devices.
pub(crate) struct Owner {
    pub(crate) inbox: InboxId,
    pub(crate) key: Signing,
    pub(crate) devices: Vec<(Signing, PeerId)>,
    mailbox: PeerId,
}

impl Owner {
    pub(crate) fn new(seed: u8, devices: u8, mailbox: &Mailbox) -> Self {
        let device = |nth: u8| (Signing::from_seed(&[seed, nth].repeat(16).try_into().unwrap()), PeerId([seed + nth; 32]));
        Self {
            inbox: InboxId([seed; 32]),
            key: Signing::from_seed(&[seed; 32]),
            devices: (1..=devices).map(device).collect(),
            mailbox: mailbox.peer(),
        }
    }

    pub(crate) fn peer(&self) -> PeerId {
        self.devices[0].1
    }

    pub(crate) fn register(&self, claim: Claim, devices: &[usize]) -> Frame {
        let readers = devices.iter().map(|nth| self.devices[*nth].0.public()).collect();
        let register = Register { inbox: self.inbox, owner: self.key.public(), readers, claim, signature: [0; 64] };
        Frame::Register(register.sign(&self.mailbox, &self.key))
    }

    /// Registers all devices with the secret of the relay link.
    pub(crate) fn join(&self, mailbox: &mut Mailbox) -> Outcome {
        let devices: Vec<usize> = (0..self.devices.len()).collect();
        let claim = Claim::Secret(secret(mailbox));
        mailbox.receive(self.peer(), self.register(claim, &devices))
    }

    pub(crate) fn token(&self, id: u8, holder: &Signing, not_after: Millis) -> Token {
        Token { inbox: self.inbox, id: [id; 16], holder: holder.public(), not_after, signature: [0; 64] }.sign(&self.key)
    }

    pub(crate) fn open(&self, nth: usize) -> Frame {
        let (reader, peer) = &self.devices[nth];
        let open = OpenInbox { inbox: self.inbox, reader: reader.public(), proof: [0; 64] };
        Frame::OpenInbox(open.sign(peer, &self.mailbox, reader))
    }

    pub(crate) fn ack(&self, sequences: impl IntoIterator<Item = u64>) -> Frame {
        Frame::MailAck(MailAck { inbox: self.inbox, sequences: sequences.into_iter().collect() })
    }

    pub(crate) fn revoke(&self, ids: &[u8]) -> Frame {
        let revoke = Revoke { inbox: self.inbox, tokens: ids.iter().map(|id| [*id; 16]).collect(), signature: [0; 64] };
        Frame::Revoke(revoke.sign(&self.mailbox, &self.key))
    }

    pub(crate) fn leave(&self) -> Frame {
        Frame::LeaveInbox(LeaveInbox { inbox: self.inbox, signature: [0; 64] }.sign(&self.mailbox, &self.key))
    }

    /// Opens the inbox and takes everything, acknowledging as it comes; the texts in the order of arrival.
    pub(crate) fn collect(&self, nth: usize, mailbox: &mut Mailbox) -> Vec<Vec<u8>> {
        let peer = self.devices[nth].1;
        mailbox.take(peer);
        mailbox.receive(peer, self.open(nth));
        self.drain(nth, mailbox)
    }

    /// Takes and acknowledges what is on its way.
    pub(crate) fn drain(&self, nth: usize, mailbox: &mut Mailbox) -> Vec<Vec<u8>> {
        let peer = self.devices[nth].1;
        let mut texts = Vec::new();
        loop {
            let mail = mails(mailbox.take(peer));
            if mail.is_empty() {
                return texts;
            }
            let sequences: Vec<u64> = mail.iter().map(|(sequence, _)| *sequence).collect();
            texts.extend(mail.into_iter().map(|(_, bytes)| bytes));
            mailbox.receive(peer, self.ack(sequences));
        }
    }
}

/// Someone who deposits.
pub(crate) struct Sender {
    pub(crate) peer: PeerId,
    pub(crate) holder: Signing,
    id: u8,
}

impl Sender {
    pub(crate) fn new(seed: u8) -> Self {
        Self { peer: PeerId([seed; 32]), holder: Signing::from_seed(&[seed + 1; 32]), id: seed }
    }

    /// Opens this sender's token for an owner's inbox.
    pub(crate) fn open(&self, owner: &Owner, mailbox: &Mailbox) -> Frame {
        let not_after = mailbox.now.wall + 3650 * DAY;
        self.lend(owner.token(self.id, &self.holder, not_after), not_after, self.peer, mailbox.peer())
    }

    pub(crate) fn lend(&self, token: Token, until: Millis, user: PeerId, mailbox: PeerId) -> Frame {
        Frame::OpenToken(self.lent(token, until, user, mailbox))
    }

    pub(crate) fn lent(&self, token: Token, until: Millis, user: PeerId, mailbox: PeerId) -> OpenToken {
        OpenToken { token, until, proof: [0; 64] }.sign(&user, &mailbox, &self.holder)
    }
}

pub(crate) fn deposit(inboxes: &[(InboxId, Lane)], envelope: &[u8]) -> Frame {
    Frame::Deposit(Deposit { inboxes: inboxes.to_vec(), work: 0, envelope: envelope.to_vec() })
}

pub(crate) fn chat(owner: &Owner, envelope: &[u8]) -> Frame {
    deposit(&[(owner.inbox, Lane::Chat)], envelope)
}

pub(crate) fn id(envelope: &[u8]) -> EnvelopeId {
    EnvelopeId(*blake3::hash(envelope).as_bytes())
}

pub(crate) fn secret(mailbox: &mut Mailbox) -> [u8; 32] {
    let link = mailbox.input(|service, ctx| service.invite(ctx, &[]));
    tidings::wire::card::RelayInvite::from_link(&link).unwrap().secret
}

/// Sequence and bytes of the mail among these frames.
pub(crate) fn mails(frames: Vec<Frame>) -> Vec<(u64, Vec<u8>)> {
    let mail = |frame| if let Frame::Mail(Mail { sequence, envelope, .. }) = frame { Some((sequence, envelope)) } else { None };
    frames.into_iter().filter_map(mail).collect()
}

pub(crate) fn reports(frames: Vec<Frame>) -> Vec<Report> {
    frames.into_iter().filter_map(|frame| if let Frame::HandoverDone(report) = frame { Some(report) } else { None }).collect()
}

pub(crate) fn delivered(device: &Signing, envelopes: &[EnvelopeId]) -> Delivered {
    let device_id = tidings::types::DeviceId(device.public());
    Delivered { device: device_id, envelopes: envelopes.to_vec(), signature: [0; 64] }.sign(device)
}
