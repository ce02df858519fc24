//! Who this node is, how it is, and what is wrong with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use zeroize::Zeroizing;

use super::app::{self, App};
use super::body::{Check, Connected, Diagnosis, Export, Identity, NewExport, NewName, RecoveryPhrase, Scrub, Status, StoreStatus};
use super::error::ApiError;
use crate::node::Command;
use crate::store::reader::Reader;
use crate::store::reader::view::{Mailbox, MailboxState, Outbox, Skew};
use crate::types::PeerId;
use crate::types::time::MINUTE;

/// Who this node is.
#[utoipa::path(get, path = "/api/v1/id", responses((status = 200, body = Identity)))]
pub(super) async fn id(State(app): State<Arc<App>>) -> Result<Json<Identity>, ApiError> {
    let handle = &app.handle;
    let (account, device, peer, listen) = (handle.account(), handle.device(), handle.peer(), handle.listening());
    let name = app.read(|reader| reader.own_name().unwrap_or_default()).await?;
    Ok(Json(Identity { account, device, peer, name, listen }))
}

/// The 24 words that bring the account back. Whoever has them is this person.
#[utoipa::path(get, path = "/api/v1/recovery-phrase", responses((status = 200, body = RecoveryPhrase)))]
pub(super) async fn recovery_phrase(State(app): State<Arc<App>>) -> Json<RecoveryPhrase> {
    Json(RecoveryPhrase { recovery_phrase: app.handle.recovery_phrase().to_string() })
}

/// What contacts see as this person's name.
#[utoipa::path(post, path = "/api/v1/name", request_body = NewName, responses((status = 200, body = NewName)))]
pub(super) async fn rename(State(app): State<Arc<App>>, app::Json(new): app::Json<NewName>) -> Result<Json<NewName>, ApiError> {
    app.command(Command::SetName(new.name.clone())).await?;
    Ok(Json(new))
}

/// Connections, mailboxes, messages on their way, rooms, and the store.
#[utoipa::path(get, path = "/api/v1/status", responses((status = 200, body = Status)))]
pub(super) async fn status(State(app): State<Arc<App>>) -> Result<Json<Status>, ApiError> {
    let peers = app.handle.connected();
    let store = store_status(&app).await?;
    let (account, stats) = (app.handle.account(), app.handle.stats());
    let (frames, body_bytes_given) = (stats.net.frames_in, stats.body_bytes_given);
    let status = app.read(move |reader| Status {
        account,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        peers: peers.len(),
        frames,
        body_bytes_given,
        connected: connected(&reader, &peers),
        mailboxes: reader.mailboxes(),
        outbox: reader.outbox(),
        rooms: reader.rooms(),
        store,
        clock: reader.skew(),
    });
    Ok(Json(status.await?))
}

/// What is wrong and how to mend it, and every setting with where it came from.
#[utoipa::path(get, path = "/api/v1/doctor", responses((status = 200, body = Diagnosis)))]
pub(super) async fn doctor(State(app): State<Arc<App>>) -> Result<Json<Diagnosis>, ApiError> {
    let peers = app.handle.connected().len();
    let store = store_status(&app).await?;
    let is_reachable =
        app.handle.listening().iter().any(|address| !address.as_str().contains("/127.0.0.1/") && !address.as_str().contains("/::1/"));
    let is_relay = app.config.iter().any(|value| value.key == "relay" && value.value == true);
    let checks = app.read(move |reader| {
        let mut checks = vec![check_disk(&store), check_database(&store), check_peers(peers), check_reach(is_reachable)];
        if !is_relay {
            checks.push(check_mailboxes(&reader.mailboxes()));
        }
        checks.extend([check_outbox(reader.outbox()), check_missing(&reader), check_requests(&reader), check_clock(reader.skew())]);
        checks
    });
    let checks = checks.await?;
    Ok(Json(Diagnosis { healthy: checks.iter().all(|check| check.ok), checks, config: app.config.clone() }))
}

