//! How commands speak to the running node: over its HTTP interface, with the token that it left in the data directory.

use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::{Response, StatusCode};

use super::failure::Failure;
use crate::api::body::{Event, Failure as Refusal};
use crate::api::{Access, read_access};

/// The running node of a data directory.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Agent,
    access: Access,
    data: PathBuf,
    timeout: Duration,
}

impl Client {
    /// Finds the node; does not speak to it yet.
    pub(super) fn open(data: &Path, timeout: Duration) -> Result<Self, Failure> {
        let foreign =
            |error| Failure::failed(format!("{} cannot be read ({error}): it is another user's, choose yours with --data", data.display()));
        let access = read_access(data).map_err(foreign)?.ok_or_else(|| Failure::NoNode(data.to_path_buf()))?;
        // No proxy stands between a person and their own machine.
        let config = Agent::config_builder().http_status_as_error(false).proxy(None).timeout_connect(Some(CONNECT_TIME)).build();
        Ok(Self { agent: config.new_agent(), access, data: data.to_path_buf(), timeout })
    }

    /// How long a request may take besides what the node itself waits for.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The same node, with more patience.
    #[must_use]
    pub(crate) fn patient(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Reads something.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let request = self.agent.get(self.url(path)).header("authorization", self.bearer());
        let response = request.config().timeout_global(Some(self.timeout)).build().call();
        self.answer(response)
    }

    /// Has something done.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let request = self.agent.post(self.url(path)).header("authorization", self.bearer());
        let response = request.config().timeout_global(Some(self.timeout)).build().send_json(body);
        self.answer(response)
    }

    /// Has something done that needs no answer.
    pub(crate) fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), Failure> {
        let request = self.agent.post(self.url(path)).header("authorization", self.bearer());
        let response = self.check(request.config().timeout_global(Some(self.timeout)).build().send_json(body))?;
        drop(response);
        Ok(())
    }

    /// Sends a file, which takes as long as it takes.
    pub(crate) fn upload<T: DeserializeOwned>(&self, path: &str, mut file: impl Read) -> Result<T, Failure> {
        let request = self.agent.post(self.url(path)).header("authorization", self.bearer());
        let request = request.header("content-type", "application/octet-stream");
        let response = request.config().timeout_global(None).build().send(ureq::SendBody::from_reader(&mut file));
        self.answer(response)
    }

    /// Reads a file, which takes as long as it takes.
    pub(crate) fn download(&self, path: &str) -> Result<impl Read + use<>, Failure> {
        let request = self.agent.get(self.url(path)).header("authorization", self.bearer());
        let response = self.check(request.config().timeout_global(None).build().call())?;
        Ok(response.into_body().into_with_config().limit(u64::MAX).reader())
    }

    /// Has something removed.
    pub(crate) fn delete(&self, path: &str) -> Result<(), Failure> {
        let request = self.agent.delete(self.url(path)).header("authorization", self.bearer());
        let response = self.check(request.config().timeout_global(Some(self.timeout)).build().call())?;
        drop(response);
        Ok(())
    }

    /// Hints that something changed, until the node stops.
    pub(crate) fn events(&self) -> Result<impl Iterator<Item = Event> + use<>, Failure> {
        let request = self.agent.get(self.url("/api/v1/events")).header("authorization", self.bearer());
        let response = self.check(request.config().timeout_recv_response(Some(self.timeout)).build().call())?;
        let lines = BufReader::new(response.into_body().into_reader()).lines().map_while(Result::ok);
        Ok(lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim_start()).ok()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.access.url)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.access.token)
    }

    fn answer<T: DeserializeOwned>(&self, response: Result<Response<ureq::Body>, ureq::Error>) -> Result<T, Failure> {
        let response = self.check(response)?;
        let text = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_to_string().map_err(|error| self.broken(error))?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::failed(format!("the node answered in a way that this program does not know ({error}): use the same release for both"))
        })
    }

    fn check(&self, response: Result<Response<ureq::Body>, ureq::Error>) -> Result<Response<ureq::Body>, Failure> {
        let mut response = response.map_err(|error| self.broken(error))?;
        match response.status() {
            status if status.is_success() => Ok(response),
            // Some other program has the port that a node had before it was killed.
            StatusCode::UNAUTHORIZED => Err(Failure::NoNode(self.data.clone())),
            status => match response.body_mut().read_json::<Refusal>() {
                Ok(refusal) => Err(Failure::failed(refusal.error)),
                Err(_) => Err(Failure::failed(format!("the node answered with {status}: use the same release for both"))),
            },
        }
    }

    fn broken(&self, error: ureq::Error) -> Failure {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect) | ureq::Error::ConnectionFailed => Failure::NoNode(self.data.clone()),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => Failure::NoNode(self.data.clone()),
            ureq::Error::Timeout(_) => Failure::failed(format!(
                "the node did not answer within {} s: try again with a longer --timeout, or look at its log",
                self.timeout.as_secs()
            )),
            error => Failure::failed(format!("the connection to the node broke ({error}): look whether it still runs, then try again")),
        }
    }
}

/// One part of an address, with everything but plain characters encoded.
pub(crate) fn segment(text: &str) -> String {
    let byte = |byte: u8| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
        if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}

/// A node on this machine takes a connection at once.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Far more than a thousand of the longest messages.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
