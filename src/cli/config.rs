//! `tidings config`: look at and change settings.

use std::time::Duration;

use super::Context;
use super::client::Client;
use super::doctor::settings;
use super::failure::Failure;
use super::out::{escape_line, remark};
use crate::api::body::NewName;
use crate::config::{self, Config, ConfigError, Explained, Layer};

/// Look at and change settings.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// All settings, where each comes from and what it is for (what `tidings config` alone does)
    List,
    /// One value
    Get {
        /// The setting
        key: String,
    },
    /// Change a value in config.toml
    Set {
        /// The setting
        key: String,
        /// The value; a list has commas
        value: String,
    },
    /// Go back to the default
    Unset {
        /// The setting
        key: String,
    },
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let load = |context: &Context| Config::load(&context.data, &|name| std::env::var(name).ok(), &Layer::default());
        match self.action.unwrap_or(Action::List) {
            Action::List => {
                let (_, values) = load(context)?;
                if context.out.is_json() {
                    return values.iter().try_for_each(|value| context.out.object(value));
                }
                context.out.text(&settings(&values))
            }
            Action::Get { key } => {
                let (_, values) = load(context)?;
                let value = find(&values, &key)?;
                context.out.answer(value, || escape_line(&value.shown()))
            }
            Action::Set { key, value } => {
                config::edit(&context.data, &key, Some(&value))?;
                changed(context, &key, &load(context)?.1)
            }
            Action::Unset { key } => {
                config::edit(&context.data, &key, None)?;
                changed(context, &key, &load(context)?.1)
            }
        }
    }
}

fn find<'a>(values: &'a [Explained], key: &str) -> Result<&'a Explained, Failure> {
    let value = values.iter().find(|value| value.key == key);
    value.ok_or_else(|| ConfigError::Key { key: key.to_owned() }.into())
}

/// Says what counts now, and tells a running node what it can take on without a restart.
fn changed(context: &mut Context, key: &str, values: &[Explained]) -> Result<(), Failure> {
    let value = find(values, key)?;
    context.out.answer(value, || format!("{key} = {}  ({})", escape_line(&value.shown()), value.source.word()))?;
    let Ok(client) = Client::open(&context.data, Duration::from_secs(5)) else { return Ok(()) };
    match (key, value.value.as_str()) {
        ("name", Some(name)) => match client.post::<NewName>("/api/v1/name", &NewName { name: name.to_owned() }) {
            Ok(_) | Err(Failure::NoNode(_)) => Ok(()),
            Err(other) => Err(other),
        },
        _ => {
            if client.get::<serde_json::Value>("/api/v1/id").is_ok() {
                remark("the running node takes this on when it is started again");
            }
            Ok(())
        }
    }
}
