//! Who holds this account's mail: relays and neighbours.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use tokio::time::Instant;

use super::app::{self, App};
use super::body::{AskNeighbour, JoinRelay, Link};
use super::contact;
use super::error::ApiError;
use crate::node::{Command, Reply};
use crate::store::reader::view::{Mailbox, MailboxKind, MailboxState};
use crate::types::limits::HTTP_WAIT_MS_MAX;
use crate::types::{Millis, PeerId};

/// The mailboxes of this account.
#[utoipa::path(get, path = "/api/v1/mailboxes", responses((status = 200, body = Vec<Mailbox>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<Mailbox>>, ApiError> {
    Ok(Json(app.read(|reader| reader.mailboxes()).await?))
}

/// Gives up a mailbox, named by its peer id or its neighbour.
#[utoipa::path(delete, path = "/api/v1/mailboxes/{mailbox}", params(("mailbox" = String, Path)), responses((status = 204)))]
pub(super) async fn leave(State(app): State<Arc<App>>, Path(mailbox): Path<String>) -> Result<StatusCode, ApiError> {
    let peer = app.read(move |reader| reader.resolve_mailbox(&mailbox)).await??;
    app.command(Command::MailboxLeave(peer)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks a contact's node to hold mail, and waits for its answer.
#[utoipa::path(post, path = "/api/v1/neighbours", request_body = AskNeighbour, responses((status = 200, body = Mailbox)))]
pub(super) async fn ask_neighbour(State(app): State<Arc<App>>, app::Json(ask): app::Json<AskNeighbour>) -> Result<Json<Mailbox>, ApiError> {
    let account = app.contact(ask.contact).await?;
    confirmed(&app, Command::NeighbourAsk(account), ask.wait_ms).await
}

/// A link with which others join this relay.
#[utoipa::path(post, path = "/api/v1/relay/invite", responses((status = 200, body = Link)))]
pub(super) async fn relay_invite(State(app): State<Arc<App>>) -> Result<Json<Link>, ApiError> {
    contact::link(app.command(Command::RelayInvite).await?)
}

/// Has a mailbox at the relay of a link, and waits for its confirmation.
#[utoipa::path(post, path = "/api/v1/relay/join", request_body = JoinRelay, responses((status = 200, body = Mailbox)))]
pub(super) async fn relay_join(State(app): State<Arc<App>>, app::Json(join): app::Json<JoinRelay>) -> Result<Json<Mailbox>, ApiError> {
    confirmed(&app, Command::RelayJoin(join.link), join.wait_ms).await
}

/// Asks for a mailbox, and waits until it confirmed or refused.
async fn confirmed(app: &App, command: Command, wait_ms: Option<Millis>) -> Result<Json<Mailbox>, ApiError> {
    let wait = Duration::from_millis(wait_ms.unwrap_or(WAIT_MS).min(HTTP_WAIT_MS_MAX));
    let deadline = Instant::now() + wait;
    let mut events = app.handle.events();
    let mut stopped = app.stopped.clone();
    let Reply::Mailbox(peer) = app.command(command).await? else { return Err(ApiError::Internal) };
    loop {
        let mailbox = app.read(move |reader| reader.mailbox(&peer)).await?.ok_or(ApiError::Internal)?;
        match mailbox.state {
            MailboxState::Confirmed => return Ok(Json(mailbox)),
            MailboxState::Refused => {
                let why = mailbox.why.clone().unwrap_or_default();
                return Err(ApiError::Refused { who: who(&mailbox, peer), why });
            }
            MailboxState::Asked => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || *stopped.borrow() {
            let list = if mailbox.kind == MailboxKind::Relay { "relay list" } else { "neighbour list" };
            return Err(ApiError::NoAnswer { who: who(&mailbox, peer), seconds: wait.as_secs(), list });
        }
        // Whatever happens, the rows say what it means; a hint that got lost is made up for by looking again.
        tokio::select! {
            _ = events.recv() => {}
            _ = stopped.changed() => {}
            () = tokio::time::sleep(left.min(LOOK_AGAIN)) => {}
        }
    }
}

fn who(mailbox: &Mailbox, peer: PeerId) -> String {
    if mailbox.name.is_empty() { format!("the relay {peer}") } else { mailbox.name.clone() }
}

/// How long to wait for an answer unless told otherwise.
const WAIT_MS: Millis = 30_000;

/// How long a hint is waited for before the rows are read again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
