//! `tidings send`: a text, a reply, a reaction, an edit, taking back; or one text for each line of stdin.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::Context;
use super::client::{Client, segment};
use super::failure::Failure;
use super::media::Bar;
use super::out::{count, escape_line, remark, short};
use super::show;
use crate::api::body::{NewMessage, NewTexts, Sent, SentText, SentTexts};
use crate::types::limits::{BLOB_BYTES_MAX, HTTP_BODY_BYTES_MAX, HTTP_TEXTS_MAX, TEXT_BYTES_MAX};

/// Send a message.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Messages are named by their id, as `tidings read` shows it, or the start of it.\nA text that begins with a dash goes after `--`."
)]
pub(crate) struct Args {
    /// A contact's or a room's name or id; `notes` is for yourself
    to: String,
    /// The text
    #[arg(required_unless_present_any = ["stdin", "react", "recall", "file", "voice"])]
    text: Vec<String>,
    /// Send one text for each line of stdin; empty lines are skipped
    #[arg(long, conflicts_with_all = ["text", "reply", "edit", "recall", "react"])]
    stdin: bool,
    /// Send a photo, a video or any file; the text is its caption
    #[arg(long, value_name = "PATH", conflicts_with_all = ["stdin", "edit", "recall", "react", "voice"])]
    file: Option<PathBuf>,
    /// Send a recording as a voice note
    #[arg(long, value_name = "PATH", conflicts_with_all = ["stdin", "edit", "recall", "react"])]
    voice: Option<PathBuf>,
    /// What to say of the file
    #[arg(long, value_name = "TEXT", conflicts_with = "text")]
    caption: Option<String>,
    /// Keep what tells where and with what a photo was taken
    #[arg(long)]
    keep_metadata: bool,
    /// Answer this message
    #[arg(long, value_name = "ID", conflicts_with_all = ["edit", "recall", "react"])]
    reply: Option<String>,
    /// Give your message a new text
    #[arg(long, value_name = "ID", conflicts_with_all = ["recall", "react"])]
    edit: Option<String>,
    /// Take your message back
    #[arg(long, value_name = "ID", conflicts_with_all = ["text", "react"])]
    recall: Option<String>,
    /// React to the message named with --to; an empty one takes it back
    #[arg(long, value_name = "EMOJI", requires = "target", conflicts_with = "text")]
    react: Option<String>,
    /// Which message to react to
    #[arg(long = "to", id = "target", value_name = "ID", requires = "react")]
    target: Option<String>,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let client = context.client()?;
        let path = format!("/api/v1/rooms/{}", segment(&self.to));
        if self.stdin {
            return send_lines(context, &client, &format!("{path}/texts"), &self.to);
        }
        let text = if self.text.is_empty() { None } else { Some(self.text.join(" ")) };
        if let Some(file) = self.file.as_ref().or(self.voice.as_ref()) {
            let is_voice = self.voice.is_some();
            let caption = self.caption.or(text);
            return send_file(context, &client, &path, file, is_voice, self.keep_metadata, caption, self.reply, &self.to);
        }
        if self.caption.is_some() || self.keep_metadata {
            return Err(Failure::usage("--caption and --keep-metadata go with --file or --voice"));
        }
        let new = NewMessage { text, reply: self.reply, edit: self.edit, recall: self.recall, react: self.target, emoji: self.react };
        let sent: Sent = client.post(&format!("{path}/messages"), &new)?;
        context.out.answer(&sent, || line(&sent, &self.to))
    }
}

#[allow(clippy::too_many_arguments)] // What the person said, each thing once.
fn send_file(
    context: &mut Context,
    client: &Client,
    path: &str,
    file: &Path,
    is_voice: bool,
    keep_metadata: bool,
    caption: Option<String>,
    reply: Option<String>,
    to: &str,
) -> Result<(), Failure> {
    let refuse = |error: io::Error| Failure::failed(format!("{} cannot be read ({error})", file.display()));
    let opened = File::open(file).map_err(refuse)?;
    let about = opened.metadata().map_err(refuse)?;
    if !about.is_file() {
        return Err(Failure::failed(format!("{} is no file", file.display())));
    }
    if about.len() > BLOB_BYTES_MAX {
        return Err(Failure::failed(format!("{} is too large: {} is the most", file.display(), super::out::bytes(BLOB_BYTES_MAX))));
    }
    let bar = Bar::new(context, "seal", about.len());
    bar.at(context, 0)?;
    let mut query = format!("name={}&voice={is_voice}&keep_metadata={keep_metadata}", segment(&super::media::name_of(file)?));
    for (key, value) in [("caption", caption), ("reply", reply)] {
        if let Some(value) = value {
            query += &format!("&{key}={}", segment(&value));
        }
    }
    let sent: Sent = client.upload(&format!("{path}/media?{query}"), Shown { file: opened, at: 0, bar: &bar })?;
    bar.end();
    bar.at(context, about.len())?;
    context.out.answer(&sent, || line(&sent, to))
}

