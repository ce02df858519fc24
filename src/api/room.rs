//! Rooms and their messages.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::app::{self, App, Params};
use super::body::{MarkRead, Marked, NewMessage, NewTexts, PageParams, SearchParams, Sent, SentText, SentTexts};
use super::error::ApiError;
use crate::node::{Body, Command, CommandFailure, Reply};
use crate::store::reader::view::{Chat, Custody, Message, Room, Standing, State as CustodyState};
use crate::store::reader::{Page, Reader, ResolveError};
use crate::types::limits::{FRAME_IDS_MAX, HTTP_TEXTS_MAX, MESSAGES_SHOWN_MAX};
use crate::types::{MessageId, RoomId};

/// All rooms.
#[utoipa::path(get, path = "/api/v1/rooms", responses((status = 200, body = Vec<Room>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<Room>>, ApiError> {
    Ok(Json(app.read(|reader| reader.rooms()).await?))
}

/// One room.
#[utoipa::path(get, path = "/api/v1/rooms/{room}", params(("room" = String, Path)), responses((status = 200, body = Room)))]
pub(super) async fn one(State(app): State<Arc<App>>, Path(room): Path<String>) -> Result<Json<Room>, ApiError> {
    let room = app.room(room).await?;
    app.read(move |reader| reader.room(&room)).await?.map(Json).ok_or(ApiError::Internal)
}

/// A part of a room, in the room's order.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/messages", params(("room" = String, Path), PageParams), responses((status = 200, body = Vec<Message>)))]
pub(super) async fn messages(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    Params(params): Params<PageParams>,
) -> Result<Json<Vec<Message>>, ApiError> {
    let limit = params.limit.unwrap_or(MESSAGES_SHOWN).min(MESSAGES_SHOWN_MAX);
    if [params.before, params.after, params.around].iter().flatten().count() > 1 {
        return Err(ApiError::request("`before`, `after` and `around` do not go together"));
    }
    let ids = params.ids.as_deref().map(ids).transpose()?;
    let page = Page { limit, before: params.before, after: params.after };
    let messages = app.read(move |reader| -> Result<_, ResolveError> {
        let room = reader.resolve_room(&room)?;
        match (ids, params.around) {
            (Some(ids), _) => Ok(reader.messages_by_id(&room, &ids)),
            (None, Some(around)) => reader.messages_around(&room, around, limit),
            (None, None) => reader.messages(&room, page),
        }
    });
    Ok(Json(messages.await??))
}

/// All conversations with their last message and what is unread, that with the latest message first.
#[utoipa::path(get, path = "/api/v1/chats", responses((status = 200, body = Vec<Chat>)))]
pub(super) async fn chats(State(app): State<Arc<App>>) -> Result<Json<Vec<Chat>>, ApiError> {
    let connected = app.handle.connected();
    Ok(Json(app.read(move |reader| reader.chats(&connected)).await?))
}

/// One conversation.
#[utoipa::path(get, path = "/api/v1/chats/{room}", params(("room" = String, Path)), responses((status = 200, body = Chat)))]
pub(super) async fn chat(State(app): State<Arc<App>>, Path(room): Path<String>) -> Result<Json<Chat>, ApiError> {
    let (room, connected) = (app.room(room).await?, app.handle.connected());
    app.read(move |reader| reader.chat(&room, &connected)).await?.map(Json).ok_or(ApiError::Internal)
}

/// Where a message of this person is on its way to each account: who holds it until when, and when receipts came.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/messages/{message}/custody", params(("room" = String, Path), ("message" = String, Path)), responses((status = 200, body = Vec<Standing>)))]
pub(super) async fn custody(
    State(app): State<Arc<App>>,
    Path((room, message)): Path<(String, String)>,
) -> Result<Json<Vec<Standing>>, ApiError> {
    let standings = app.read(move |reader| -> Result<_, ResolveError> {
        let room = reader.resolve_room(&room)?;
        reader.standings(&room, &reader.find_message(&room, &message)?)
    });
    Ok(Json(standings.await??))
}

/// Sends one message. Answered once it is durable.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/messages", params(("room" = String, Path)), request_body = NewMessage, responses((status = 200, body = Sent)))]
pub(super) async fn send(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    app::Json(new): app::Json<NewMessage>,
) -> Result<Json<Sent>, ApiError> {
    let (room, custody, body) = app
        .read(move |reader| -> Result<_, ApiError> {
            let room = reader.resolve_room(&room)?;
            Ok((room, new_custody(&reader, &room), message_body(&reader, &room, new)?))
        })
        .await??;
    let reply = app.handle.command(Command::Send { room, body }).await;
    Ok(Json(sent(reply, &custody)?))
}

