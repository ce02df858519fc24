//! Floor 7: the command line, one file for each subcommand. To add one: its `mod` line, and its line in `commands!`.
//!
//! | file | holds |
//! |---|---|
//! | `client` | how commands speak to the running node |
//! | `failure` | what ends a command, and its exit code |
//! | `out` | what is printed: JSON lines, or text that is safe to show in a terminal |
//! | `time` | durations as people write them, moments as people read them |
//! | `secret` | passphrases |
//! | `show` | messages, contacts and mailboxes as people read them |

// The edge: this is where a process has arguments, an environment, streams, files and threads.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod client;
mod config;
mod contact;
mod doctor;
mod export;
mod failure;
mod growth;
mod id;
mod import;
mod invite;
mod media;
mod mesh;
mod neighbour;
pub mod out;
mod passphrase;
mod read;
mod relay;
mod run;
mod scrub;
mod search;
mod secret;
mod send;
mod show;
mod sim;
mod status;
pub mod time;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use client::Client;
use failure::Failure;
use out::Out;

macro_rules! commands {
    ($($(#[doc = $doc:literal])+ $name:ident($module:ident);)+) => {
        /// What to do.
        #[derive(Debug, Subcommand)]
        enum Command { $($(#[doc = $doc])+ $name($module::Args)),+ }

        impl Command {
            fn run(self, context: &mut Context) -> Result<(), Failure> {
                match self { $(Self::$name(args) => args.run(context)),+ }
            }
        }
    };
}

commands! {
    /// Start this data directory's node (what `tidings` alone does)
    Run(run);
    /// Who am I: account, name, addresses, recovery phrase
    Id(id);
    /// Connections, mailboxes, messages on their way, rooms
    Status(status);
    /// What is wrong and how to mend it; every setting and where it came from
    Doctor(doctor);
    /// Make a link with which a friend reaches you
    Invite(invite);
    /// Meet people: add, accept, decline, block, verify
    Contact(contact);
    /// Ask a friend's node to hold your messages while you are away
    Neighbour(neighbour);
    /// Use a community's relay, or invite people to yours
    Relay(relay);
    /// Send a message
    Send(send);
    /// Read a conversation
    Read(read);
    /// Fetch, save and open the files of messages
    Media(media);
    /// Find messages by their words
    Search(search);
    /// Write everything into one sealed archive
    Export(export);
    /// Fill a new data directory from an archive
    Import(import);
    /// Look at and change settings
    Config(config);
    /// Protect this data directory with a passphrase
    Passphrase(passphrase);
    /// Read and check everything that is stored
    Scrub(scrub);
    /// A whole mesh of real nodes in one process, to try things
    Mesh(mesh);
    /// Measure how fast this machine is
    Bench(bench);
    /// Hunt in a simulated world for what loses messages
    Sim(sim);
}

/// Messages between people, with no company in the middle.
///
/// Without a command it starts your node. The other commands speak to the node that runs on this data directory.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong use, 3 no node is running.";

/// What every command takes.
#[derive(Clone, Debug, Args)]
struct Global {
    /// The data directory [default: the platform's]
    #[arg(long, global = true, value_name = "DIR", env = "TIDINGS_DATA")]
    data: Option<PathBuf>,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
    /// How long to wait for what the command says it does
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// A file with the passphrase of the data directory (or TIDINGS_PASSPHRASE)
    #[arg(long, global = true, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// What a command works with.
pub(crate) struct Context {
    /// The data directory.
    pub(crate) data: PathBuf,
    /// Whether it was named, so that advice has to name it too.
    pub(crate) is_data_named: bool,
    /// Where its words go.
    pub(crate) out: Out,
    /// How long it may wait.
    pub(crate) timeout: Duration,
    /// Where the passphrase is.
    pub(crate) passphrase_file: Option<PathBuf>,
}

impl Context {
    /// The node that runs on the data directory.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Client::open(&self.data, self.timeout)
    }

    /// A command as the person would have to type it here.
    pub(crate) fn command(&self, words: &str) -> String {
        if self.is_data_named { format!("tidings --data {} {words}", self.data.display()) } else { format!("tidings {words}") }
    }
}

/// The whole program: arguments to exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(failure::USAGE));
        }
    };
    let command = cli.command.unwrap_or(Command::Run(run::Args::default()));
    let run = || {
        let is_data_named = cli.global.data.is_some();
        let data = cli.global.data.map_or_else(default_data, Ok)?;
        let mut context = Context {
            data,
            is_data_named,
            out: Out::new(cli.global.json),
            timeout: Duration::from_secs(cli.global.timeout),
            passphrase_file: cli.global.passphrase_file,
        };
        command.run(&mut context)
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn default_data() -> Result<PathBuf, Failure> {
    let dirs = directories::ProjectDirs::from("", "", "tidings");
    dirs.map(|dirs| dirs.data_dir().to_path_buf())
        .ok_or_else(|| Failure::usage("this user has no home directory: say with --data where the messages shall lie"))
}