/// Writes everything into one archive on this machine, sealed under a passphrase.
#[utoipa::path(post, path = "/api/v1/export", request_body = NewExport, responses((status = 200, body = Export)))]
pub(super) async fn export(State(app): State<Arc<App>>, app::Json(new): app::Json<NewExport>) -> Result<Json<Export>, ApiError> {
    let path = PathBuf::from(&new.path);
    if !path.is_absolute() || new.passphrase.is_empty() {
        return Err(ApiError::request("`path` is absolute, and `passphrase` is not empty"));
    }
    if path.exists() {
        return Err(ApiError::Exists { path });
    }
    let (handle, passphrase) = (app.handle.clone(), Zeroizing::new(new.passphrase));
    let task = tokio::task::spawn_blocking(move || handle.export(&passphrase, &path));
    let exported = task.await.map_err(|_| ApiError::Internal)??;
    Ok(Json(Export { rows: exported.rows, bytes: exported.bytes }))
}

/// Reads and checks everything that is stored.
#[utoipa::path(post, path = "/api/v1/scrub", responses((status = 200, body = Scrub)))]
pub(super) async fn scrub(State(app): State<Arc<App>>) -> Result<Json<Scrub>, ApiError> {
    let handle = app.handle.clone();
    let task = tokio::task::spawn_blocking(move || handle.scrub());
    Ok(Json(Scrub::from(task.await.map_err(|_| ApiError::Internal)??)))
}

fn connected(reader: &Reader<'_>, peers: &[PeerId]) -> Vec<Connected> {
    let owners = reader.owners();
    peers.iter().map(|peer| Connected { peer: *peer, name: owners.get(peer).cloned() }).collect()
}

async fn store_status(app: &App) -> Result<StoreStatus, ApiError> {
    let (handle, data) = (app.handle.clone(), app.data.clone());
    let task = tokio::task::spawn_blocking(move || {
        let report = handle.open_report();
        StoreStatus {
            bytes: bytes_under(&data, DEPTH_MAX),
            disk_full: handle.store().is_disk_full(),
            moved_aside: report.moved_aside.as_ref().map(|path| path.display().to_string()),
            restored_rows: report.restored_rows,
            rooms_lost: report.rooms_lost,
        }
    });
    task.await.map_err(|_| ApiError::Internal)
}

/// A data directory is not deeper than this.
const DEPTH_MAX: usize = 6;

fn bytes_under(path: &Path, depth: usize) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() && depth > 0 => bytes_under(&entry.path(), depth - 1),
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    });
    bytes.sum()
}

fn well(name: &str, code: &str, count: u64, found: impl Into<String>) -> Check {
    Check { name: name.to_owned(), ok: true, found: found.into(), advice: String::new(), code: code.to_owned(), count }
}

fn ill(name: &str, code: &str, count: u64, found: impl Into<String>, advice: impl Into<String>) -> Check {
    Check { name: name.to_owned(), ok: false, found: found.into(), advice: advice.into(), code: code.to_owned(), count }
}

fn check_disk(store: &StoreStatus) -> Check {
    if store.disk_full {
        let found = "the disk is almost full: nothing new is accepted, and nothing is lost";
        return ill("disk", "disk-full", 0, found, "free some space; new messages are accepted again by themselves");
    }
    well("disk", "disk-well", 0, "there is room for new messages")
}

fn check_database(store: &StoreStatus) -> Check {
    match &store.moved_aside {
        Some(path) => ill(
            "database",
            "database-damaged",
            store.restored_rows,
            format!("it was damaged and moved to {path}; {} rows came back from the last snapshot", store.restored_rows),
            "look whether messages are missing; what mailboxes and friends still have comes by itself. Check the disk of this machine",
        ),
        None if store.rooms_lost => ill(
            "database",
            "database-keys",
            0,
            "the keys of your rooms could not be read; messages are whole",
            "nothing: this node is a new device of your account, and your contacts' nodes add it again when both are online",
        ),
        None => well("database", "database-well", 0, "it opened whole"),
    }
}

