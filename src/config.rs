//! What a person decides about their node. A flag counts more than the environment (`TIDINGS_NAME`, `TIDINGS_LISTEN`, …), that
//! more than `config.toml` in the data directory, and that more than the default.
//!
//! Numbers that both ends of a protocol must agree on are not here: see [`limits`](crate::types::limits).

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // the file is read and written here

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Value;

use crate::node::Settings;
use crate::types::Address;
use crate::types::limits::{NAME_BYTES_MAX, NEIGHBOUR_INBOX_BYTES_MAX, RELAY_INBOX_BYTES_MAX};

macro_rules! config {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr;)+) => {
        /// What counts, after all layers.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Config { $($(#[doc = $doc])+ pub $name: $type),+ }

        /// One layer: what the flags, the environment or the file say.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Layer { $($(#[doc = $doc])+ #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$type>),+ }

        /// Every key with its meaning.
        pub const KEYS: &[(&str, &str)] = &[$((stringify!($name), concat!($($doc),+))),+];

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default),+ }
            }
        }

        impl Config {
            fn lay(&mut self, layer: &Layer, source: Source, sources: &mut BTreeMap<&'static str, Source>) {
                $(if let Some(value) = &layer.$name {
                    self.$name = value.clone();
                    sources.insert(stringify!($name), source);
                })+
            }

            fn values(&self) -> Vec<(&'static str, serde_json::Value)> {
                vec![$((stringify!($name), serde_json::json!(self.$name))),+]
            }
        }
    };
}

config! {
    /// What your contacts see as your name; by default your login name.
    name: String = "someone".to_owned();
    /// Where other nodes reach this one, as multiaddrs; port 0 is chosen once and kept.
    listen: Vec<Address> = ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"].into_iter().filter_map(Address::new).collect();
    /// What links and cards name instead of that, for a node behind a forwarded port.
    announce: Vec<Address> = Vec::new();
    /// Where the web app and the commands reach this node; loopback only, port 0 is chosen at each start.
    ui: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 0));
    /// Hold mail for everyone who has a link of this relay.
    relay: bool = false;
    /// Hold mail for contacts who ask.
    neighbour: bool = true;
    /// Megabytes that a relay holds for each person.
    relay_inbox_mb: u64 = RELAY_INBOX_BYTES_MAX / MB;
    /// Megabytes held for each neighbour.
    neighbour_inbox_mb: u64 = NEIGHBOUR_INBOX_BYTES_MAX / MB;
    /// What is logged to stderr: error, warn, info, debug, trace, or a filter such as `warn,tidings::net=debug`.
    log: String = "warn".to_owned();
    /// Log one JSON object for each line.
    log_json: bool = false;
}

/// The file in the data directory.
pub const FILE: &str = "config.toml";

const MB: u64 = 1024 * 1024;

/// Megabytes that fit the arithmetic, and no disk.
const MB_MAX: u64 = 1 << 40;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// `config.toml`.
    File,
    /// `TIDINGS_…`.
    Environment,
    /// The command line.
    Flag,
}

impl Source {
    /// In a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "config.toml",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// One value, where it came from and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Explained {
    /// The key.
    pub key: String,
    /// The value.
    pub value: serde_json::Value,
    /// Where it came from.
    pub source: Source,
    /// What it is for.
    pub meaning: String,
}

impl Explained {
    /// The value as a person types it.
    pub fn shown(&self) -> String {
        match &self.value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(list) => list.iter().filter_map(|item| item.as_str()).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        }
    }
}

/// Why a configuration cannot be used. The sentence is for the person.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read or written.
    #[error("cannot {doing} {path} ({source}): give this user the right to it, or choose another directory with --data")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path} is not a valid configuration ({why}): correct it, or move it away to start from the defaults")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, in one line.
        why: String,
    },
    /// No such key.
    #[error("there is no setting “{key}”: `tidings config list` shows all of them")]
    Key {
        /// What was typed.
        key: String,
    },
    /// A value that does not fit.
    #[error("“{value}” is no value for {key}: {why}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it must be.
        why: &'static str,
    },
}

