//! `tidings run`: the node itself.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::Context;
use super::failure::Failure;
use super::out::{escape_line, is_interactive, remark};
use super::passphrase::tell;
use super::secret;
use crate::api::{self, Api};
use crate::config::{Config, Explained, Layer, Source};
use crate::node::{self, Command, Handle, StartError};
use crate::store::StoreError;
use crate::store::reader::Reader;
use crate::telemetry;
use crate::types::Address;

/// Start this data directory's node.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Where other nodes reach this one, as a multiaddr; may be given several times
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    listen: Vec<Address>,
    /// What links name instead of that, for a node behind a forwarded port
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    announce: Vec<Address>,
    /// Where the web app and the commands reach this node; loopback only
    #[arg(long, value_name = "HOST:PORT")]
    ui: Option<SocketAddr>,
    /// Hold mail for everyone who has a link of this relay
    #[arg(long)]
    relay: bool,
    /// Do not hold mail for contacts who ask
    #[arg(long)]
    no_neighbour: bool,
    /// What your contacts see as your name
    #[arg(long)]
    name: Option<String>,
    /// What is logged to stderr: error, warn, info, debug, trace, or a filter
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// A file with the 24 words of an account to bring back, for a new data directory
    #[arg(long, value_name = "FILE")]
    recovery_phrase_file: Option<std::path::PathBuf>,
}

fn address(text: &str) -> Result<Address, String> {
    Address::new(text).ok_or_else(|| "it is a multiaddr, such as /ip4/0.0.0.0/tcp/4001".to_owned())
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let (config, explained) = Config::load(&context.data, &|name| std::env::var(name).ok(), &self.layer())?;
        telemetry::start(&config.log, config.log_json);
        let entropy = self.entropy()?;
        let passphrase = secret::passphrase(context.passphrase_file.as_deref())?;
        let options = node::Options {
            data: context.data.clone(),
            passphrase: passphrase.map(|passphrase| passphrase.to_string()),
            entropy: entropy.map(|entropy| *entropy),
            listen: config.listen.clone(),
            announce: config.announce.clone(),
            settings: config.settings(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let ended = runtime.block_on(serve(context, options, &config, explained));
        runtime.shutdown_timeout(Duration::from_millis(500));
        ended
    }

    fn layer(&self) -> Layer {
        let list = |list: &[Address]| (!list.is_empty()).then(|| list.to_vec());
        Layer {
            name: self.name.clone(),
            listen: list(&self.listen),
            announce: list(&self.announce),
            ui: self.ui,
            relay: self.relay.then_some(true),
            neighbour: self.no_neighbour.then_some(false),
            log: self.log.clone(),
            ..Layer::default()
        }
    }

    fn entropy(&self) -> Result<Option<Zeroizing<[u8; 32]>>, Failure> {
        let Some(file) = &self.recovery_phrase_file else { return Ok(None) };
        let words = std::fs::read_to_string(file).map_err(|error| Failure::failed(format!("cannot read {}: {error}", file.display())))?;
        Ok(Some(node::entropy_of_phrase(&Zeroizing::new(words))?))
    }
}

async fn serve(context: &mut Context, mut options: node::Options, config: &Config, explained: Vec<Explained>) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut keys = None;
    loop {
        let handle = start(options.clone()).await?;
        let api = match open(&handle, context, config, &explained, keys.take()).await {
            Ok(api) => api,
            Err(failure) => {
                handle.stop().await;
                return Err(failure);
            }
        };
        let greeted = rename(&handle, &explained, config).await.and_then(|()| ready(context, &handle, &api, &config.name));
        let mut is_restored = false;
        let ended = match greeted {
            Ok(()) => tokio::select! {
                _ = interrupt.recv() => Ok(()),
                _ = terminate.recv() => Ok(()),
                () = api.restored() => {
                    is_restored = true;
                    tokio::time::sleep(ANSWER_TIME).await;
                    Ok(())
                }
                why = handle.stopped() => Err(Failure::failed(why.to_string())),
            },
            Err(failure) => Err(failure),
        };
        let former = api.keys();
        let stop = async {
            api.stop().await;
            handle.stop().await;
        };
        let is_done = tokio::select! {
            stopped = tokio::time::timeout(STOP_TIME, stop) => stopped.is_ok(),
            _ = interrupt.recv() => false,
        };
        if !is_done {
            remark("the node is ended before its last files are tidy; what was accepted is safe, and the next start takes a little longer");
            // Whatever still works on the disk must not hold up the end that was promised.
            std::process::exit(0);
        }
        if !is_restored {
            return ended;
        }
        remark("the copy is brought back: the node starts anew with it");
        keys = Some(former);
        // The words were for the account that made way.
        options.entropy = None;
    }
}

