//! `tidings mesh`: a whole mesh of real nodes in one process, to try things by hand.

use std::path::PathBuf;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::Context;
use super::failure::Failure;
use super::out::{align, remark};
use crate::mesh::{Mesh, MeshError, Person};

/// A whole mesh of real nodes in this process.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many people
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    people: u16,
    /// How many relays, where each person has a mailbox
    #[arg(long, value_name = "M", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=4))]
    relays: u16,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start: the system gives no threads")
            .map_err(Failure::Failed)?;
        runtime.block_on(self.serve(context))
    }

    async fn serve(self, context: &mut Context) -> Result<(), Failure> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let folder = context.is_data_named.then(|| context.data.clone());
        let mesh = tokio::select! {
            mesh = self.start(folder) => mesh?,
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        };
        let people: Vec<Ready> = mesh.people().iter().map(Ready::new).collect();
        let relays: Vec<Ready> = mesh.relays().iter().map(Ready::new).collect();
        let text = describe(&people, &relays);
        context.out.answer(&Started { event: "ready", people, relays }, || text)?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        mesh.stop().await;
        Ok(())
    }

    async fn start(&self, folder: Option<PathBuf>) -> Result<Mesh, MeshError> {
        let names = (0..usize::from(self.people)).map(name);
        let mut builder = Mesh::builder().people(names).relays(usize::from(self.relays)).interfaces();
        if let Some(folder) = folder {
            builder = builder.data(folder);
        }
        let mesh = builder.start().await?;
        remark(&format!("{} nodes are up; everyone meets everyone", mesh.people().len() + mesh.relays().len()));
        mesh.introduce().await?;
        for person in mesh.people() {
            for relay in mesh.relays() {
                person.join(relay).await?;
            }
        }
        mesh.settle().await?;
        Ok(mesh)
    }
}

/// Short names that are easy to tell apart, then numbered ones.
fn name(number: usize) -> String {
    const NAMES: [&str; 8] = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];
    NAMES.get(number).map_or_else(|| format!("person-{}", number + 1), |name| (*name).to_owned())
}

fn describe(people: &[Ready], relays: &[Ready]) -> String {
    let rows: Vec<Vec<String>> = people
        .iter()
        .chain(relays)
        .map(|ready| vec![format!("  {}", ready.name), ready.link.clone(), ready.data.display().to_string()])
        .collect();
    let mut lines = vec!["The mesh is up. Stop it with Ctrl-C.".to_owned(), String::new(), align(&rows)];
    if let [first, second, ..] = people {
        lines.extend([
            String::new(),
            "In another terminal:".to_owned(),
            format!("  tidings --data {} send {} hello", first.data.display(), second.name),
            format!("  tidings --data {} read {} --follow", second.data.display(), first.name),
        ]);
    }
    lines.join("\n")
}

/// What scripts see once everyone has met.
#[derive(serde::Serialize)]
struct Started {
    event: &'static str,
    people: Vec<Ready>,
    relays: Vec<Ready>,
}

/// One node.
#[derive(serde::Serialize)]
struct Ready {
    name: String,
    account: String,
    peer: String,
    ui: String,
    #[serde(skip)]
    link: String,
    data: PathBuf,
}

impl Ready {
    fn new(person: &Person) -> Self {
        Self {
            name: person.name().to_owned(),
            account: person.account().to_string(),
            peer: person.peer().to_string(),
            ui: person.access().map(|access| access.url).unwrap_or_default(),
            link: person.access().map(|access| access.link()).unwrap_or_default(),
            data: person.data().to_owned(),
        }
    }
}
