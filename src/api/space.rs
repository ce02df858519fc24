//! What comes unasked, and what goes again to make room.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::app::App;
use super::body::{Cleared, MediaPolicies, RoomPolicy};
use super::error::ApiError;
use crate::node::{Command, CommandError, CommandFailure};

/// Up to which size bodies are fetched without being asked for, everywhere and in the rooms where it differs.
#[utoipa::path(get, path = "/api/v1/media/policy", responses((status = 200, body = MediaPolicies)))]
pub(super) async fn policies(State(app): State<Arc<App>>) -> Result<Json<MediaPolicies>, ApiError> {
    let policies = app.read(|reader| {
        let set = |room| Some(RoomPolicy { room, at_once_bytes: reader.at_once_bytes(Some(&room))? });
        let rooms = reader.rooms().into_iter().filter_map(|room| set(room.room)).collect();
        MediaPolicies { at_once_bytes: reader.at_once_bytes(None).unwrap_or_default(), rooms }
    });
    Ok(Json(policies.await?))
}

/// Forgets the bodies of a room here; the messages stay, and each body can be fetched again while somebody has it. What others wait for stays, and
/// so does what another room has too, and everything in the notes.
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/media", params(("room" = String, Path)), responses((status = 200, body = Cleared)))]
pub(super) async fn clear(State(app): State<Arc<App>>, Path(room): Path<String>) -> Result<Json<Cleared>, ApiError> {
    let room = app.room(room).await?;
    let bodies = app.read(move |reader| reader.bodies_of_room(&room)).await?;
    let mut cleared = Cleared::default();
    for (message, bytes) in bodies {
        match app.handle.command(Command::MediaDrop(message)).await {
            Ok(_) => {
                cleared.bodies += 1;
                cleared.bytes += bytes;
            }
            // Taken back meanwhile, or still owed to somebody.
            Err(CommandFailure::Refused(CommandError::StillOwed | CommandError::NoMessage)) => cleared.kept += 1,
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(Json(cleared))
}
