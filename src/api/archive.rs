//! Everything but the bodies of media as one file, for the person's browser to keep.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::stream;
use zeroize::Zeroizing;

use super::app::{self, App};
use super::body::NewArchive;
use super::error::ApiError;

/// Everything but the bodies of media in one archive, sealed under a passphrase, as the answer. It is written whole on this machine first. `/export`
/// keeps the bodies too, in a folder beside the archive.
#[utoipa::path(post, path = "/api/v1/archive", request_body = NewArchive, responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)))]
pub(super) async fn download(State(app): State<Arc<App>>, app::Json(new): app::Json<NewArchive>) -> Result<Response, ApiError> {
    if new.passphrase.is_empty() {
        return Err(ApiError::request("`passphrase` is not empty"));
    }
    let path = app.data.join(format!("archive-{}.new", super::new_token().map_err(|_| ApiError::Internal)?));
    let (handle, passphrase) = (app.handle.clone(), Zeroizing::new(new.passphrase));
    let task = tokio::task::spawn_blocking(move || {
        let written = handle.export_rows(&passphrase, &path);
        let file = File::open(&path);
        // The open file stays readable; the name goes at once, so that nothing is left behind whatever happens now.
        let _ = std::fs::remove_file(&path);
        written.map(|exported| (exported.bytes, file))
    });
    let (bytes, file) = task.await.map_err(|_| ApiError::Internal)??;
    let file = file.map_err(|_| ApiError::Internal)?;
    let length = file.metadata().map_or(bytes, |meta| meta.len());
    let parts = stream::try_unfold(file, |mut file| async {
        let task = tokio::task::spawn_blocking(move || {
            let mut part = vec![0; PART_BYTES];
            let read = file.read(&mut part)?;
            part.truncate(read);
            std::io::Result::Ok((read > 0).then(|| (Bytes::from(part), file)))
        });
        task.await.map_err(std::io::Error::other)?
    });
    let mut response = Response::new(Body::from_stream(parts));
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    head.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"tidings.archive\""));
    head.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// Read from the disk at a time.
const PART_BYTES: usize = 64 * 1024;
