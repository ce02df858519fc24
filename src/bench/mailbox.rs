//! Deposits at a relay, and collecting them: by a bare reader that only acknowledges, and by a real node that comes online.

use std::path::Path;
use std::time::Instant;

use tokio::task::JoinSet;

use super::cast::{Client, meet, node, reader, until};
use super::deliver::{count, send_many};
use super::part::{Bare, Duo, group_commit, receiver_rows};
use super::{BenchError, Plan, Result, Row, TEXT_BYTES, Watch, chance};
use crate::crypto::keys::Signing;
use crate::node::{Command, Handle, Reply};
use crate::store::Store;
use crate::types::{Batch, InboxId, Millis, PeerId, Rng, Scan, Table, View as _};
use crate::wire::card::RelayInvite;
use crate::wire::frame::Frame;
use crate::wire::mailbox::{Claim, Deposit, Lane, MailAck, OpenInbox, OpenToken, Register, Token};

/// All rows.
pub(super) async fn run(plan: &Plan, folder: &Path, tell: &(dyn Fn(&str) + Sync)) -> Result<Vec<Row>> {
    let messages = plan.messages.unwrap_or(if plan.is_quick { 400 } else { 10_000 }).clamp(SENDERS, INBOX_MESSAGES_MAX);
    // As many from each.
    let messages = messages / SENDERS * SENDERS;
    tell("starting a relay");
    let relay = node(folder, "relay", true).await?;
    let alone = Bare::open(&folder.join("alone"))?;
    let mut rng = Rng::from_seed(chance()?);
    let secret = relay_secret(&relay).await?;
    let owner = Owner::register(&relay, secret, &mut rng).await?;

    tell("deposits");
    let deposits = deposits(&relay, &owner, &alone, &mut rng, messages).await?;
    tell("collecting, only to acknowledge");
    let collected = collect(&relay, owner, &alone, messages).await?;
    tell("leaving messages for somebody who is away");
    let online = come_online(folder, &relay, &alone, &mut rng, messages).await?;
    relay.stop().await;
    Ok(vec![deposits, online, collected])
}

async fn relay_secret(relay: &Handle) -> Result<RelayInvite> {
    let Reply::Link(link) = relay.command(Command::RelayInvite).await? else { return Err(BenchError::Late("for a relay link")) };
    RelayInvite::from_link(&link).map_err(|_| BenchError::Late("for a relay link"))
}

/// Whoever owns the inbox, as the relay knows them: keys, and a connection.
struct Owner {
    inbox: InboxId,
    owner: Signing,
    reader: Signing,
    client: Client,
}

impl Owner {
    async fn register(relay: &Handle, invite: RelayInvite, rng: &mut Rng) -> Result<Self> {
        let client = Client::connect(relay.peer(), relay.listening()).await?;
        let (inbox, owner, reader) = (InboxId(rng.bytes()), Signing::from_seed(&rng.bytes()), Signing::from_seed(&rng.bytes()));
        let readers = vec![reader.public()];
        let register = Register { inbox, owner: owner.public(), readers, claim: Claim::Secret(invite.secret), signature: [0; 64] };
        client.send(&Frame::Register(register.sign(&relay.peer(), &owner)))?;
        let mut this = Self { inbox, owner, reader, client };
        while !matches!(this.client.next().await?, Frame::Registered(_)) {}
        Ok(this)
    }

    /// A right to deposit here, shown by a client that got it.
    fn open_token(&self, client: &Client, relay: &PeerId, rng: &mut Rng) -> Result<()> {
        let holder = Signing::from_seed(&rng.bytes());
        let token = Token { inbox: self.inbox, id: rng.bytes(), holder: holder.public(), not_after: Millis::MAX, signature: [0; 64] };
        let open = OpenToken { token: token.sign(&self.owner), until: Millis::MAX, proof: [0; 64] };
        client.send(&Frame::OpenToken(open.sign(&client.peer(), relay, &holder)))
    }
}