/// The interface of a node that runs; a browser's session goes on with the keys of a former one.
async fn open(
    handle: &Handle,
    context: &Context,
    config: &Config,
    explained: &[Explained],
    keys: Option<api::Keys>,
) -> Result<Api, Failure> {
    let options = api::Options { data: context.data.clone(), ui: config.ui, config: explained.to_vec() };
    Ok(match keys {
        Some(keys) => Api::start_with(handle.clone(), options, keys).await?,
        None => Api::start(handle.clone(), options).await?,
    })
}

/// Starts the node; a person who can be asked is asked for the passphrase.
async fn start(mut options: node::Options) -> Result<Handle, Failure> {
    match Handle::start(options.clone()).await {
        Err(StartError::Store(StoreError::PassphraseMissing { .. })) if is_interactive() => {
            options.passphrase = Some(secret::ask("Passphrase of the data directory")?.to_string());
            Ok(Handle::start(options).await?)
        }
        handle => Ok(handle?),
    }
}

/// A name that the person gave counts for an account that is there already, too.
async fn rename(handle: &Handle, explained: &[Explained], config: &Config) -> Result<(), Failure> {
    let is_given = explained.iter().any(|value| value.key == "name" && value.source != Source::Default);
    let own = Reader::new(handle.store(), handle.account(), 0).own_name();
    if is_given && own.is_some_and(|own| own != config.name) {
        handle.command(Command::SetName(config.name.clone())).await?;
    }
    Ok(())
}

fn ready(context: &mut Context, handle: &Handle, api: &Api, name: &str) -> Result<(), Failure> {
    tell(handle.open_report());
    let (account, listen) = (handle.account(), handle.listening());
    if context.out.is_json() {
        let ready =
            Ready { event: "ready", account: account.to_string(), peer: handle.peer().to_string(), listen, ui: api.url().to_owned() };
        return context.out.object(&ready);
    }
    let reader = Reader::new(handle.store(), account, 0);
    let name = reader.own_name().unwrap_or_else(|| name.to_owned());
    let mut lines = vec![
        format!("Your node is running, {}. Stop it with Ctrl-C.", escape_line(&name)),
        String::new(),
        format!("  account    {account}"),
        format!("  open       {}", api.access().link()),
        format!("  data       {}", context.data.display()),
    ];
    lines.extend(listen.iter().map(|address| format!("  listens    {address}")));
    let next = if reader.contacts().is_empty() {
        [
            ("invite --qr", "make a link for a friend"),
            ("contact add LINK", "use the link of a friend"),
            ("id --recovery-phrase", "24 words that bring your account back: write them down"),
        ]
    } else {
        [("status", "what is on its way"), ("read NAME --follow", "a conversation"), ("doctor", "what could be better")]
    };
    let next: Vec<Vec<String>> =
        next.into_iter().map(|(words, what)| vec![format!("  {}", context.command(words)), what.to_owned()]).collect();
    lines.extend([String::new(), "In another terminal:".to_owned(), super::out::align(&next)]);
    context.out.text(&lines.join("\n"))
}

/// The first line that scripts see.
#[derive(serde::Serialize)]
struct Ready {
    event: &'static str,
    account: String,
    peer: String,
    listen: Vec<Address>,
    ui: String,
}

/// The last answer before a start anew gets so long to go out.
const ANSWER_TIME: Duration = Duration::from_millis(300);

/// A stop is done within five seconds, the end of the process included.
const STOP_TIME: Duration = Duration::from_secs(4);