impl Config {
    /// All layers laid over each other, with an explanation of each value. `env` reads one variable.
    pub fn load(data: &Path, env: &dyn Fn(&str) -> Option<String>, flags: &Layer) -> Result<(Self, Vec<Explained>), ConfigError> {
        let mut config = Self::default();
        if let Some(name) = ["USER", "LOGNAME"].into_iter().find_map(env).filter(|name| is_name(name) && name != "root") {
            config.name = name;
        }
        let mut sources = BTreeMap::new();
        config.lay(&read(&data.join(FILE))?, Source::File, &mut sources);
        config.lay(&from_env(env)?, Source::Environment, &mut sources);
        flags.check()?;
        config.lay(flags, Source::Flag, &mut sources);
        let meanings: BTreeMap<&str, &str> = KEYS.iter().copied().collect();
        let explained = config.values().into_iter().map(|(key, value)| Explained {
            key: key.to_owned(),
            value,
            source: sources.get(key).copied().unwrap_or(Source::Default),
            meaning: meanings.get(key).copied().unwrap_or_default().trim().to_owned(),
        });
        let explained = explained.collect();
        Ok((config, explained))
    }

    /// What the node wants to know.
    pub fn settings(&self) -> Settings {
        Settings {
            name: self.name.clone(),
            relay: self.relay,
            neighbour: self.neighbour,
            relay_inbox_bytes: self.relay_inbox_mb.saturating_mul(MB),
            neighbour_inbox_bytes: self.neighbour_inbox_mb.saturating_mul(MB),
        }
    }
}

impl Layer {
    /// The bounds that types do not express.
    fn check(&self) -> Result<(), ConfigError> {
        let bad = |key: &str, value: String, why| Err(ConfigError::Value { key: key.to_owned(), value, why });
        if let Some(name) = self.name.as_ref().filter(|name| !is_name(name)) {
            return bad("name", name.clone(), "a name has 1 to 128 bytes and no control characters");
        }
        if let Some(ui) = self.ui.filter(|ui| !ui.ip().is_loopback()) {
            return bad(
                "ui",
                ui.to_string(),
                "only loopback addresses such as 127.0.0.1:0 are taken, since whoever reaches it acts as you",
            );
        }
        for (key, mb) in [("relay_inbox_mb", self.relay_inbox_mb), ("neighbour_inbox_mb", self.neighbour_inbox_mb)] {
            if let Some(mb) = mb.filter(|mb| !(1..=MB_MAX).contains(mb)) {
                return bad(key, mb.to_string(), "it is a number of megabytes, at least 1");
            }
        }
        if let Some(log) = self.log.as_ref().filter(|log| crate::telemetry::filter(log).is_none()) {
            return bad("log", log.clone(), "it is error, warn, info, debug, trace, or a filter such as warn,tidings::net=debug");
        }
        Ok(())
    }

    /// A layer with one value, from text.
    pub fn from_text(key: &str, text: &str) -> Result<Self, ConfigError> {
        let table = toml::Table::from_iter([(key.to_owned(), parse(key, text)?)]);
        let layer = table.try_into::<Self>().map_err(|_| ConfigError::Value {
            key: key.to_owned(),
            value: text.to_owned(),
            why: if key == "ui" {
                "it is an address with a port, such as 127.0.0.1:0"
            } else {
                "it is a list of multiaddrs, such as /ip4/0.0.0.0/tcp/4001"
            },
        })?;
        layer.check()?;
        Ok(layer)
    }
}

