//! `tidings scrub`: reads and checks everything that is stored, of a stopped node or of the running one.

use serde::{Deserialize, Serialize};

use super::Context;
use super::export::{LONG_WORK, progress};
use super::failure::Failure;
use super::out::{count, escape_line};
use super::passphrase::{open_store, open_vault, require_account};
use crate::api::body::Scrub;
use crate::store::{Blobs, DataDir};

/// Read and check everything that is stored.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Serialize, Deserialize)]
struct Nothing {}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        require_account(context)?;
        let online = context.client().and_then(|client| client.patient(LONG_WORK).post::<Scrub>("/api/v1/scrub", &Nothing {}));
        let scrub = match online {
            Err(Failure::NoNode(_)) => offline(context)?,
            other => other?,
        };
        context.out.answer(&scrub, || report(&scrub))?;
        if scrub.troubles > 0 {
            let what = count(scrub.troubles, "row is", "rows are");
            return Err(Failure::failed(format!(
                "{what} in trouble: export what is there, and start the node again, which rebuilds what it can"
            )));
        }
        Ok(())
    }
}

fn offline(context: &Context) -> Result<Scrub, Failure> {
    let dir = DataDir::open(&context.data)?;
    let vault = open_vault(context, &dir)?;
    let store = open_store(&dir, &vault)?;
    let bar = progress("rows checked");
    let report = store.scrub(&mut |done| bar.set_position(done.rows));
    bar.finish_and_clear();
    let mut report = report?;
    let blobs = Blobs::open(&context.data).map_err(|error| Failure::failed(format!("the files of media cannot be read ({error})")))?;
    report.note_bodies(&blobs.scrub(&store));
    store.close()?;
    Ok(Scrub::from(report))
}

fn report(scrub: &Scrub) -> String {
    let mut lines = vec![format!("{} checked, {} in trouble.", count(scrub.rows, "row", "rows"), scrub.troubles)];
    lines.extend(scrub.findings.iter().map(|finding| format!("  {} {}: {}", finding.table, escape_line(&finding.key), finding.trouble)));
    lines.join("\n")
}
