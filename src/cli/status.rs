//! `tidings status`: how the node is.

use super::Context;
use super::failure::Failure;
use super::out::{bytes, count, escape_line, short};
use super::show;
use crate::api::body::{Connected, Status};
use crate::store::reader::view::Room;

/// How the node is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let status: Status = context.client()?.get("/api/v1/status")?;
        if context.out.is_json() {
            return context.out.object(&status);
        }
        let mut rows = vec![
            section("account", vec![short(&status.account)]),
            section("connected", vec![connected(&status.connected)]),
            section("outbox", vec![format!("{} waiting, {} held by mailboxes", status.outbox.waiting, status.outbox.held)]),
            section("stored", vec![store(&status)]),
        ];
        rows.extend(status.clock.map(|skew| section("clock", vec![skew.sentence()])));
        rows.extend(sections("mailboxes", status.mailboxes.iter().map(show::mailbox_row).collect()));
        rows.extend(sections("rooms", status.rooms.iter().map(room_row).collect()));
        context.out.table(&rows)
    }
}

fn section(name: &str, cells: Vec<String>) -> Vec<String> {
    vec![name.to_owned(), cells.join("  ")]
}

fn sections(name: &str, rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    if rows.is_empty() {
        return vec![section(name, vec!["none".to_owned()])];
    }
    let lines = super::out::align(&rows);
    lines.lines().enumerate().map(|(at, line)| section(if at == 0 { name } else { "" }, vec![line.to_owned()])).collect()
}

fn connected(peers: &[Connected]) -> String {
    if peers.is_empty() {
        return "nobody".to_owned();
    }
    let mut names: Vec<String> = peers.iter().filter_map(|peer| peer.name.as_deref()).map(escape_line).collect();
    let others = peers.len() - names.len();
    if others > 0 {
        names.push(count(others as u64, "other node", "other nodes"));
    }
    names.join(", ")
}

fn store(status: &Status) -> String {
    let mut text = bytes(status.store.bytes);
    if status.store.disk_full {
        text += "; the disk is almost full, and nothing new is accepted";
    }
    if let Some(path) = &status.store.moved_aside {
        text += &format!("; a damaged database was moved to {}", escape_line(path));
    }
    if status.store.rooms_lost {
        text += "; the keys of your rooms were lost, and your contacts are asked for new ones";
    }
    text
}

fn room_row(room: &Room) -> Vec<String> {
    let mut notes = Vec::new();
    if !room.is_ready {
        notes.push("waits for an answer".to_owned());
    }
    if room.missing > 0 {
        notes.push(format!("{} missing, asking", count(room.missing, "message", "messages")));
    }
    if room.gone > 0 {
        notes.push(format!("{} lost for good", count(room.gone, "message", "messages")));
    }
    let name = if room.name.is_empty() { short(&room.room) } else { escape_line(&room.name) };
    vec![name, notes.join(", ")]
}
