//! Every error of the interface, and the one place that gives each its status and its word.

use std::path::PathBuf;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::body::Failure;
use crate::node::{CommandError, CommandFailure};
use crate::store::StoreError;
use crate::store::reader::ResolveError;

/// Why a request was not done. The sentence is for the person.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The node said no.
    #[error(transparent)]
    Command(#[from] CommandFailure),
    /// A name that is none, or several.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The rows.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No token, or a wrong one.
    #[error("the token is missing or wrong: a running node writes it into api.json in its data directory, anew at each start")]
    Token,
    /// A name that does not belong to this machine, which a hostile web page could have chosen.
    #[error("requests are answered only for 127.0.0.1, [::1] and localhost")]
    Host,
    /// A page that is not the node's own.
    #[error("requests of web pages are answered only for the node's own page")]
    Origin,
    /// No such route.
    #[error("there is nothing at this address: /api/v1/openapi.json lists what there is")]
    NotFound,
    /// A request that makes no sense.
    #[error("this request is not understood: {why}")]
    Request {
        /// What is wrong with it.
        why: String,
    },
    /// The request is larger than `HTTP_BODY_BYTES_MAX`.
    #[error("this request is too large: send less at a time")]
    TooLarge,
    /// A file that would be overwritten.
    #[error("{path} is there already: choose another name, or move it away")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A copy is brought back only where nothing is yet.
    #[error("something was done with this node already: bring the copy back in a new data directory with `tidings import`")]
    NotNew,
    /// What is under a passphrase is not replaced by what is under none.
    #[error("this node is under a passphrase, and the copy would be without: use `tidings import` with --passphrase-file")]
    Protected,
    /// A copy that cannot be used.
    #[error("{why}")]
    Archive {
        /// Why.
        why: String,
    },
    /// The same is being done already.
    #[error("this is being done already: wait until it is over")]
    Busy,
    /// Somebody else did not answer in time.
    #[error("{who} has not answered within {seconds} s; the node goes on asking, and `tidings {list}` shows when it is confirmed")]
    NoAnswer {
        /// Who.
        who: String,
        /// How long was waited.
        seconds: u64,
        /// The command that shows it.
        list: &'static str,
    },
    /// Somebody else said no.
    #[error("{who} does not hold your mail: {why}")]
    Refused {
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// A bug of ours.
    #[error("the node could not do that: see its log")]
    Internal,
}

impl ApiError {
    /// The one map from errors to statuses and words.
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Command(CommandFailure::Refused(error)) => command_status(error),
            Self::Command(_) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            Self::Resolve(ResolveError::Ambiguous { .. } | ResolveError::AmbiguousMessage { .. }) => (StatusCode::CONFLICT, "ambiguous"),
            Self::Resolve(ResolveError::NoContact { .. }) => (StatusCode::NOT_FOUND, "no_contact"),
            Self::Resolve(ResolveError::NoRoom { .. }) => (StatusCode::NOT_FOUND, "no_room"),
            Self::Resolve(ResolveError::NoMailbox { .. }) => (StatusCode::NOT_FOUND, "no_mailbox"),
            Self::Resolve(ResolveError::NoMessage { .. }) => (StatusCode::NOT_FOUND, "no_message"),
            Self::NotNew => (StatusCode::CONFLICT, "not_new"),
            Self::Protected => (StatusCode::CONFLICT, "protected"),
            Self::Archive { .. } => (StatusCode::BAD_REQUEST, "archive"),
            Self::Busy => (StatusCode::CONFLICT, "busy"),
            Self::Exists { .. } => (StatusCode::CONFLICT, "exists"),
            Self::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store"),
            Self::Token => (StatusCode::UNAUTHORIZED, "token"),
            Self::Host => (StatusCode::FORBIDDEN, "host"),
            Self::Origin => (StatusCode::FORBIDDEN, "origin"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Request { .. } => (StatusCode::BAD_REQUEST, "request"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::NoAnswer { .. } => (StatusCode::GATEWAY_TIMEOUT, "no_answer"),
            Self::Refused { .. } => (StatusCode::CONFLICT, "refused"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// As JSON has it.
    pub fn failure(&self) -> Failure {
        Failure { error: self.to_string(), code: self.status().1.to_owned() }
    }

    /// A request that makes no sense.
    pub(super) fn request(why: impl Into<String>) -> Self {
        Self::Request { why: why.into() }
    }
}

fn command_status(error: &CommandError) -> (StatusCode, &'static str) {
    match error {
        CommandError::Link(_) | CommandError::Card | CommandError::Self_ => (StatusCode::BAD_REQUEST, "link"),
        CommandError::Expired => (StatusCode::GONE, "expired"),
        CommandError::NoContact => (StatusCode::NOT_FOUND, "no_contact"),
        CommandError::NoRoom => (StatusCode::NOT_FOUND, "no_room"),
        CommandError::NoMessage => (StatusCode::NOT_FOUND, "no_message"),
        CommandError::NoMailbox => (StatusCode::NOT_FOUND, "no_mailbox"),
        CommandError::NotYours | CommandError::NotAdmin => (StatusCode::FORBIDDEN, "not_allowed"),
        CommandError::Blocked => (StatusCode::CONFLICT, "blocked"),
        CommandError::Empty => (StatusCode::BAD_REQUEST, "empty"),
        CommandError::TooLong { .. } => (StatusCode::BAD_REQUEST, "too_long"),
        CommandError::TooMany(_) => (StatusCode::CONFLICT, "too_many"),
        CommandError::DiskFull => (StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
        CommandError::StillOwed => (StatusCode::CONFLICT, "still_owed"),
        CommandError::NotHere => (StatusCode::CONFLICT, "not_here"),
        CommandError::NotRelay => (StatusCode::CONFLICT, "not_relay"),
        CommandError::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status().0, Json(self.failure())).into_response()
    }
}
