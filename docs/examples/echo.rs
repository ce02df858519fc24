//! A bot over the HTTP interface: it answers each text with the same text. `cargo run --example echo`
//!
//! By itself it makes two nodes, and shows one talking to the bot of the other. `cargo run --example echo -- DIR` is the bot of
//! the node that runs on the data directory `DIR`, until it is interrupted.
#![allow(clippy::print_stdout)] // An example shows something.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde_json::{Value, json};
use tidings::api::{Access, read_access};
use tidings::mesh::Mesh;

/// A node, spoken to over HTTP.
struct Node(Access);

impl Node {
    fn get(&self, path: &str) -> Result<ureq::Body, Box<dyn Error>> {
        let request = ureq::get(format!("{}/api/v1{path}", self.0.url)).header("authorization", format!("Bearer {}", self.0.token));
        Ok(request.call()?.into_body())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
        let request = ureq::post(format!("{}/api/v1{path}", self.0.url)).header("authorization", format!("Bearer {}", self.0.token));
        Ok(request.send_json(body)?.body_mut().read_json()?)
    }

    /// Answers every text that comes, as often as there are messages to answer.
    fn echo(&self, mut answers: usize, listens: impl FnOnce()) -> Result<(), Box<dyn Error>> {
        let mut listens = Some(listens);
        let mut answered = BTreeSet::new();
        for line in BufReader::new(self.get("/events")?.into_reader()).lines() {
            let line = line?;
            let Some(event) = line.strip_prefix("data:").map(serde_json::from_str::<Value>).transpose()? else { continue };
            if event["event"] == "open" {
                listens.take().into_iter().for_each(|listens| listens());
            }
            let (Some("message"), Some(room), Some(id)) = (event["event"].as_str(), event["room"].as_str(), event["message"].as_str())
            else {
                continue;
            };
            // An event is a hint: what counts is what the node answers. Edits and reactions come as hints too.
            let messages: Value = self.get(&format!("/rooms/{room}/messages?ids={id}"))?.read_json()?;
            let message = &messages[0];
            if message["mine"] != false || message["kind"] != "text" || !answered.insert(id.to_owned()) {
                continue;
            }
            self.post(&format!("/rooms/{room}/read"), &json!({ "messages": [id] }))?;
            self.post(&format!("/rooms/{room}/messages"), &json!({ "text": message["text"], "reply": id }))?;
            answers -= 1;
            if answers == 0 {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Some(data) = std::env::args().nth(1) {
        let access = read_access(Path::new(&data))?.ok_or("no node runs on this data directory")?;
        return Node(access).echo(usize::MAX, || println!("listening"));
    }
    let mesh = Mesh::builder().people(["alice", "bot"]).interfaces().start().await?;
    let (alice, bot) = (mesh.person("alice"), mesh.person("bot"));
    alice.meet(&bot).await?;
    let node = Node(bot.access().ok_or("the bot has an interface")?);
    let (listens, is_listening) = tokio::sync::oneshot::channel();
    let echo = tokio::task::spawn_blocking(move || node.echo(1, || _ = listens.send(())).map_err(|error| error.to_string()));
    // What came before its stream was open is not told again.
    is_listening.await?;
    alice.send(&bot, "is anybody there?").await?;
    echo.await??;
    mesh.settle().await?;
    let texts: Vec<String> = alice.transcript(&bot)?.into_iter().map(|line| line.text).collect();
    println!("{}", texts.join("\n"));
    assert_eq!(texts, ["is anybody there?", "is anybody there?"]);
    mesh.stop().await;
    Ok(())
}
