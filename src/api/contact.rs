//! Meeting people.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use qrcode::{EcLevel, QrCode};

use super::app::{self, App};
use super::body::{Link, NewContact, NewInvite, NewName, NewQr, Qr, Verify};
use super::error::ApiError;
use crate::node::{Command, Reply};
use crate::store::reader::view::Contact;
use crate::types::AccountId;
use crate::types::limits::INVITE_TTL_MS;

/// A link that leads to this person.
#[utoipa::path(post, path = "/api/v1/invite", request_body = NewInvite, responses((status = 200, body = Link)))]
pub(super) async fn invite(State(app): State<Arc<App>>, app::Json(new): app::Json<NewInvite>) -> Result<Json<Link>, ApiError> {
    let command = Command::Invite { ttl_ms: new.ttl_ms.unwrap_or(INVITE_TTL_MS), public: new.public };
    link(app.command(command).await?)
}

/// A text, such as an invite, as a QR code.
#[utoipa::path(post, path = "/api/v1/qr", request_body = NewQr, responses((status = 200, body = Qr)))]
pub(super) async fn qr(app::Json(new): app::Json<NewQr>) -> Result<Json<Qr>, ApiError> {
    let code =
        QrCode::with_error_correction_level(&new.text, EcLevel::L).map_err(|_| ApiError::request("`text` is too long for a QR code"))?;
    let squares: Vec<char> = code.to_colors().into_iter().map(|color| color.select('1', '0')).collect();
    Ok(Json(Qr { rows: squares.chunks(code.width()).map(|row| row.iter().collect()).collect() }))
}

/// All contacts and requests.
#[utoipa::path(get, path = "/api/v1/contacts", responses((status = 200, body = Vec<Contact>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<Contact>>, ApiError> {
    Ok(Json(app.read(|reader| reader.contacts()).await?))
}

/// Asks the owner of a link to be a contact.
#[utoipa::path(post, path = "/api/v1/contacts", request_body = NewContact, responses((status = 200, body = Contact)))]
pub(super) async fn add(State(app): State<Arc<App>>, app::Json(new): app::Json<NewContact>) -> Result<Json<Contact>, ApiError> {
    let command = Command::ContactAdd { link: new.link, name: new.name, greeting: new.greeting };
    let Reply::Contact(account) = app.command(command).await? else { return Err(ApiError::Internal) };
    answer(&app, account).await
}

/// One contact, with the words to compare.
#[utoipa::path(get, path = "/api/v1/contacts/{contact}", params(("contact" = String, Path)), responses((status = 200, body = Contact)))]
pub(super) async fn one(State(app): State<Arc<App>>, Path(contact): Path<String>) -> Result<Json<Contact>, ApiError> {
    let account = app.contact(contact).await?;
    answer(&app, account).await
}

/// Says yes to a request.
#[utoipa::path(post, path = "/api/v1/contacts/{contact}/accept", params(("contact" = String, Path)), responses((status = 200, body = Contact)))]
pub(super) async fn accept(State(app): State<Arc<App>>, Path(contact): Path<String>) -> Result<Json<Contact>, ApiError> {
    change(&app, contact, Command::ContactAccept).await
}

/// Says no to a request.
#[utoipa::path(post, path = "/api/v1/contacts/{contact}/decline", params(("contact" = String, Path)), responses((status = 200, body = Contact)))]
pub(super) async fn decline(State(app): State<Arc<App>>, Path(contact): Path<String>) -> Result<Json<Contact>, ApiError> {
    change(&app, contact, Command::ContactDecline).await
}

/// Takes nothing from them any more.
#[utoipa::path(post, path = "/api/v1/contacts/{contact}/block", params(("contact" = String, Path)), responses((status = 200, body = Contact)))]
pub(super) async fn block(State(app): State<Arc<App>>, Path(contact): Path<String>) -> Result<Json<Contact>, ApiError> {
    change(&app, contact, |account| Command::ContactBlock { account, on: true }).await
}

/// Takes from them again.
#[utoipa::path(post, path = "/api/v1/contacts/{contact}/unblock", params(("contact" = String, Path)), responses((status = 200, body = Contact)))]
pub(super) async fn unblock(State(app): State<Arc<App>>, Path(contact): Path<String>) -> Result<Json<Contact>, ApiError> {
    change(&app, contact, |account| Command::ContactBlock { account, on: false }).await
}

/// Calls them something else.
#[utoipa::path(post, path = "/api/v1/contacts/{contact}/rename", params(("contact" = String, Path)), request_body = NewName, responses((status = 200, body = Contact)))]
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    Path(contact): Path<String>,
    app::Json(new): app::Json<NewName>,
) -> Result<Json<Contact>, ApiError> {
    change(&app, contact, |account| Command::ContactRename { account, name: new.name }).await
}

/// Remembers whether the words were compared and agreed.
#[utoipa::path(post, path = "/api/v1/contacts/{contact}/verify", params(("contact" = String, Path)), request_body = Verify, responses((status = 200, body = Contact)))]
pub(super) async fn verify(
    State(app): State<Arc<App>>,
    Path(contact): Path<String>,
    app::Json(verify): app::Json<Verify>,
) -> Result<Json<Contact>, ApiError> {
    change(&app, contact, |account| Command::ContactVerify { account, on: verify.agreed }).await
}

async fn change(app: &App, contact: String, command: impl FnOnce(AccountId) -> Command) -> Result<Json<Contact>, ApiError> {
    let account = app.contact(contact).await?;
    app.command(command(account)).await?;
    answer(app, account).await
}

async fn answer(app: &App, account: AccountId) -> Result<Json<Contact>, ApiError> {
    app.read(move |reader| reader.contact(&account)).await?.map(Json).ok_or(ApiError::Internal)
}

/// The answer to a command that makes a link.
pub(super) fn link(reply: Reply) -> Result<Json<Link>, ApiError> {
    let Reply::Link(link) = reply else { return Err(ApiError::Internal) };
    Ok(Json(Link { link }))
}