/// A file whose reader is shown how far it is.
struct Shown<'a> {
    file: File,
    at: u64,
    bar: &'a Bar,
}

impl io::Read for Shown<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        self.at += count as u64;
        self.bar.show(self.at);
        Ok(count)
    }
}

fn line(sent: &Sent, to: &str) -> String {
    format!("{}  to {}: {}", short(&sent.message), escape_line(to), show::custody(&sent.custody))
}

/// One line of stdin: its number, and its text or what is wrong with it.
type Line = (u64, Result<String, String>);

#[derive(Default)]
struct Tally {
    sent: u64,
    failed: u64,
    empty: u64,
}

fn send_lines(context: &mut Context, client: &Client, path: &str, to: &str) -> Result<(), Failure> {
    let (lines, read) = sync_channel(HTTP_TEXTS_MAX);
    let reader = thread::spawn(move || read_lines(BufReader::new(io::stdin().lock()), &lines));
    let mut tally = Tally::default();
    let mut waiting = None;
    while let Some(batch) = next_batch(&read, &mut waiting, &mut tally) {
        let numbers: Vec<u64> = batch.iter().map(|(number, _)| *number).collect();
        let texts = NewTexts { texts: batch.into_iter().map(|(_, text)| text).collect() };
        let answer: SentTexts = client.post(path, &texts)?;
        for (number, result) in numbers.into_iter().zip(answer.results) {
            match result {
                SentText::Sent(sent) => {
                    tally.sent += 1;
                    context.out.answer(&sent, || line(&sent, to))?;
                }
                SentText::Failed(failure) => tally.complain(number, &failure.error),
            }
        }
    }
    let read = reader.join().map_err(|_| Failure::failed("the lines could not be read"))?;
    if tally.empty > 0 {
        remark(&format!("{} skipped", count(tally.empty, "empty line was", "empty lines were")));
    }
    read.map_err(|error| {
        Failure::failed(format!("stdin cannot be read any further ({error}); {} sent", count(tally.sent, "text was", "texts were")))
    })?;
    if tally.failed > 0 {
        return Err(Failure::failed(format!("{} not sent; the others were", count(tally.failed, "line was", "lines were"))));
    }
    Ok(())
}

impl Tally {
    fn complain(&mut self, number: u64, why: &str) {
        self.failed += 1;
        remark(&format!("line {number}: {why}"));
    }
}

/// The texts that are there, at most as many as one request takes; waits for the first. `None` at the end.
fn next_batch(read: &Receiver<Line>, waiting: &mut Option<(u64, String)>, tally: &mut Tally) -> Option<Vec<(u64, String)>> {
    let mut batch: Vec<(u64, String)> = Vec::new();
    let mut bytes = 0;
    loop {
        let line = match waiting.take() {
            Some((number, text)) => Some((number, Ok(text))),
            None if batch.is_empty() => read.recv().ok(),
            None => read.try_recv().ok(),
        };
        let Some((number, text)) = line else { break };
        match text {
            Ok(text) if text.is_empty() => tally.empty += 1,
            Ok(text) => {
                // Six bytes for one is the most that JSON makes of a text; the request stays under its bound whatever is in it.
                let size = text.len() * 6 + 3;
                if !batch.is_empty() && bytes + size > HTTP_BODY_BYTES_MAX / 2 {
                    *waiting = Some((number, text));
                    break;
                }
                bytes += size;
                batch.push((number, text));
            }
            Err(why) => tally.complain(number, &why),
        }
        if batch.len() == HTTP_TEXTS_MAX {
            break;
        }
    }
    (!batch.is_empty()).then_some(batch)
}

/// Reads lines in bounded memory until the end, or until nobody wants them.
fn read_lines(mut input: impl BufRead, lines: &SyncSender<Line>) -> io::Result<()> {
    let mut number = 0;
    loop {
        let mut bytes = Vec::new();
        let limit = TEXT_BYTES_MAX as u64 + 3;
        if input.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        number += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        } else if bytes.len() as u64 == limit {
            input.skip_until(b'\n')?;
        }
        let line = if bytes.len() > TEXT_BYTES_MAX {
            Err(format!("this text is too long: {TEXT_BYTES_MAX} bytes is the most; send it in parts"))
        } else {
            String::from_utf8(bytes).map_err(|_| "this is not text (UTF-8)".to_owned())
        };
        if lines.send((number, line)).is_err() {
            return Ok(());
        }
    }
}
