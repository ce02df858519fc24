//! Bodies of media: in and out as streams, with what the person decides about them.

use std::io::{self, Read};
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use tokio::sync::mpsc;

use super::app::{self, App, Params};
use super::body::{MediaParams, MediaPolicy, Sent};
use super::error::ApiError;
use super::room::{new_custody, sent};
use crate::node::{Body as Content, Command, CommandError, CommandFailure, MediaError, MediaKind, NewMedia};
use crate::store::reader::view::{Message, Storage};
use crate::types::limits::CHUNK_BYTES;

/// Sends a file: the request's body is the file. Answered once it is sealed and durable, and the message with it.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/media", params(("room" = String, Path), MediaParams), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200, body = Sent)))]
pub(super) async fn send(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    Params(params): Params<MediaParams>,
    request: Request,
) -> Result<Json<Sent>, ApiError> {
    let reply = params.reply;
    let (room, custody, reply) = app
        .read(move |reader| -> Result<_, ApiError> {
            let room = reader.resolve_room(&room)?;
            let reply = reply.map(|reply| reader.find_message(&room, &reply)).transpose()?;
            Ok((room, new_custody(&reader, &room), reply))
        })
        .await??;
    let new = NewMedia {
        name: params.name,
        caption: params.caption.unwrap_or_default(),
        reply,
        as_voice: params.voice.unwrap_or(false),
        keep_metadata: params.keep_metadata.unwrap_or(false),
    };
    let (parts, coming) = mpsc::channel(PARTS_MAX);
    let handle = app.handle.clone();
    let taken = tokio::task::spawn_blocking(move || handle.take_in(&mut Upload { coming, part: Bytes::new() }, new));
    let mut stream = request.into_body().into_data_stream();
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| io::Error::new(io::ErrorKind::UnexpectedEof, "the upload broke off"));
        let is_broken = part.is_err();
        if parts.send(part.map(Some)).await.is_err() || is_broken {
            break;
        }
    }
    // Without this word at the end, an upload that broke off would count as whole.
    let _ = parts.send(Ok(None)).await;
    drop(parts);
    let media = taken.await.map_err(|_| ApiError::Internal)?.map_err(refusal)?;
    let reply = app.handle.command(Command::Send { room, body: Content::Media(Box::new(media)) }).await;
    Ok(Json(sent(reply, &custody)?))
}

/// Sends a body that is here to a room once more; its pieces are not stored again.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/forward/{message}", params(("room" = String, Path), ("message" = String, Path)), responses((status = 200, body = Sent)))]
pub(super) async fn forward(State(app): State<Arc<App>>, Path((room, message)): Path<(String, String)>) -> Result<Json<Sent>, ApiError> {
    let (room, custody, message) = app
        .read(move |reader| -> Result<_, ApiError> {
            let room = reader.resolve_room(&room)?;
            Ok((room, new_custody(&reader, &room), reader.find_anywhere(&message)?))
        })
        .await??;
    Ok(Json(sent(app.handle.command(Command::Forward { room, message }).await, &custody)?))
}

/// The body of a message, or the part that a `Range` header names. What is not here yet is fetched, and waited for.
#[utoipa::path(get, path = "/api/v1/media/{message}", params(("message" = String, Path)), responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 206), (status = 416)))]
pub(super) async fn body(State(app): State<Arc<App>>, Path(message): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let (message, media) = app
        .read(move |reader| -> Result<_, ApiError> {
            let message = reader.find_anywhere(&message)?;
            Ok((message, reader.media(&message).ok_or_else(not_media)?))
        })
        .await??;
    let size = media.manifest.listing.size;
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).and_then(|range| parse_range(range, size));
    let (from, to) = match range {
        Some(Err(())) => {
            let unsatisfied = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, unsatisfied).into_response());
        }
        Some(Ok(range)) => range,
        None => (0, size),
    };
    app.command(Command::MediaFetch(message)).await?;
    let file = app.handle.download(media.manifest, from);
    let (parts, coming) = mpsc::channel(PARTS_MAX);
    tokio::task::spawn_blocking(move || read_parts(file.take(to - from), &parts));
    let mut response = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(coming)).into_response();
    let out = response.headers_mut();
    let is_shown = SHOWN.contains(&media.preview.mime.as_str());
    let kind = if is_shown { media.preview.mime.as_str() } else { "application/octet-stream" };
    out.insert(header::CONTENT_TYPE, value(kind));
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(to - from));
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let place = if is_shown { "inline" } else { "attachment" };
    out.insert(header::CONTENT_DISPOSITION, value(&format!("{place}; filename*=UTF-8''{}", encoded(&media.name))));
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let (last, headers) = (to.saturating_sub(1), response.headers_mut());
        headers.insert(header::CONTENT_RANGE, value(&format!("bytes {from}-{last}/{size}")));
    }
    Ok(response)
}

/// Has the body of a message fetched. Answers at once; progress comes as events.
#[utoipa::path(post, path = "/api/v1/media/{message}/fetch", params(("message" = String, Path)), responses((status = 200, body = Message)))]
pub(super) async fn fetch(State(app): State<Arc<App>>, Path(message): Path<String>) -> Result<Json<Message>, ApiError> {
    let message = app.read(move |reader| reader.find_anywhere(&message)).await??;
    app.command(Command::MediaFetch(message)).await?;
    app.read(move |reader| reader.message(&message)).await?.map(Json).ok_or(ApiError::Internal)
}

