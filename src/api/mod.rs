//! Floor 6: HTTP and events on loopback, for the commands, the web app and scripts.
//!
//! | file | holds |
//! |---|---|
//! | [`body`] | what goes in and out as JSON |
//! | [`error`] | every error with its status |
//! | `guard` | who may ask: the token or a session, only over a loopback name, and no page of another origin |
//! | `web` | the files of the web app, which are in `ui/`, and the session of a browser |
//! | `app` | what the handlers share |
//! | `route` | the table of routes, and the OpenAPI document |
//! | `node`, `contact`, `scan`, `room`, `media`, `space`, `mailbox`, `event`, `archive`, `restore` | the handlers |
//!
//! A running node leaves `api.json` in its data directory, which only its owner can read: `url`, `token` and `pid`.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // this floor listens on a socket, starts tasks and tells the time

mod app;
mod archive;
pub mod body;
mod contact;
pub mod error;
mod event;
mod guard;
mod mailbox;
mod media;
mod node;
mod restore;
mod room;
mod route;
mod scan;
mod space;
mod web;

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use guard::{is_loopback_host, is_own_page, is_token};
pub use route::{ROUTES, document};
pub use web::{FILES, sent};

use crate::config::Explained;
use crate::node::Handle;

/// How to start the interface of a node.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory, where `api.json` goes.
    pub data: PathBuf,
    /// Where to listen; loopback only. Port 0 is chosen.
    pub ui: SocketAddr,
    /// How the node was configured, for `doctor`.
    pub config: Vec<Explained>,
}

/// Why the interface does not start. The sentence is for the person.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Others could reach it.
    #[error("{ui} is not a loopback address, and whoever reaches the interface acts as you: use --ui 127.0.0.1:0")]
    NotLoopback {
        /// What was asked for.
        ui: SocketAddr,
    },
    /// It cannot listen there.
    #[error("cannot listen on {ui} ({source}): another program may use that port; choose another with --ui, or 127.0.0.1:0 for any")]
    Listen {
        /// Where.
        ui: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The token cannot be written down.
    #[error("cannot write {path} ({source}): commands find the node by it; make the data directory writable")]
    Token {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What `api.json` holds: how the owner's programs find the node.
#[derive(Clone, Serialize, Deserialize)]
pub struct Access {
    /// `http://127.0.0.1:…`
    pub url: String,
    /// The bearer token, new at each start.
    pub token: String,
    /// The node's process.
    pub pid: u32,
}

impl Access {
    /// The address that a person opens in a browser. Whoever has it acts as this person until the node stops.
    pub fn link(&self) -> String {
        format!("{}/#token={}", self.url, self.token)
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access({})", self.url)
    }
}

/// The file that tells the owner's programs where the node is.
pub const ACCESS_FILE: &str = "api.json";

/// The interface of one running node.
#[derive(Debug)]
pub struct Api {
    access: Access,
    file: PathBuf,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    keys: Keys,
    ready: watch::Receiver<bool>,
}

/// What opens an interface: whoever had a session of it goes on when a node starts anew with these.
#[derive(Clone)]
pub struct Keys {
    token: String,
    cookie: String,
    page: String,
}

impl Keys {
    fn new() -> io::Result<Self> {
        Ok(Self { token: new_token()?, cookie: new_token()?, page: new_token()? })
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Api {
    /// Listens, and writes `api.json` once requests are answered.
    pub async fn start(handle: Handle, options: Options) -> Result<Self, StartError> {
        let keys = Keys::new().map_err(|source| StartError::Token { path: options.data.join(ACCESS_FILE), source })?;
        Self::start_with(handle, options, keys).await
    }

    /// The same with the keys of a former one.
    pub async fn start_with(handle: Handle, options: Options, keys: Keys) -> Result<Self, StartError> {
        let ui = options.ui;
        if !ui.ip().is_loopback() {
            return Err(StartError::NotLoopback { ui });
        }
        let listener = listen(ui, &options.data).await.map_err(|source| StartError::Listen { ui, source })?;
        let at = listener.local_addr().map_err(|source| StartError::Listen { ui, source })?;
        let file = options.data.join(ACCESS_FILE);
        let access = Access { url: format!("http://{at}"), token: keys.token.clone(), pid: std::process::id() };
        let (stop, stopped) = watch::channel(false);
        let halves = web::Halves { cookie_name: format!("tidings-{}", at.port()), cookie: keys.cookie.clone(), page: keys.page.clone() };
        let app = Arc::new(app::App::new(handle, &options, &access.token, halves, stopped.clone()));
        let ready = app.restoring.ready.subscribe();
        let router = route::router(app);
        let server = tokio::spawn(async move {
            let mut stopped = stopped;
            let shutdown = async move {
                // An error means that the sender is gone, which ends the server too.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(shutdown).await {
                tracing::error!(%error, "the HTTP interface ended");
            }
        });
        write_access(&file, &access).map_err(|source| StartError::Token { path: file.clone(), source })?;
        Ok(Self { access, file, stop, server, keys, ready })
    }

    /// What opens it.
    pub fn keys(&self) -> Keys {
        self.keys.clone()
    }

    /// Comes when a copy was brought back: the node is to start anew then.
    pub async fn restored(&self) {
        let mut ready = self.ready.clone();
        if ready.wait_for(|ready| *ready).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Where it is, as a URL.
    pub fn url(&self) -> &str {
        &self.access.url
    }

    /// Where it is, with the token.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Ends all answers and event streams, and removes `api.json`.
    pub async fn stop(mut self) {
        remove_access(&self.file, &self.access);
        let _ = self.stop.send(true);
        if tokio::time::timeout(STOP_TIME, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

/// Answers that are under way get so long to end.
const STOP_TIME: Duration = Duration::from_secs(1);

/// Where port 0 led last time it leads again when that is free: what a browser keeps for an address is then still there.
async fn listen(ui: SocketAddr, data: &Path) -> io::Result<TcpListener> {
    let file = data.join(PORT_FILE);
    let last = fs::read_to_string(&file).ok().and_then(|port| port.trim().parse().ok()).filter(|_| ui.port() == 0);
    if let Some(port) = last
        && let Ok(listener) = TcpListener::bind(SocketAddr::new(ui.ip(), port)).await
    {
        return Ok(listener);
    }
    let listener = TcpListener::bind(ui).await?;
    // Without the file the next start gets another port, as this one did.
    let _ = fs::write(file, format!("{}\n", listener.local_addr()?.port()));
    Ok(listener)
}

/// The port of the interface, for the next start.
const PORT_FILE: &str = "ui-port";

fn new_token() -> io::Result<String> {
    let mut token = [0; 32];
    getrandom::fill(&mut token).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(data_encoding::HEXLOWER.encode(&token))
}

/// Reads how to reach the node of a data directory; `None` when none has left word. An error when this user may not look.
pub fn read_access(data: &Path) -> io::Result<Option<Access>> {
    match fs::read(data.join(ACCESS_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        read => Ok(read.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())),
    }
}

fn write_access(file: &Path, access: &Access) -> io::Result<()> {
    let fresh = file.with_extension("json.new");
    // A file left by a crash could have other rights than a new one gets.
    let _ = fs::remove_file(&fresh);
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    out.write_all(&serde_json::to_vec(access).map_err(io::Error::other)?)?;
    out.write_all(b"\n")?;
    fs::rename(&fresh, file)
}

fn remove_access(file: &Path, access: &Access) {
    let is_ours =
        fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<Access>(&bytes).ok()).is_some_and(|now| now.token == access.token);
    if is_ours {
        let _ = fs::remove_file(file);
    }
}
