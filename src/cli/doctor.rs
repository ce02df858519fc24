//! `tidings doctor`: what is wrong, and how to mend it. Works without a running node too.

use super::Context;
use super::failure::Failure;
use super::out::escape_line;
use crate::api::body::{Check, Diagnosis};
use crate::config::{Config, Explained, Layer};

/// What is wrong, and how to mend it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let diagnosis = match context.client().and_then(|client| client.get::<Diagnosis>("/api/v1/doctor")) {
            Err(Failure::NoNode(_)) => without_node(context)?,
            other => other?,
        };
        if context.out.is_json() {
            context.out.object(&diagnosis)?;
        } else {
            context.out.text(&report(&diagnosis))?;
        }
        if diagnosis.checks.iter().any(|check| check.name == "node") {
            return Err(Failure::NoNode(context.data.clone()));
        }
        Ok(())
    }
}

fn without_node(context: &Context) -> Result<Diagnosis, Failure> {
    let (_, config) = Config::load(&context.data, &|name| std::env::var(name).ok(), &Layer::default())?;
    let found = "no node is running on this data directory, so only its settings were looked at";
    let check = Check {
        name: "node".to_owned(),
        ok: false,
        found: found.to_owned(),
        advice: format!("start it with `{}`", context.command("run")),
        code: "node-stopped".to_owned(),
        count: 0,
    };
    Ok(Diagnosis { healthy: false, checks: vec![check], config })
}

fn report(diagnosis: &Diagnosis) -> String {
    let mut lines = vec![if diagnosis.healthy { "All is well." } else { "Some things could be better:" }.to_owned(), String::new()];
    for check in &diagnosis.checks {
        lines.push(format!("{}  {:<10} {}", if check.ok { "ok" } else { " !" }, check.name, escape_line(&check.found)));
        if !check.advice.is_empty() {
            lines.push(format!("{:15}→ {}", "", escape_line(&check.advice)));
        }
    }
    lines.extend([String::new(), "Settings:".to_owned(), settings(&diagnosis.config)]);
    lines.join("\n")
}

/// Every setting in columns.
pub(super) fn settings(config: &[Explained]) -> String {
    let row = |value: &Explained| {
        vec![format!("  {}", value.key), escape_line(&value.shown()), format!("({})", value.source.word()), value.meaning.clone()]
    };
    super::out::align(&config.iter().map(row).collect::<Vec<_>>())
}