/// A message that is media, by its id or the start of it.
#[utoipa::path(get, path = "/api/v1/media/{message}/message", params(("message" = String, Path)), responses((status = 200, body = Message)))]
pub(super) async fn message(State(app): State<Arc<App>>, Path(message): Path<String>) -> Result<Json<Message>, ApiError> {
    let shown = app.read(move |reader| reader.find_anywhere(&message).map(|message| reader.message(&message))).await??;
    shown.filter(|message| message.blob.is_some()).map(Json).ok_or_else(not_media)
}

/// Forgets the body of a message here; it can be fetched again while somebody has it. The only copy of what others wait for stays.
#[utoipa::path(delete, path = "/api/v1/media/{message}", params(("message" = String, Path)), responses((status = 204)))]
pub(super) async fn forget(State(app): State<Arc<App>>, Path(message): Path<String>) -> Result<StatusCode, ApiError> {
    let message = app.read(move |reader| reader.find_anywhere(&message)).await??;
    app.command(Command::MediaDrop(message)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What bodies take on the disk.
#[utoipa::path(get, path = "/api/v1/media", responses((status = 200, body = Storage)))]
pub(super) async fn storage(State(app): State<Arc<App>>) -> Result<Json<Storage>, ApiError> {
    Ok(Json(app.read(|reader| reader.storage(LARGEST_SHOWN)).await?))
}

/// Up to which size bodies are fetched without being asked for, everywhere or in one room, of every kind or of one.
#[utoipa::path(post, path = "/api/v1/media/policy", request_body = MediaPolicy, responses((status = 204)))]
pub(super) async fn policy(State(app): State<Arc<App>>, app::Json(policy): app::Json<MediaPolicy>) -> Result<StatusCode, ApiError> {
    let room = match policy.room {
        Some(room) => Some(app.room(room).await?),
        None => None,
    };
    let unknown = || ApiError::request("`kind` is one of `photo`, `voice`, `audio`, `video` and `file`");
    let kind = policy.kind.map(|word| MediaKind::from_word(&word).ok_or_else(unknown)).transpose()?;
    app.command(Command::MediaPolicy { room, kind, at_once_bytes: policy.at_once_bytes }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn not_media() -> ApiError {
    ApiError::request("this message is no photo, voice note, video or file, or was taken back")
}

fn refusal(error: MediaError) -> ApiError {
    match error {
        MediaError::TooLarge { .. } => ApiError::TooLarge,
        MediaError::DiskFull => ApiError::Command(CommandFailure::Refused(CommandError::DiskFull)),
        error => ApiError::request(error.to_string()),
    }
}

/// An upload as it comes.
struct Upload {
    coming: mpsc::Receiver<io::Result<Option<Bytes>>>,
    part: Bytes,
}

impl Read for Upload {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.coming.blocking_recv() {
                Some(Ok(Some(part))) => self.part = part,
                Some(Ok(None)) => return Ok(0),
                Some(Err(error)) => return Err(error),
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the upload broke off")),
            }
        }
        let part = self.part.split_to(self.part.len().min(bytes.len()));
        bytes[..part.len()].copy_from_slice(&part);
        Ok(part.len())
    }
}

fn read_parts(mut file: impl Read, parts: &mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let mut buffer = vec![0; CHUNK_BYTES as usize];
        let part = match file.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                buffer.truncate(count);
                Ok(Bytes::from(buffer))
            }
            Err(error) => Err(error),
        };
        let is_broken = part.is_err();
        if parts.blocking_send(part).is_err() || is_broken {
            return;
        }
    }
}

/// `bytes=a-b`, `bytes=a-` or `bytes=-n` (RFC 9110 section 14.1.2) as first byte and the one after the last. `None` for what is no single range:
/// then all is sent, as that section allows.
fn parse_range(text: &str, size: u64) -> Option<Result<(u64, u64), ()>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.trim(), last.trim()) {
        ("", count) => (size.saturating_sub(count.parse().ok()?), size),
        (first, "") => (first.parse().ok()?, size),
        (first, last) => (first.parse().ok()?, last.parse::<u64>().ok()?.saturating_add(1).min(size)),
    };
    Some(if range.0 < range.1 { Ok(range) } else { Err(()) })
}

/// What a browser may show by itself: kinds that carry no script.
const SHOWN: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/gif",
    "image/avif",
    "audio/ogg",
    "audio/webm",
    "audio/mpeg",
    "audio/mp4",
    "audio/flac",
    "audio/wav",
    "video/mp4",
    "video/webm",
];

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

/// Percent-encoded as RFC 8187 wants it.
fn encoded(name: &str) -> String {
    let byte = |byte: u8| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    name.bytes().map(byte).collect()
}

/// Parts of a body on their way between threads.
const PARTS_MAX: usize = 4;

/// Bodies in the storage view.
const LARGEST_SHOWN: usize = 50;