/// Sends many texts, in this order. Answered once all are durable; each is taken or not by itself.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/texts", params(("room" = String, Path)), request_body = NewTexts, responses((status = 200, body = SentTexts)))]
pub(super) async fn send_texts(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    app::Json(new): app::Json<NewTexts>,
) -> Result<Json<SentTexts>, ApiError> {
    if new.texts.len() > HTTP_TEXTS_MAX {
        return Err(ApiError::TooLarge);
    }
    let (room, custody) = app
        .read(move |reader| -> Result<_, ResolveError> {
            let room = reader.resolve_room(&room)?;
            Ok((room, new_custody(&reader, &room)))
        })
        .await??;
    let commands = new.texts.into_iter().map(|text| Command::Send { room, body: Body::Text { text, reply: None } });
    let replies = app.handle.commands(commands.collect()).await.into_iter().map(|reply| match sent(reply, &custody) {
        Ok(sent) => SentText::Sent(sent),
        Err(error) => SentText::Failed(error.failure()),
    });
    let results = replies.collect();
    Ok(Json(SentTexts { results }))
}

/// The person has seen these messages, or all of the room. Their senders are told.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/read", params(("room" = String, Path)), request_body = MarkRead, responses((status = 200, body = Marked)))]
pub(super) async fn mark_read(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    app::Json(mark): app::Json<MarkRead>,
) -> Result<Json<Marked>, ApiError> {
    let (room, messages) = app
        .read(move |reader| -> Result<_, ResolveError> {
            let room = reader.resolve_room(&room)?;
            let messages = mark.messages.unwrap_or_else(|| reader.unread(&room, UNREAD_MAX));
            Ok((room, messages))
        })
        .await??;
    for part in messages.chunks(FRAME_IDS_MAX) {
        app.command(Command::Read { room, messages: part.to_vec() }).await?;
    }
    Ok(Json(Marked { read: messages.len() }))
}

/// The newest messages that contain all these words.
#[utoipa::path(get, path = "/api/v1/search", params(SearchParams), responses((status = 200, body = Vec<Message>)))]
pub(super) async fn search(State(app): State<Arc<App>>, Params(params): Params<SearchParams>) -> Result<Json<Vec<Message>>, ApiError> {
    let limit = params.limit.unwrap_or(MESSAGES_SHOWN).min(MESSAGES_SHOWN_MAX);
    let found = app.read(move |reader| -> Result<_, ResolveError> {
        let room = params.room.as_deref().map(|room| reader.resolve_room(room)).transpose()?;
        Ok(reader.search(&params.words, room.as_ref(), limit))
    });
    Ok(Json(found.await??))
}

fn ids(text: &str) -> Result<Vec<MessageId>, ApiError> {
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty()).take(MESSAGES_SHOWN_MAX);
    ids.map(|id| id.parse().map_err(|_| ApiError::request("`ids` are message ids with commas between them"))).collect()
}

/// What a new message of a room starts with. Notes have nowhere to go.
pub(super) fn new_custody(reader: &Reader<'_>, room: &RoomId) -> Custody {
    let state = if *room == reader.notes_room() { CustodyState::Delivered } else { CustodyState::Waiting };
    Custody { state, held_by: Vec::new(), until: None }
}

fn message_body(reader: &Reader<'_>, room: &RoomId, new: NewMessage) -> Result<Body, ApiError> {
    let find = |message: String| reader.find_message(room, &message);
    Ok(match new {
        NewMessage { text: Some(text), reply, edit: None, recall: None, react: None, emoji: None } => {
            Body::Text { text, reply: reply.map(find).transpose()? }
        }
        NewMessage { text: Some(text), reply: None, edit: Some(edit), recall: None, react: None, emoji: None } => {
            Body::Edit { target: find(edit)?, text }
        }
        NewMessage { text: None, reply: None, edit: None, recall: Some(recall), react: None, emoji: None } => {
            Body::Recall { target: find(recall)? }
        }
        NewMessage { text: None, reply: None, edit: None, recall: None, react: Some(react), emoji: Some(emoji) } => {
            Body::Reaction { target: find(react)?, emoji }
        }
        _ => return Err(ApiError::request("it has `text` (with `reply` or `edit`), or `recall`, or `react` with `emoji`")),
    })
}

pub(super) fn sent(reply: Result<Reply, CommandFailure>, custody: &Custody) -> Result<Sent, ApiError> {
    let Reply::Sent { message, room } = reply? else { return Err(ApiError::Internal) };
    Ok(Sent { message, room, custody: custody.clone() })
}

/// Messages in one answer unless told otherwise: a screen.
const MESSAGES_SHOWN: usize = 50;

/// Messages marked as read at once.
const UNREAD_MAX: usize = 10_000;