async fn deposits(relay: &Handle, owner: &Owner, alone: &Bare, rng: &mut Rng, messages: usize) -> Result<Row> {
    let each = messages / SENDERS;
    let mut senders = Vec::with_capacity(SENDERS);
    for _ in 0..SENDERS {
        let client = Client::connect(relay.peer(), relay.listening()).await?;
        owner.open_token(&client, &relay.peer(), rng)?;
        let frames: Vec<Vec<u8>> = (0..each).map(|_| deposit(owner.inbox, rng)).collect();
        senders.push((client, frames));
    }
    let (watch, mut tasks) = (Watch::start(), JoinSet::new());
    for (client, frames) in senders {
        tasks.spawn(deposit_all(client, relay.peer(), frames));
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|_| BenchError::Late("for a sender"))??;
    }
    let cost = watch.read();
    let bodies: Vec<Vec<u8>> = (0..messages).map(|_| envelope(rng)).collect();
    let rows = bodies.into_iter().enumerate().map(|(number, body)| Ok(held_rows(number as u64, body)));
    let store = group_commit(&alone.store, rows)?;
    let parts = vec![("group commit", store.wall_each(messages)), ("the whole, of processors", cost.cpu_each(messages))];
    let work = format!("mailbox: {messages} deposits of 1 KiB from {SENDERS} senders, tokens checked, durable before the receipt");
    Ok(rate_row(
        work,
        messages as f64 / cost.wall.as_secs_f64(),
        parts,
        messages as f64 / store.wall.as_secs_f64(),
        "at least 0.5 x; 10,000/s",
    ))
}

fn rate_row(work: String, rate: f64, parts: Vec<(&'static str, f64)>, limit: f64, aim: &'static str) -> Row {
    Row::new(work, (rate, "/s"), parts, limit, aim)
}

fn envelope(rng: &mut Rng) -> Vec<u8> {
    let mut envelope = vec![7; TEXT_BYTES];
    envelope[..32].copy_from_slice(&rng.bytes::<32>());
    envelope
}

fn deposit(inbox: InboxId, rng: &mut Rng) -> Vec<u8> {
    Frame::Deposit(Deposit { inboxes: vec![(inbox, Lane::Chat)], work: 0, envelope: envelope(rng) }).encode()
}

/// As a sender does: some under way, and each counted when a receipt names it.
async fn deposit_all(mut client: Client, relay: PeerId, frames: Vec<Vec<u8>>) -> Result<()> {
    let (all, mut sent, mut held) = (frames.len(), 0, 0);
    let mut frames = frames.into_iter();
    while held < all {
        while sent < held + WINDOW
            && let Some(frame) = frames.next()
        {
            client.send_raw(frame)?;
            sent += 1;
        }
        match client.next().await? {
            Frame::Held(receipt) if receipt.is_signed_by(&relay) => held += receipt.entries.len(),
            Frame::Held(_) | Frame::Refused(_) => return Err(BenchError::Late("for a receipt")),
            _ => {}
        }
    }
    Ok(())
}

/// What a deposit writes: its place, its bytes, the counters of the inbox and of the token.
fn held_rows(number: u64, body: Vec<u8>) -> Batch {
    let mut batch = Batch::default();
    let envelope = *blake3::hash(&body).as_bytes();
    batch.put(Table::Held, held_key(number), [&envelope[..], &[7; 40]].concat());
    batch.put(Table::Body, envelope, [&[7; 40][..], &body].concat());
    batch.put(Table::Inbox, [7; 33], vec![7; 40]);
    batch.put(Table::Inbox, [7; 49], vec![7; 10]);
    batch
}

fn held_key(number: u64) -> Vec<u8> {
    [&[7; 32][..], &number.to_be_bytes()].concat()
}

/// Takes everything out with a client that keeps nothing.
async fn collect(relay: &Handle, owner: Owner, alone: &Bare, messages: usize) -> Result<Row> {
    let Owner { inbox, reader, mut client, .. } = owner;
    let open = OpenInbox { inbox, reader: reader.public(), proof: [0; 64] };
    let watch = Watch::start();
    client.send(&Frame::OpenInbox(open.sign(&client.peer(), &relay.peer(), &reader)))?;
    let (mut taken, mut waiting) = (0, Vec::new());
    while taken < messages {
        if let Frame::Mail(mail) = client.next().await? {
            taken += 1;
            waiting.push(mail.sequence);
        }
        if waiting.len() >= ACKS || taken == messages {
            client.send(&Frame::MailAck(MailAck { inbox, sequences: std::mem::take(&mut waiting) }))?;
        }
    }
    let store = relay.store();
    until("for the mailbox to be empty", || store.scan(&Scan::prefix(Table::Held, inbox.0).limit(1)).is_empty()).await?;
    let cost = watch.read();
    let reads = group_commit(&alone.store, Emptying::new(&alone.store).map(|(_, batch)| Ok(batch)))?;
    let parts = vec![("reads, deletions, group commit", reads.wall_each(messages)), ("the whole, of processors", cost.cpu_each(messages))];
    let work = format!("mailbox: {messages} waiting envelopes out of the mailbox, acknowledged");
    let limit = messages as f64 / reads.wall.as_secs_f64();
    Ok(rate_row(work, messages as f64 / cost.wall.as_secs_f64(), parts, limit, "at least 0.5 x; 20,000/s"))
}

/// Reads what is held in a bare store, some at a time, with the batch that forgets it.
struct Emptying<'a> {
    store: &'a Store,
    next: Vec<u8>,
}

