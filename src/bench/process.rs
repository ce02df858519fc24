//! Nodes as people run them: each is a process of this same program, spoken to over its HTTP interface, so that its memory is its own.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::Agent;

use super::{BenchError, Result};
use crate::api::body::{Event, Link};
use crate::api::{Access, read_access};

/// A data directory, and the process that runs on it.
pub(super) struct Process {
    name: &'static str,
    data: PathBuf,
    is_relay: bool,
    child: Option<Child>,
    access: Option<Access>,
    agent: Agent,
}

impl Process {
    /// Starts a node on a new directory.
    pub(super) fn start(folder: &Path, name: &'static str, is_relay: bool) -> Result<Self> {
        let config = Agent::config_builder().proxy(None).timeout_global(None).build();
        let mut process = Self { name, data: folder.join(name), is_relay, child: None, access: None, agent: config.new_agent() };
        process.resume()?;
        Ok(process)
    }

    /// Starts it again.
    pub(super) fn resume(&mut self) -> Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("run").arg("--data").arg(&self.data).args(["--name", self.name, "--log", "error", "--json", "--no-neighbour"]);
        command.args(["--listen", "/ip4/127.0.0.1/tcp/0", "--ui", "127.0.0.1:0"]).args(self.is_relay.then_some("--relay"));
        // Settings of whoever runs the bench are not those of its nodes.
        std::env::vars_os()
            .filter(|(key, _)| key.to_string_lossy().starts_with("TIDINGS_"))
            .for_each(|(key, _)| _ = command.env_remove(key));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take();
        self.child = Some(child);
        // It says one line when it is ready, or ends.
        let mut line = String::new();
        if BufReader::new(out.ok_or(BenchError::Late("for a node to start"))?).read_line(&mut line)? == 0 {
            return Err(BenchError::Late("for a node to start"));
        }
        self.access = read_access(&self.data)?;
        Ok(())
    }

    /// Stops it as a person does, and waits for its end.
    pub(super) fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(std::io::Error::from)?;
        }
        child.wait()?;
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.access.as_ref().map_or("", |access| &access.url))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.access.as_ref().map_or("", |access| &access.token))
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let answer = self.agent.get(self.url(path)).header("authorization", self.bearer()).call()?;
        Ok(answer.into_body().read_json()?)
    }

    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let answer = self.agent.post(self.url(path)).header("authorization", self.bearer()).send_json(body)?;
        Ok(answer.into_body().read_json()?)
    }

    /// The same, where nothing is answered.
    pub(super) fn tell(&self, path: &str, body: &impl Serialize) -> Result<()> {
        self.agent.post(self.url(path)).header("authorization", self.bearer()).send_json(body)?;
        Ok(())
    }

    pub(super) fn delete(&self, path: &str) -> Result<()> {
        self.agent.delete(self.url(path)).header("authorization", self.bearer()).call()?;
        Ok(())
    }

    /// Gives it a file.
    pub(super) fn upload<T: DeserializeOwned>(&self, path: &str, file: &Path) -> Result<T> {
        let request = self.agent.post(self.url(path)).header("authorization", self.bearer());
        let request = request.header("content-type", "application/octet-stream");
        let answer = request.send(ureq::SendBody::from_reader(&mut File::open(file)?))?;
        Ok(answer.into_body().read_json()?)
    }

    /// A link of this kind.
    pub(super) fn link(&self, path: &str) -> Result<String> {
        self.post::<Link>(path, &serde_json::json!({})).map(|answer| answer.link)
    }

    /// What happens there from here on, each with the time at which it was heard.
    pub(super) fn events(&self) -> Result<Events> {
        let answer = self.agent.get(self.url("/api/v1/events")).header("authorization", self.bearer()).call()?;
        let (heard, events) = channel();
        let lines = BufReader::new(answer.into_body().into_reader()).lines().map_while(std::result::Result::ok);
        // Ends with the stream, which ends with the node.
        std::thread::spawn(move || {
            let events = lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim_start()).ok());
            let _ = events.map(|event| (Instant::now(), event)).try_for_each(|event| heard.send(event));
        });
        Ok(Events { events })
    }

    /// The most memory it had since it was started, or since the last [`forget_peak`](Self::forget_peak), in bytes; `None` where the system does not say.
    pub(super) fn peak(&self) -> Option<f64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.as_ref()?.id())).ok()?;
        let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()?;
        Some(kib * 1024.0)
    }

    /// Counts the most memory anew.
    pub(super) fn forget_peak(&self) {
        if let Some(child) = &self.child {
            let _ = fs::write(format!("/proc/{}/clear_refs", child.id()), "5");
        }
    }
}

/// A bench that breaks off leaves no node behind.
impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a node says of itself.
pub(super) struct Events {
    events: Receiver<(Instant, Event)>,
}

impl Events {
    /// Looks after each event, and from time to time, until it finds something.
    pub(super) fn until<T>(&self, what: &'static str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            match self.events.recv_timeout(LOOK_EVERY) {
                Ok(_) => while self.events.try_recv().is_ok() {},
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => {}
                Err(_) => return Err(BenchError::Late(what)),
            }
        }
    }

    /// When the first such event was heard.
    pub(super) fn first(&self, what: &'static str, mut is_it: impl FnMut(&Event) -> bool) -> Result<Instant> {
        loop {
            let (at, event) = self.events.recv_timeout(PATIENCE).map_err(|_| BenchError::Late(what))?;
            if is_it(&event) {
                return Ok(at);
            }
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(500);