/// Writes one value into the file, or removes it, and keeps the rest as it stands. The file is valid afterwards, or untouched.
pub fn edit(data: &Path, key: &str, text: Option<&str>) -> Result<(), ConfigError> {
    let (name, meaning) = *KEYS.iter().find(|(name, _)| *name == key).ok_or_else(|| ConfigError::Key { key: key.to_owned() })?;
    let path = data.join(FILE);
    let before = read_text(&path)?;
    let file_error = |error: &dyn std::fmt::Display| ConfigError::File { path: path.clone(), why: one_line(error) };
    let mut wanted: toml::Table = before.parse().map_err(|error| file_error(&error))?;
    let line = match text {
        Some(text) => {
            Layer::from_text(key, text)?;
            let value = parse(key, text)?;
            wanted.insert(name.to_owned(), value.clone());
            Some(format!("{name} = {value}"))
        }
        None => {
            wanted.remove(name);
            None
        }
    };
    let edited = edit_line(&before, name, line.as_deref(), meaning.trim());
    let is_right = edited.parse::<toml::Table>().is_ok_and(|table| table == wanted);
    let after = if is_right { edited } else { toml::to_string(&wanted).map_err(|error| file_error(&error))? };
    check_text(&path, &after)?;
    write(data, &path, &after)
}

fn edit_line(before: &str, key: &str, line: Option<&str>, meaning: &str) -> String {
    let is_key = |text: &str| text.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let mut lines: Vec<&str> = before.lines().collect();
    let comment = format!("# {meaning}");
    match (lines.iter().position(|text| is_key(text)), line) {
        (Some(at), Some(line)) => lines[at] = line,
        (Some(at), None) => {
            lines.remove(at);
            if at > 0 && lines[at - 1] == comment {
                lines.remove(at - 1);
            }
        }
        (None, Some(line)) => lines.extend([comment.as_str(), line]),
        (None, None) => {}
    }
    lines.into_iter().flat_map(|line| [line, "\n"]).collect()
}

fn read(path: &Path) -> Result<Layer, ConfigError> {
    check_text(path, &read_text(path)?)
}

fn check_text(path: &Path, text: &str) -> Result<Layer, ConfigError> {
    let layer: Layer =
        toml::from_str(text).map_err(|error| ConfigError::File { path: path.to_path_buf(), why: one_line(&error.message()) })?;
    layer.check().map_err(|error| ConfigError::File { path: path.to_path_buf(), why: one_line(&error) })?;
    Ok(layer)
}

fn one_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(String::new()),
        Err(source) => Err(ConfigError::Io { doing: "read", path: path.to_path_buf(), source }),
    }
}

fn write(data: &Path, path: &Path, text: &str) -> Result<(), ConfigError> {
    let fresh = path.with_extension("toml.new");
    let attempt = || -> std::io::Result<()> {
        fs::create_dir_all(data)?;
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    attempt().map_err(|source| ConfigError::Io { doing: "write", path: path.to_path_buf(), source })
}

fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Result<Layer, ConfigError> {
    let mut table = toml::Table::new();
    for (key, _) in KEYS {
        if let Some(text) = env(&format!("TIDINGS_{}", key.to_uppercase())) {
            // Each alone first, so that the error names the one that is wrong.
            Layer::from_text(key, &text)?;
            table.insert((*key).to_owned(), parse(key, &text)?);
        }
    }
    Ok(table.try_into().unwrap_or_default())
}

/// A value from text, of the kind that this key's default has.
fn parse(key: &str, text: &str) -> Result<Value, ConfigError> {
    let default = Config::default().values().into_iter().find(|(name, _)| *name == key);
    let (_, default) = default.ok_or_else(|| ConfigError::Key { key: key.to_owned() })?;
    let bad = |why| ConfigError::Value { key: key.to_owned(), value: text.to_owned(), why };
    let text = text.trim();
    Ok(match default {
        serde_json::Value::Bool(_) => match text.to_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Value::Boolean(true),
            "false" | "off" | "no" | "0" => Value::Boolean(false),
            _ => return Err(bad("it is on or off")),
        },
        serde_json::Value::Number(_) => Value::Integer(text.parse().map_err(|_| bad("it is a number of megabytes, at least 1"))?),
        serde_json::Value::Array(_) => {
            Value::Array(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect())
        }
        _ => Value::from(text),
    })
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}
