//! A flood of hostile frames at a real node: honest messages arrive meanwhile, and its memory stays within its bound.
#![allow(clippy::print_stdout)] // A flood says what it was.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidings::api::{Access, read_access};
use tidings::net::{Arrival, Config, Link, Listen, Network};
use tidings::node::{Body, Command, Handle, Options, Reply, Settings};
use tidings::types::limits::HOSTILE_MEMORY_BYTES_MAX;
use tidings::types::{Address, MessageId, PeerId, RoomId, Scan, Table, View as _};
use tidings::wire::card::{Invite, Signed};
use tidings::wire::row::{self, ContactState};

use super::flood::{Mallory, Victim, corpus};

/// Hostile peers at a time; every third is patient.
const PEERS: u64 = 9;
const LOCAL: &str = "/ip4/127.0.0.1/tcp/0";

/// Bob's node: a process of the real program.
struct Bob {
    process: Child,
    access: Access,
    peer: PeerId,
    listen: Vec<Address>,
}

impl Bob {
    fn start(data: &Path) -> Self {
        let words = ["run", "--listen", LOCAL, "--ui", "127.0.0.1:0", "--name", "bob", "--log", "error", "--json", "--data"];
        let mut process = Process::new(env!("CARGO_BIN_EXE_tidings"))
            .args(words)
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let listen = ready["listen"].as_array().unwrap().iter().filter_map(|address| Address::new(address.as_str()?)).collect();
        let peer = ready["peer"].as_str().unwrap().parse().unwrap();
        Self { process, access: read_access(data).unwrap().unwrap(), peer, listen }
    }

    fn ask(&self, path: &str, body: Option<&Value>) -> Value {
        let (url, token) = (format!("{}/api/v1/{path}", self.access.url), format!("Bearer {}", self.access.token));
        let answer = match body {
            Some(body) => ureq::post(url).header("authorization", token).send_json(body),
            None => ureq::get(url).header("authorization", token).call(),
        };
        answer.unwrap().body_mut().read_json().unwrap()
    }