impl<'a> Emptying<'a> {
    fn new(store: &'a Store) -> Self {
        Self { store, next: vec![7; 32] }
    }
}

impl Iterator for Emptying<'_> {
    type Item = (Vec<Vec<u8>>, Batch);

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.store.scan(&Scan::prefix(Table::Held, [7; 32]).after(self.next.clone()).limit(ACKS));
        self.next = rows.last()?.0.clone();
        let (mut bodies, mut batch) = (Vec::with_capacity(rows.len()), Batch::default());
        for (key, value) in rows {
            let envelope = &value[..32];
            bodies.extend(self.store.get(Table::Body, envelope).map(|body| body[40..].to_vec()));
            batch.delete(Table::Held, key);
            batch.delete(Table::Body, envelope);
        }
        batch.put(Table::Inbox, [7; 33], vec![7; 40]);
        batch.put(Table::Inbox, [7; 49], vec![7; 10]);
        Some((bodies, batch))
    }
}

/// Somebody wrote while a node was away; now it is back.
async fn come_online(folder: &Path, relay: &Handle, alone: &Bare, rng: &mut Rng, messages: usize) -> Result<Row> {
    let (alice, bob) = (node(folder, "alice", false).await?, node(folder, "bob", false).await?);
    let room = meet(&alice, &bob).await?;
    let Reply::Link(link) = relay.command(Command::RelayInvite).await? else { return Err(BenchError::Late("for a relay link")) };
    bob.command(Command::RelayJoin(link)).await?;
    let account = bob.account();
    until("for the mailbox to be known", || reader(&alice).contact(&account).is_some_and(|bob| bob.mailboxes > 0)).await?;
    bob.stop().await;
    send_many(&alice, room, messages).await?;
    until("for the mailbox to hold everything", || reader(&alice).outbox().waiting == 0).await?;
    alice.stop().await;

    let since = Instant::now();
    let bob = node(folder, "bob", false).await?;
    let started = since.elapsed();
    until("for the mailbox to be empty", || relay.store().scan(&Scan::prefix(Table::Held, []).limit(1)).is_empty()).await?;
    let wall = since.elapsed().saturating_sub(started);
    if count(&bob, &room) != messages {
        return Err(BenchError::Late("for every message to be there once"));
    }
    bob.stop().await;

    let alone = online_alone(alone, rng, messages)?;
    let work = format!("mailbox: {messages} waiting envelopes collected by a node that starts: decrypted, durable, acknowledged");
    let parts = vec![("reads, decrypts, rows, group commit", 1e6 * alone / messages as f64)];
    Ok(rate_row(work, messages as f64 / wall.as_secs_f64(), parts, messages as f64 / alone, "at least 0.5 x; 5,000/s"))
}

/// Seconds for the same reads, decrypts and flushes.
fn online_alone(alone: &Bare, rng: &mut Rng, messages: usize) -> Result<f64> {
    let (mut duo, text) = (Duo::new()?, vec![7; TEXT_BYTES]);
    for number in 0..messages {
        let (sealed, _) = duo.seal(&text)?;
        alone.store.apply(&held_rows(number as u64, sealed))?;
    }
    alone.store.flush()?;
    let mut rows = Vec::new();
    let mut pages = Emptying::new(&alone.store);
    let batches = std::iter::from_fn(|| {
        if let Some(batch) = rows.pop() {
            return Some(batch);
        }
        let (bodies, deletions) = pages.next()?;
        rows.push(Ok(deletions));
        let mut received: Vec<_> = bodies.iter().map(|body| duo.open(body).map(|changes| receiver_rows(rng, changes))).collect();
        received.reverse();
        rows.extend(received);
        rows.pop()
    });
    let cost = group_commit(&alone.store, batches)?;
    Ok(cost.wall.as_secs_f64())
}

const SENDERS: usize = 8;
/// Deposits of one sender under way.
const WINDOW: usize = 256;
/// Places in one acknowledgement.
const ACKS: usize = 64;
/// What one token may fill of one inbox.
const INBOX_MESSAGES_MAX: usize = 12_000;
