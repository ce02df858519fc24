//! Bringing a copy back into a node that is new: the archive comes, is read while the node runs, and the next start puts it in place.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::{Request, State};
use futures::StreamExt as _;
use tokio::sync::{Mutex, watch};
use zeroize::Zeroizing;

use super::app::{self, App};
use super::body::{NewArchive, Restore, Restored};
use super::error::ApiError;
use crate::store::{StoreError, Vault, incoming_archive, receive};

/// What is known of a copy on its way in.
pub(super) struct Restoring {
    /// One at a time.
    turn: Mutex<()>,
    rows: AtomicU64,
    /// Whether a copy waits for the next start.
    pub(super) ready: watch::Sender<bool>,
}

impl Restoring {
    pub(super) fn new() -> Self {
        Self { turn: Mutex::new(()), rows: AtomicU64::new(0), ready: watch::Sender::new(false) }
    }
}

/// Takes an archive in: the request's body is the archive. Only a node where nothing was done yet takes one, and none whose directory is under a passphrase.
#[utoipa::path(post, path = "/api/v1/restore", request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200, body = Restore)))]
pub(super) async fn take(State(app): State<Arc<App>>, request: Request) -> Result<Json<Restore>, ApiError> {
    let _turn = app.restoring.turn.try_lock().map_err(|_| ApiError::Busy)?;
    check(&app).await?;
    let path = incoming_archive(&app.data);
    let failed = |source| {
        let _ = fs::remove_file(&path);
        ApiError::Store(StoreError::Io { doing: "write", path: path.clone(), source: Arc::new(source) })
    };
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).map_err(failed)?;
    let mut stream = request.into_body().into_data_stream();
    let mut bytes = 0;
    while let Some(part) = stream.next().await {
        let Ok(part) = part else {
            let _ = fs::remove_file(&path);
            return Err(ApiError::request("its body did not arrive"));
        };
        bytes += part.len() as u64;
        let write = tokio::task::spawn_blocking(move || file.write_all(&part).map(|()| file));
        file = write.await.map_err(|_| ApiError::Internal)?.map_err(failed)?;
    }
    Ok(Json(Restore { bytes, rows: 0, ready: false }))
}

/// Reads the archive that came with its passphrase. When it is whole, a node that `tidings run` started starts anew with it, and every other one has
/// it at its next start; what was here before is kept in a folder of the data directory.
#[utoipa::path(post, path = "/api/v1/restore/open", request_body = NewArchive, responses((status = 200, body = Restored)))]
pub(super) async fn open(State(app): State<Arc<App>>, app::Json(new): app::Json<NewArchive>) -> Result<Json<Restored>, ApiError> {
    let _turn = app.restoring.turn.try_lock().map_err(|_| ApiError::Busy)?;
    check(&app).await?;
    if !incoming_archive(&app.data).is_file() {
        return Err(ApiError::request("there is no archive yet: /api/v1/restore takes it"));
    }
    let (data, passphrase) = (app.data.clone(), Zeroizing::new(new.passphrase));
    let at = app.clone();
    let task = tokio::task::spawn_blocking(move || {
        receive(&data, &passphrase, &mut |progress| at.restoring.rows.store(progress.rows, Ordering::Relaxed))
    });
    let imported = task.await.map_err(|_| ApiError::Internal)?.map_err(|error| match error {
        StoreError::Archive { .. } => ApiError::Archive { why: error.to_string() },
        error => ApiError::Store(error),
    })?;
    app.restoring.ready.send_replace(true);
    Ok(Json(Restored { account: imported.vault.keys.account_id(), rows: imported.rows, made_at: imported.made_at }))
}

/// How far a copy is that is being brought back.
#[utoipa::path(get, path = "/api/v1/restore", responses((status = 200, body = Restore)))]
pub(super) async fn progress(State(app): State<Arc<App>>) -> Json<Restore> {
    let bytes = incoming_archive(&app.data).metadata().map_or(0, |meta| meta.len());
    Json(Restore { bytes, rows: app.restoring.rows.load(Ordering::Relaxed), ready: *app.restoring.ready.borrow() })
}

/// Nobody's contacts or messages are put aside by a press, and no passphrase is lost.
async fn check(app: &App) -> Result<(), ApiError> {
    let is_new =
        app.read(|reader| reader.contacts().is_empty() && reader.rooms().iter().all(|room| room.last_at.is_none() && room.missing == 0));
    if !is_new.await? || *app.restoring.ready.borrow() {
        return Err(ApiError::NotNew);
    }
    if Vault::is_protected(&app.data)? {
        return Err(ApiError::Protected);
    }
    Ok(())
}
