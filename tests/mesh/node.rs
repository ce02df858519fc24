//! One real node on its data directory: what it confirms, how it ends, and what it does with a stranger who talks rubbish.

use std::net::TcpListener;
use std::path::Path;

use tidings::crypto::keys::notes_room;
use tidings::net::{Arrival, Config, Link, Listen, Network};
use tidings::node::{Body, Command, CommandFailure, Handle, Options, Reply, Settings, StartError, Stopped};
use tidings::types::{Address, MessageId, Scan, Table, View as _};
use tokio::sync::broadcast::error::RecvError;
use zeroize::Zeroizing;

const ANY_PORT: &str = "/ip4/127.0.0.1/tcp/0";

fn options(data: &Path, listen: &str) -> Options {
    Options {
        data: data.to_owned(),
        passphrase: None,
        entropy: None,
        listen: Address::new(listen).into_iter().collect(),
        announce: Vec::new(),
        settings: Settings {
            name: "Alice".to_owned(),
            relay: false,
            neighbour: true,
            relay_inbox_bytes: 1 << 20,
            neighbour_inbox_bytes: 1 << 20,
        },
    }
}

async fn start(data: &Path) -> Handle {
    Handle::start(options(data, ANY_PORT)).await.expect("starts")
}

async fn note(alice: &Handle, text: &str) -> Result<MessageId, CommandFailure> {
    let body = Body::Text { text: text.to_owned(), reply: None };
    match alice.command(Command::Send { room: notes_room(&alice.account()), body }).await? {
        Reply::Sent { message, .. } => Ok(message),
        other => panic!("sent, and heard {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_survives_a_kill() {
    let home = tempfile::tempdir().expect("a directory");
    let mut notes = Vec::new();
    for round in 0..3 {
        let alice = start(home.path()).await;
        let writers: Vec<_> = (0..50)
            .map(|number| {
                let alice = alice.clone();
                tokio::spawn(async move { note(&alice, &format!("{round} {number}")).await.expect("confirmed") })
            })
            .collect();
        for writer in writers {
            notes.push(writer.await.expect("a note"));
        }
        let stats = alice.stats();
        assert!(stats.flushes < stats.batches, "notes that wait together share a flush: {stats:?}");
        alice.kill().await;
    }
    let alice = start(home.path()).await;
    for message in &notes {
        assert!(alice.store().get(Table::Index, &message.0).is_some(), "a confirmed note is lost");
    }
    let room = notes_room(&alice.account());
    assert_eq!(alice.store().scan(&Scan::prefix(Table::Message, room.0)).len(), notes.len());
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_comes_back_where_its_card_says() {
    let home = tempfile::tempdir().expect("a directory");
    let alice = start(home.path()).await;
    let first = alice.listening();
    assert_eq!(first.len(), 1);
    alice.stop().await;
    let alice = start(home.path()).await;
    assert_eq!(alice.listening(), first);
    alice.stop().await;
    // Somebody took the port meanwhile: better another one than no node.
    let socket = first[0].as_str().replace("/ip4/", "").replace("/tcp/", ":");
    let taken = TcpListener::bind(socket).expect("the port is free again");
    let alice = start(home.path()).await;
    assert_ne!(alice.listening(), first);
    alice.stop().await;
    drop(taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_the_person_chose_and_somebody_else_has_is_told() {
    let home = tempfile::tempdir().expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().expect("an address").port());
    let error = Handle::start(options(home.path(), &listen)).await.expect_err("the port is taken");
    assert!(matches!(&error, StartError::Listen { address, .. } if address.as_str() == listen));
    assert!(error.to_string().contains("--listen"), "{error}");
    // The directory is free at once.
    drop(taken);
    Handle::start(options(home.path(), &listen)).await.expect("starts").stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_says_so() {
    let home = tempfile::tempdir().expect("a directory");
    let alice = start(home.path()).await;
    let waiting = tokio::spawn({
        let alice = alice.clone();
        async move { alice.stopped().await }
    });
    alice.stop().await;
    assert!(matches!(waiting.await, Ok(Stopped::Asked)));
    assert_eq!(note(&alice, "too late").await, Err(CommandFailure::Stopped));
    alice.stop().await;
    alice.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_store_fails_stops_and_confirms_nothing_more() {
    let home = tempfile::tempdir().expect("a directory");
    let alice = start(home.path()).await;
    let kept = note(&alice, "kept").await.expect("confirmed");
    alice.store().abandon();
    let mut events = alice.events();
    assert_eq!(note(&alice, "not kept").await, Err(CommandFailure::Unknown));
    while !matches!(events.recv().await, Err(RecvError::Closed)) {}
    let why = alice.stopped().await;
    assert!(matches!(why, Stopped::Store(_)), "{why}");
    let alice = start(home.path()).await;
    assert!(alice.store().get(Table::Index, &kept.0).is_some());
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_talks_rubbish_is_refused_for_a_while() {
    let home = tempfile::tempdir().expect("a directory");
    let alice = start(home.path()).await;
    let listen = vec![Listen { address: Address::new(ANY_PORT).expect("an address"), preferred: None }];
    let config = Config { transport: Zeroizing::new([13; 32]), listen, is_relay: false };
    let (mallory, mut arrived, _) = Network::start(config).await.expect("listens");
    let to_alice = dial(&mallory, &mut arrived, &alice).await.expect("a stranger may speak");
    // A greeting (kind 1, version 1) that is none; the first is forgiven, and the tenth is not.
    for _ in 0..10 {
        assert!(to_alice.send(vec![0, 1, 1, 0xff]));
    }
    while !matches!(arrived.recv().await.expect("Mallory's network runs"), Arrival::Down { .. }) {}
    assert!(dial(&mallory, &mut arrived, &alice).await.is_none(), "refused for a while");
    assert_eq!(alice.connected(), []);
    note(&alice, "still here").await.expect("confirmed");
    alice.stop().await;
    mallory.stop().await;
}

/// The answer of a dial: a link, or none.
async fn dial(from: &Network, arrived: &mut tokio::sync::mpsc::Receiver<Arrival>, to: &Handle) -> Option<Link> {
    from.dial(to.peer(), to.listening()).await;
    loop {
        match arrived.recv().await.expect("the network runs") {
            Arrival::Up(link) => return Some(link),
            Arrival::Down { .. } => return None,
            _ => {}
        }
    }
}
