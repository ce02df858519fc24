//! `tidings media`: fetch, save and open the files of messages; what they take on the disk.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Context;
use super::client::{Client, segment};
use super::failure::Failure;
use super::out::{bytes, escape_line, short};
use super::show;
use crate::api::body::MediaPolicy;
use crate::store::reader::view::{Blob, BodyState, Message, Storage};

/// Fetch, save and open the files of messages.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Fetch the file of a message, and wait until it is here
    Fetch {
        /// The message, by its id or the start of it
        message: String,
    },
    /// Write the file of a message
    Save {
        /// The message, by its id or the start of it
        message: String,
        /// Where to: a new file or a directory [default: here, under its own name]
        #[arg(long, value_name = "PATH")]
        to: Option<PathBuf>,
    },
    /// Show the file of a message with the program this system has for it
    Open {
        /// The message, by its id or the start of it
        message: String,
    },
    /// Forget the file of a message here; it can be fetched again while somebody has it
    Forget {
        /// The message, by its id or the start of it
        message: String,
    },
    /// What files take on the disk
    Storage,
    /// Up to which size files are fetched without being asked for
    AtOnce {
        /// Bytes, such as 500000; `default` for what was set elsewhere, or at first
        bytes: String,
        /// In this room only
        #[arg(long, value_name = "ROOM")]
        room: Option<String>,
        /// Of this kind only
        #[arg(long, value_name = "KIND", value_parser = ["photo", "voice", "audio", "video", "file"])]
        kind: Option<String>,
    },
}

/// A file was written.
#[derive(Serialize)]
struct Saved {
    message: String,
    path: PathBuf,
    size: u64,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let client = context.client()?;
        match self.what {
            What::Fetch { message } => {
                let shown = fetch(context, &client, &message)?;
                context.out.answer(&shown, || show::message_lines(&shown))
            }
            What::Save { message, to } => {
                let shown = fetch(context, &client, &message)?;
                let blob = blob_of(&shown)?;
                let path = target(to.as_deref(), &crate::node::safe_name(&blob.name));
                save(context, &client, &shown, blob, &path)?;
                let saved = Saved { message: shown.message.to_string(), path, size: blob.size };
                context.out.answer(&saved, || format!("{} ({})", saved.path.display(), bytes(saved.size)))
            }
            What::Open { message } => {
                let shown = fetch(context, &client, &message)?;
                let blob = blob_of(&shown)?;
                let dir = std::env::temp_dir().join(format!("tidings-{}", short(&shown.message)));
                make_private(&dir)?;
                let path = dir.join(crate::node::safe_name(&blob.name));
                if !path.exists() {
                    save(context, &client, &shown, blob, &path)?;
                }
                open(&path)
            }
            What::Forget { message } => {
                client.delete(&format!("/api/v1/media/{}", segment(&message)))?;
                context.out.answer(&serde_json::json!({ "forgotten": message }), || "It is forgotten here.".to_owned())
            }
            What::Storage => {
                let storage: Storage = client.get("/api/v1/media")?;
                context.out.answer(&storage, || storage_lines(&storage))
            }
            What::AtOnce { bytes, room, kind } => {
                let at_once_bytes = match bytes.as_str() {
                    "default" => None,
                    text => Some(text.parse().map_err(|_| Failure::usage("the size is a number of bytes, or `default`"))?),
                };
                let policy = MediaPolicy { room, kind, at_once_bytes };
                client.tell("/api/v1/media/policy", &policy)?;
                context.out.answer(&policy, || "It is so from here on.".to_owned())
            }
        }
    }
}

fn blob_of(message: &Message) -> Result<&Blob, Failure> {
    message.blob.as_ref().ok_or_else(|| Failure::failed("this message has no file, or was taken back"))
}

