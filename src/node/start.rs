//! From a data directory to a running loop, and from its end to a free directory.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::spawn_blocking;

use super::bodies::Bodies;
use super::driver::{Clock, Driver, Inlets, Meter, until};
use super::{Handle, Identity, Options, Reachable, Shared, StartError, Stopped, Wanted};
use crate::crypto::keys::Keys;
use crate::net::{self, Listen, NetError, Network};
use crate::proto::Node;
use crate::store::{Blobs, DataDir, OpenOptions, OpenReport, Store, StoreError, Vault};
use crate::types::limits::{COMMANDS_MAX, EVENTS_MAX};
use crate::types::{Address, Batch, Table, View as _};
use crate::wire::row;

/// What opening a directory gives.
struct Opened {
    dir: DataDir,
    keys: Keys,
    store: Store,
    blobs: Blobs,
    report: OpenReport,
}

/// See [`Handle::start`].
pub(super) async fn start(options: Options) -> Result<Handle, StartError> {
    let asked = options.clone();
    let opened = spawn_blocking(move || open(&asked)).await.map_err(|_| StartError::Broken)??;
    let (store, dir) = (opened.store.clone(), opened.dir);
    match run(options, opened.keys, opened.store, opened.blobs, opened.report).await {
        Ok(running) => {
            tokio::spawn(attend(running.driver, running.wanted, running.stopped, store, dir));
            Ok(running.handle)
        }
        Err(error) => {
            close(store, dir, false).await;
            Err(error)
        }
    }
}

fn open(options: &Options) -> Result<Opened, StoreError> {
    let dir = DataDir::open(&options.data)?;
    let mut vault = Vault::open(&dir, options.passphrase.as_deref(), options.entropy)?;
    let how = if options.settings.relay { OpenOptions::relay() } else { OpenOptions::default() };
    let (store, report) = Store::open_with(&dir, &vault.root, how)?;
    if store.get(Table::Meta, row::META_RESTORED).is_some() {
        tracing::warn!("the rows were restored from an older copy: this node goes on as a new device of the account");
        vault.renew_device(&dir)?;
    }
    let blobs = Blobs::open(dir.path()).map_err(|error| StoreError::blobs(dir.path(), error))?;
    blobs.reconcile(&store)?;
    Ok(Opened { dir, keys: vault.keys, store, blobs, report })
}

/// A node about to run.
struct Running {
    driver: Driver,
    handle: Handle,
    wanted: watch::Receiver<Wanted>,
    stopped: watch::Sender<Option<Stopped>>,
}

async fn run(options: Options, keys: Keys, store: Store, blobs: Blobs, report: OpenReport) -> Result<Running, StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| StartError::Random)?;
    let (mut network, arrivals, listening) = listen(&options, &keys, &store).await?;
    let identity = Identity { account: keys.account_id(), device: keys.device_id(), peer: keys.peer_id(), keys: keys.clone() };
    let clock = Clock::new(Instant::now());
    let (rows, settings, now) = (store.clone(), options.settings, clock.now());
    let node = spawn_blocking(move || Node::open(keys, settings, &rows, seed, now)).await.map_err(|_| StartError::Broken)?;

    let (request_sender, requests) = mpsc::channel(COMMANDS_MAX);
    let (events, _) = broadcast::channel(EVENTS_MAX);
    let weak = events.downgrade();
    let (reachable_sender, reachable) = watch::channel(Reachable { listening, connected: Vec::new() });
    let (wanted_sender, wanted) = watch::channel(Wanted::Run);
    let (stopped, stopped_receiver) = watch::channel(None);
    let given = Arc::default();
    let meter = Meter::new(network.meter(), Arc::clone(&given));
    let inlets = Inlets { requests, arrivals, announce: options.announce };
    let incoming = network.take_incoming().ok_or(StartError::Broken)?;
    let bodies = Bodies::new(store.clone(), blobs.clone(), network.opener(), incoming, given);
    let driver = Driver::new(node, store.clone(), clock, network, inlets, events, reachable_sender, meter.clone(), bodies);
    let shared = Shared {
        store,
        blobs,
        report,
        identity,
        requests: request_sender,
        events: weak,
        reachable,
        meter,
        wanted: wanted_sender,
        stopped: stopped_receiver,
    };
    Ok(Running { driver, handle: Handle { shared: Arc::new(shared) }, wanted, stopped })
}

/// Listens on every address. A port that the system chose is written down and tried first the next time, because it stands in
/// cards that contacts hold.
async fn listen(
    options: &Options,
    keys: &Keys,
    store: &Store,
) -> Result<(Network, mpsc::Receiver<net::Arrival>, Vec<Address>), StartError> {
    let remembered = |address: &Address| store.get(Table::Meta, &port_key(address)).and_then(|bytes| row::decode::<u16>(&bytes).ok());
    let listen: Vec<Listen> = options
        .listen
        .iter()
        .map(|address| {
            let preferred = if is_any_port(address) { remembered(address) } else { None };
            Listen { address: address.clone(), preferred }
        })
        .collect();
    let config = net::Config { transport: keys.transport.seed(), listen: listen.clone(), is_relay: options.settings.relay };
    let (network, arrivals, bound) = Network::start(config).await.map_err(|error| match error {
        NetError::Listen { address, why } => StartError::Listen { address, why },
        other => StartError::Network(other),
    })?;
    let mut batch = Batch::default();
    for (listen, port) in listen.iter().zip(&bound.ports) {
        if is_any_port(&listen.address) && listen.preferred != Some(*port) {
            batch.put(Table::Meta, port_key(&listen.address), row::encode(port));
        }
    }
    if !batch.is_empty() {
        store.apply(&batch)?;
    }
    Ok((network, arrivals, bound.addresses))
}

/// Where the port of an address stands in `Table::Meta`.
fn port_key(address: &Address) -> Vec<u8> {
    [b"listen", address.as_str().as_bytes()].concat()
}

/// Whether the system chooses the port.
fn is_any_port(address: &Address) -> bool {
    let text = address.as_str();
    text.ends_with("/tcp/0") || text.contains("/udp/0/")
}

/// Runs the loop to its end, then frees the directory and says why it ended.
async fn attend(driver: Driver, mut wanted: watch::Receiver<Wanted>, stopped: watch::Sender<Option<Stopped>>, store: Store, dir: DataDir) {
    let mut running = tokio::spawn(driver.run(wanted.clone()));
    let (why, is_clean) = tokio::select! {
        ended = &mut running => match ended {
            Ok(Ok(())) => (Stopped::Asked, true),
            Ok(Err(error)) => {
                tracing::error!(%error, "the store failed; the node stops");
                (Stopped::Store(error), false)
            }
            Err(_) => {
                tracing::error!("the driver broke off; the node stops");
                (Stopped::Bug, false)
            }
        },
        () = until(&mut wanted, Wanted::Kill) => {
            running.abort();
            let _ = running.await;
            (Stopped::Asked, false)
        }
    };
    close(store, dir, is_clean).await;
    let _ = stopped.send(Some(why));
}

/// Lets go of the directory: cleanly, or as a crash would.
async fn close(store: Store, dir: DataDir, is_clean: bool) {
    let closed = spawn_blocking(move || {
        if is_clean {
            if let Err(error) = store.close() {
                tracing::warn!(%error, "the store did not close cleanly; nothing that was confirmed is lost");
            }
        } else {
            store.abandon();
        }
        drop(dir);
    });
    let _ = closed.await;
}