fn check_peers(peers: usize) -> Check {
    match peers {
        0 => ill(
            "network",
            "network-alone",
            0,
            "no other node is connected",
            "check the network of this machine; if you have no contacts and no relay yet, `tidings invite` is the way to begin",
        ),
        1 => well("network", "network-well", 1, "1 node is connected"),
        many => well("network", "network-well", many as u64, format!("{many} nodes are connected")),
    }
}

fn check_reach(is_reachable: bool) -> Check {
    if is_reachable {
        return well("addresses", "addresses-well", 0, "other machines can try to reach this node");
    }
    ill(
        "addresses",
        "addresses-local",
        0,
        "this node listens only for programs on this machine",
        "start it with --listen /ip4/0.0.0.0/tcp/0",
    )
}

fn check_mailboxes(mailboxes: &[Mailbox]) -> Check {
    let confirmed = mailboxes.iter().filter(|mailbox| mailbox.state == MailboxState::Confirmed).count();
    let refused = mailboxes.iter().find(|mailbox| mailbox.state == MailboxState::Refused);
    if let Some(mailbox) = refused {
        let why = mailbox.why.clone().unwrap_or_default();
        return ill(
            "mailboxes",
            "mailboxes-refused",
            0,
            format!("{} does not hold your mail: {why}", mailbox.peer),
            "leave it with `tidings relay leave` or `tidings neighbour leave`, and choose another",
        );
    }
    match confirmed {
        0 => ill(
            "mailboxes",
            "mailboxes-none",
            0,
            "nobody holds your messages while you are away",
            "ask a friend with `tidings neighbour ask NAME`, or join a relay with `tidings relay join LINK`",
        ),
        1 => ill(
            "mailboxes",
            "mailboxes-one",
            1,
            "one mailbox holds your messages while you are away",
            "two keep them safe when one is lost: ask one more friend, or join one more relay",
        ),
        many => well("mailboxes", "mailboxes-well", many as u64, format!("{many} mailboxes hold your messages while you are away")),
    }
}

fn check_outbox(outbox: Outbox) -> Check {
    match outbox.waiting {
        0 => well("outbox", "outbox-well", outbox.held, format!("nothing waits only here; {} held by mailboxes", outbox.held)),
        waiting => ill(
            "outbox",
            "outbox-waiting",
            waiting,
            format!("{waiting} messages are only on this node so far, {} are held by mailboxes", outbox.held),
            "keep this node running until they are held or delivered; friends with a mailbox can be reached while they are away",
        ),
    }
}

fn check_missing(reader: &Reader<'_>) -> Check {
    let count = reader.rooms().iter().fold(0_u64, |sum, room| sum.saturating_add(room.missing));
    let missing: Vec<String> =
        reader.rooms().iter().filter(|room| room.missing > 0).map(|room| format!("{} in {}", room.missing, room.name)).collect();
    if missing.is_empty() {
        return well("messages", "messages-well", 0, "none is missing");
    }
    ill(
        "messages",
        "messages-missing",
        count,
        format!("some are missing and being asked for: {}", missing.join(", ")),
        "stay online until somebody who has them is online too",
    )
}

fn check_clock(skew: Option<Skew>) -> Check {
    let Some(skew) = skew else { return well("clock", "clock-well", 0, "it is not far from that of others, as far as is known") };
    let minutes = skew.ahead_ms.unsigned_abs() / MINUTE;
    let code = if skew.ahead_ms > 0 { "clock-ahead" } else { "clock-behind" };
    ill(
        "clock",
        code,
        minutes,
        skew.sentence(),
        "set the clock of this machine, or tell the others if theirs is wrong; nothing is lost meanwhile",
    )
}

fn check_requests(reader: &Reader<'_>) -> Check {
    let names: Vec<String> =
        reader.contacts().into_iter().filter(|contact| contact.state == "pending").map(|contact| contact.name).collect();
    if names.is_empty() {
        return well("requests", "requests-well", 0, "nobody waits for your answer");
    }
    ill(
        "requests",
        "requests-waiting",
        names.len() as u64,
        format!("these people ask to be your contacts: {}", names.join(", ")),
        "answer with `tidings contact accept NAME` or `decline NAME`",
    )
}