    /// Bytes of memory: now, or the most so far.
    fn memory(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    fn frames(&self) -> u64 {
        self.ask("status", None)["frames"].as_u64().unwrap()
    }
}

impl Drop for Bob {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn alice(data: PathBuf) -> Handle {
    let settings =
        Settings { name: "alice".into(), relay: false, neighbour: true, relay_inbox_bytes: 1 << 20, neighbour_inbox_bytes: 1 << 20 };
    let listen = Address::new(LOCAL).into_iter().collect();
    let options = Options { data, passphrase: None, entropy: None, listen, announce: Vec::new(), settings };
    Handle::start(options).await.unwrap()
}

/// What the flood came to.
#[derive(Default)]
struct Tally {
    sent: AtomicU64,
    identities: AtomicU64,
    disconnects: AtomicU64,
    is_over: std::sync::atomic::AtomicBool,
}

/// One hostile peer: a new identity whenever the last one is refused.
async fn attack(number: u64, victim: Victim, at: Vec<Address>, tally: Arc<Tally>) {
    for turn in 0.. {
        let mut mallory = Mallory::new(number << 32 | turn, &victim);
        let listen = vec![Listen { address: Address::new(LOCAL).unwrap(), preferred: None }];
        let config = Config { transport: mallory.keys.transport.seed(), listen, is_relay: false };
        let Ok((net, mut arrived, _)) = Network::start(config).await else { continue };
        tally.identities.fetch_add(1, Ordering::Relaxed);
        net.dial(victim.peer, at.clone()).await;
        let link = loop {
            match arrived.recv().await {
                Some(Arrival::Up(link)) => break Some(link),
                Some(Arrival::Down { .. }) | None => break None,
                _ => {}
            }
        };
        if let Some(link) = link {
            let is_down = async { while !matches!(arrived.recv().await, Some(Arrival::Down { .. }) | None) {} };
            tokio::select! {
                () = is_down => { tally.disconnects.fetch_add(1, Ordering::Relaxed); }
                () = pour(&mut mallory, number.is_multiple_of(3), &link, &tally) => {}
            }
        }
        tally.sent.fetch_add(net.stats().frames_out, Ordering::Relaxed);
        net.kill().await;
        if tally.is_over.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Sends as fast as the node takes it.
async fn pour(mallory: &mut Mallory, is_patient: bool, link: &Link, tally: &Tally) {
    while !tally.is_over.load(Ordering::Relaxed) {
        for _ in 0..200 {
            link.send(if is_patient { mallory.patient() } else { mallory.rude() });
            if link.waiting_bytes() > 256 * 1024 {
                break;
            }
        }
        while link.waiting_bytes() > 16 * 1024 && !tally.is_over.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::task::yield_now().await;
    }
}

async fn until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !is_so() {
        assert!(Instant::now() < end, "waited {limit:?} for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Alice's texts that Bob's node has signed for, and Bob's that Alice has.
fn arrived(alice: &Handle, room: &RoomId, sent: &[MessageId]) -> (usize, usize) {
    let index = |message: &MessageId| row::decode::<row::Index>(&alice.store().get(Table::Index, &message.0)?).ok();
    let delivered =
        sent.iter().filter_map(index).filter(|index| index.custody.iter().all(|(_, custody)| custody.delivered.is_some())).count();
    let all = alice.store().scan(&Scan::prefix(Table::Message, room.0)).len();
    (delivered, all - sent.len())
}

async fn flood(frames: u64) {
    let home = tempfile::tempdir().unwrap();
    let bob = Bob::start(&home.path().join("bob"));
    let alice = alice(home.path().join("alice")).await;
    let link = |public: bool| bob.ask("invite", Some(&json!({ "public": public })))["link"].as_str().unwrap().to_owned();
    let invite = Invite::from_link(&link(true)).unwrap();
    let card = Signed::open(&invite.card).unwrap();
    let account = card.account;
    let add = Command::ContactAdd { link: link(false), name: Some("bob".into()), greeting: String::new() };
    alice.command(add).await.unwrap();
    let room = tidings::crypto::keys::direct_room(&alice.account(), &account);
    until("Alice and Bob to meet", Duration::from_secs(60), || {
        let contact = alice.store().get(Table::Contact, &account.0).and_then(|bytes| row::decode::<row::Contact>(&bytes).ok());
        contact.is_some_and(|contact| contact.state == ContactState::Accepted)
    })
    .await;

    let victim = Victim { peer: bob.peer, card, overheard: corpus() };
    let (tally, start, before, memory) = (Arc::new(Tally::default()), Instant::now(), bob.frames(), bob.memory("VmRSS:"));
    let attackers: Vec<_> =
        (0..PEERS).map(|number| tokio::spawn(attack(number, victim.clone(), bob.listen.clone(), Arc::clone(&tally)))).collect();
    let (mut alices, mut bobs, mut took, mut peak) = (Vec::new(), 0, 0, 0);
    while took < frames {
        for _ in 0..5 {
            let body = Body::Text { text: format!("alice {}", alices.len()), reply: None };
            let Ok(Reply::Sent { message, .. }) = alice.command(Command::Send { room, body }).await else { panic!("not sent") };
            alices.push(message);
        }
        let texts: Vec<String> = (0..5).map(|at| format!("bob {}", bobs + at)).collect();
        bob.ask("rooms/alice/texts", Some(&json!({ "texts": texts })));
        bobs += texts.len();
        tokio::time::sleep(Duration::from_millis(100)).await;
        (took, peak) = (bob.frames() - before, peak.max(bob.memory("VmRSS:")));
        assert!(start.elapsed() < Duration::from_secs(3_600), "the flood does not get through: {took} frames");
    }
    let during = arrived(&alice, &room, &alices);
    tally.is_over.store(true, Ordering::Relaxed);
    for attacker in attackers {
        attacker.await.unwrap();
    }
    let seconds = start.elapsed().as_secs_f32();
    let calm = until("all honest messages", Duration::from_secs(60), || arrived(&alice, &room, &alices) == (alices.len(), bobs));
    calm.await;
    let peak = peak.max(bob.memory("VmHWM:"));
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "hostile: {} frames written by {} identities in {seconds:.0} s, {took} taken by the node (with those of Alice)",
        read(&tally.sent),
        read(&tally.identities)
    );
    println!(
        "hostile: {} disconnects; memory {} MiB before, {} MiB at most, bound {} MiB",
        read(&tally.disconnects),
        memory >> 20,
        peak >> 20,
        HOSTILE_MEMORY_BYTES_MAX >> 20
    );
    println!(
        "honest: {} sent by Alice, {} by Bob; {} and {} had arrived when the flood ended, all a moment later",
        alices.len(),
        bobs,
        during.0,
        during.1
    );
    assert!(read(&tally.disconnects) > 0, "nobody was refused");
    assert!(during.0 * 2 > alices.len() && during.1 * 2 > bobs, "honest messages waited for the end of the flood: {during:?}");
    assert!(peak <= HOSTILE_MEMORY_BYTES_MAX, "{peak} bytes of memory");
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_hostile_frames_stops_nobody() {
    flood(20_000).await;
}

/// Run by `scripts/hostile`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn a_long_flood_of_hostile_frames_stops_nobody() {
    let frames = std::env::var("TIDINGS_HOSTILE_FRAMES").ok().and_then(|frames| frames.parse().ok());
    flood(frames.unwrap_or(1_000_000)).await;
}