/// Has it fetched, and shows how far that is until it is whole.
fn fetch(context: &mut Context, client: &Client, message: &str) -> Result<Message, Failure> {
    let mut shown: Message = client.post(&format!("/api/v1/media/{}/fetch", segment(message)), &serde_json::json!({}))?;
    let path = format!("/api/v1/media/{}/message", shown.message);
    let size = blob_of(&shown)?.size;
    let bar = Bar::new(context, "fetch", size);
    let (mut since, mut had) = (Instant::now(), 0);
    loop {
        let blob = blob_of(&shown)?;
        bar.at(context, blob.have)?;
        if blob.state == BodyState::Here {
            bar.end();
            return Ok(shown);
        }
        if blob.have > had {
            (since, had) = (Instant::now(), blob.have);
        }
        if since.elapsed() > client.timeout() {
            return Err(Failure::failed(format!(
                "{} of {} are here, and nobody who has the rest is there: the node goes on; look again later",
                bytes(blob.have),
                bytes(size)
            )));
        }
        std::thread::sleep(POLL);
        shown = client.get(&path)?;
    }
}

/// How often progress is looked at.
const POLL: Duration = Duration::from_millis(200);

fn target(to: Option<&Path>, name: &str) -> PathBuf {
    match to {
        None => PathBuf::from(name),
        Some(path) if path.is_dir() => path.join(name),
        Some(path) => path.to_path_buf(),
    }
}

/// Writes it under another name first, so that half a file is never taken for a whole one; what is there is left alone.
fn save(context: &mut Context, client: &Client, message: &Message, blob: &Blob, path: &Path) -> Result<(), Failure> {
    let refuse =
        |error: io::Error| Failure::failed(format!("{} cannot be written ({error}): choose another place with --to", path.display()));
    if path.exists() {
        return Err(Failure::failed(format!("{} is there already: choose another place with --to", path.display())));
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let bar = Bar::new(context, "save", blob.size);
    let mut body = client.download(&format!("/api/v1/media/{}", message.message))?;
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&part)?;
        let (mut buffer, mut size) = (vec![0; 128 * 1024], 0);
        loop {
            let count = body.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count])?;
            size += count as u64;
            bar.show(size);
        }
        if size != blob.size {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the node broke off"));
        }
        file.sync_all()?;
        fs::hard_link(&part, path)
            .or_else(|_| if path.exists() { Err(io::ErrorKind::AlreadyExists.into()) } else { fs::rename(&part, path) })
    })();
    let _ = fs::remove_file(&part);
    bar.end();
    written.map_err(refuse)
}

/// A directory that only this person can look into.
fn make_private(dir: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Failure::failed(format!("{} cannot be made ({error})", dir.display())))
        }
        _ => Ok(()),
    }
}

fn open(path: &Path) -> Result<(), Failure> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let status = std::process::Command::new(program).arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::failed(format!("{program} did not open it: it lies at {}", path.display()))),
    }
}

fn storage_lines(storage: &Storage) -> String {
    let mut lines = format!("{} in {} files", bytes(storage.bytes), storage.bodies);
    if storage.held_for_others > 0 {
        lines += &format!("; {} of that is held for others", bytes(storage.held_for_others));
    }
    for body in &storage.largest {
        let message = body.message.map_or_else(|| "(held for somebody)".to_owned(), |message| short(&message));
        lines += &format!("\n{message}  {}", bytes(body.bytes));
    }
    lines
}

/// How far something is: a bar for a person, lines for a script.
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    what: &'static str,
    size: u64,
}

#[derive(Serialize)]
struct Progress {
    progress: &'static str,
    have: u64,
    size: u64,
}

impl Bar {
    pub(super) fn new(context: &Context, what: &'static str, size: u64) -> Self {
        let is_seen = !context.out.is_json() && io::stderr().is_terminal();
        let style = ProgressStyle::with_template("{prefix} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}");
        let bar = is_seen.then(|| ProgressBar::new(size).with_prefix(what)).map(|bar| match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        });
        Self { bar, what, size }
    }

    /// Says how far it is, as a line for scripts.
    pub(super) fn at(&self, context: &mut Context, have: u64) -> Result<(), Failure> {
        self.show(have);
        if context.out.is_json() {
            let progress = Progress { progress: self.what, have, size: self.size };
            context.out.answer(&progress, String::new)?;
        }
        Ok(())
    }

    pub(super) fn show(&self, have: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(have);
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The name of a file as others see it.
pub(super) fn name_of(path: &Path) -> Result<String, Failure> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Failure::usage(format!("{} is no file", escape_line(&path.display().to_string()))))
}
