//! Reading a QR code off a picture, such as a frame of the page's camera. The picture stays in memory, and goes with the answer.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use rqrr::PreparedImage;

use super::app::{App, Params};
use super::body::{PictureParams, QrText};
use super::error::ApiError;

/// What the QR code in a picture says. The request's body is the picture: a byte for each dot, from 0 for black to 255 for white, row after row
/// from the top. One picture is read at a time; others wait.
#[utoipa::path(post, path = "/api/v1/qr/read", params(PictureParams), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200, body = QrText)))]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Params(PictureParams { width }): Params<PictureParams>,
    dots: Bytes,
) -> Result<Json<QrText>, ApiError> {
    let is_picture =
        (1..=SIDE_MAX).contains(&width) && !dots.is_empty() && dots.len().is_multiple_of(width) && dots.len() / width <= SIDE_MAX;
    if !is_picture {
        return Err(ApiError::request("its body has `width` bytes for each row of the picture"));
    }
    let turn = app.scanning.clone().acquire_owned().await.map_err(|_| ApiError::Internal)?;
    let task = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        find(&dots, width)
    });
    // The decoder sees whatever is before a camera: were it to panic, then nothing was found.
    let text = task.await.unwrap_or_default();
    Ok(Json(QrText { text }))
}

/// The first code in a picture that can be read whole.
fn find(dots: &[u8], width: usize) -> Option<String> {
    let mut picture = PreparedImage::prepare_from_greyscale(width, dots.len() / width, |x, y| dots[y * width + x]);
    picture.detect_grids().iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
}

/// Dots of a side of a picture.
const SIDE_MAX: usize = 4096;
