//! What the handlers share: the node, its rows, and JSON with errors that say what is wrong.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};

use super::Options;
use super::error::ApiError;
use super::restore::Restoring;
use super::web::Halves;
use crate::config::Explained;
use crate::node::{Command, Handle, Reply};
use crate::store::reader::Reader;
use crate::types::{AccountId, Millis, RoomId};

/// One running node, seen from HTTP.
pub(super) struct App {
    pub(super) handle: Handle,
    pub(super) data: PathBuf,
    pub(super) config: Vec<Explained>,
    pub(super) token: blake3::Hash,
    pub(super) halves: Halves,
    pub(super) stopped: watch::Receiver<bool>,
    /// Pictures are looked at one after the other.
    pub(super) scanning: Arc<Semaphore>,
    pub(super) restoring: Restoring,
}

impl App {
    pub(super) fn new(handle: Handle, options: &Options, token: &str, halves: Halves, stopped: watch::Receiver<bool>) -> Self {
        let token = blake3::hash(token.as_bytes());
        Self {
            handle,
            data: options.data.clone(),
            config: options.config.clone(),
            token,
            halves,
            stopped,
            scanning: Arc::new(Semaphore::new(1)),
            restoring: Restoring::new(),
        }
    }

    /// Reads the rows, off the threads that answer requests.
    pub(super) async fn read<T: Send + 'static>(&self, read: impl FnOnce(Reader<'_>) -> T + Send + 'static) -> Result<T, ApiError> {
        let handle = self.handle.clone();
        let task = tokio::task::spawn_blocking(move || read(Reader::new(handle.store(), handle.account(), wall_now())));
        let answer = task.await.map_err(|_| ApiError::Internal)?;
        // A failed read looks like an absent row; it must not pass as an answer.
        self.handle.store().failure().map_or(Ok(answer), |failure| Err(ApiError::Store(failure)))
    }

    /// Has something done.
    pub(super) async fn command(&self, command: Command) -> Result<Reply, ApiError> {
        Ok(self.handle.command(command).await?)
    }

    /// The contact that a text names.
    pub(super) async fn contact(&self, name: String) -> Result<AccountId, ApiError> {
        Ok(self.read(move |reader| reader.resolve_contact(&name)).await??)
    }

    /// The room that a text names.
    pub(super) async fn room(&self, name: String) -> Result<RoomId, ApiError> {
        Ok(self.read(move |reader| reader.resolve_room(&name)).await??)
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn wall_now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A JSON request; an empty one counts as `{}`.
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
            _ => ApiError::request("its body did not arrive"),
        })?;
        let bytes = if bytes.is_empty() { b"{}" } else { &bytes[..] };
        serde_json::from_slice(bytes).map(Self).map_err(|error| ApiError::request(error.to_string()))
    }
}

/// The part of an address after the question mark.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(params)| Self(params)).map_err(|rejection| ApiError::request(rejection.body_text()))
    }
}
