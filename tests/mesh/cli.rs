//! The program as a person has it: what they type, what they are told when it is wrong, and that nothing is lost by it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// What a command did.
struct Done {
    code: i32,
    out: String,
    said: String,
}

impl Done {
    /// It went well; its JSON lines.
    fn lines(&self) -> Vec<Value> {
        assert_eq!(self.code, 0, "{}", self.said);
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// It was refused with this exit code, in one sentence that has these words.
    fn is_refused(&self, code: i32, words: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.said);
        let sentence = self.said.lines().filter(|line| line.starts_with("tidings: ")).collect::<Vec<_>>();
        assert_eq!(sentence.len(), 1, "{}", self.said);
        for word in words {
            assert!(self.said.contains(word), "“{word}” is not in: {}", self.said);
        }
    }
}

fn tidings(data: &Path, words: &[&str], stdin: &str) -> Done {
    let mut command = program(data);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read breaks the pipe, which is fine.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Done {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}

fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.arg("--data").arg(data);
    command
}

/// `run` on loopback, which is expected to end by itself.
fn try_run(data: &Path, words: &[&str]) -> Done {
    let run = ["run", "--json"].iter().chain(words).copied().collect::<Vec<_>>();
    let run = if words.contains(&"--listen") { run } else { [&run[..], &["--listen", "/ip4/127.0.0.1/tcp/0"]].concat() };
    tidings(data, &run, "")
}

/// A person with a running node.
struct Person {
    data: PathBuf,
    child: Child,
    ready: Value,
}

impl Person {
    fn start(data: &Path, words: &[&str]) -> Self {
        let mut command = program(data);
        command.args(["run", "--json", "--ui", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0"]).args(words);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { data: data.to_owned(), child, ready: serde_json::from_str(&line).expect("the node is ready") }
    }

    fn ask(&self, words: &[&str]) -> Done {
        tidings(&self.data, &[words, &["--json"]].concat(), "")
    }

    fn send(&self, to: &str, text: &str) -> String {
        self.ask(&["send", to, text]).lines()[0]["message"].as_str().unwrap().to_owned()
    }

    /// The texts of a room in their order.
    fn texts(&self, room: &str) -> Vec<String> {
        let lines = self.ask(&["read", room, "--limit", "1000"]).lines();
        lines.iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Both have each other, by a link of the other.
    fn meets(&self, other: &Self, name: &str) {
        let link = other.ask(&["invite"]).lines()[0]["link"].as_str().unwrap().to_owned();
        self.ask(&["contact", "add", &link, "--name", name]).lines();
        let accepted = |person: &Self| person.ask(&["contact", "list"]).lines().iter().any(|line| line["state"] == "accepted");
        wait("both to meet", || accepted(self) && accepted(other));
    }

    fn stop(mut self) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "waited for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn alice_is_told_what_is_wrong_with_what_she_types() {
    let temp = TempDir::new().unwrap();
    let alice = Person::start(&temp.path().join("alice"), &["--name", "alice"]);
    let bob = Person::start(&temp.path().join("bob"), &["--name", "bob", "--no-neighbour"]);
    let bobby = Person::start(&temp.path().join("bobby"), &["--name", "bob"]);
    alice.meets(&bob, "bob");
    bob.send("alice", "hello");
    wait("hello", || alice.texts("bob") == ["hello"]);
    let theirs = alice.ask(&["read", "bob"]).lines()[0]["message"].as_str().unwrap().to_owned();
    let own = alice.ask(&["invite"]).lines()[0]["link"].as_str().unwrap().to_owned();

    let long = "x".repeat(tidings::types::limits::TEXT_BYTES_MAX + 1);
    for (words, code, told) in [
        (&["contact", "add", "hello"][..], 1, &["begins with `tidings:`"][..]),
        (&["contact", "add", &own[..own.len() - 2]], 1, &["copy all of it"]),
        (&["contact", "add", &own], 1, &["your own link"]),
        (&["relay", "join", &own], 1, &["begins with `tidings-relay:`"]),
        (&["relay", "leave", "nobody"], 1, &["nobody", "relay list"]),
        (&["neighbour", "ask", "bob", "--timeout", "20"], 1, &["bob", "does not hold", "join a relay"]),
        (&["contact", "block", "nobody"], 1, &["nobody", "contact list"]),
        (&["send", "nobody", "hi"], 1, &["nobody", "contact list"]),
        (&["send", "bob", "  "], 1, &["empty"]),
        (&["send", "bob", &long], 1, &["too long"]),
        (&["send", "bob", "--edit", &theirs, "hi"], 1, &["only its sender"]),
        (&["send", "bob", "--reply", "zz", "hi"], 1, &["no message “zz”"]),
        (&["config", "set", "nope", "1"], 2, &["nope", "config list"]),
        (&["config", "set", "ui", "0.0.0.0:80"], 2, &["loopback"]),
        (&["passphrase", "remove"], 1, &["in use", &alice.child.id().to_string()]),
    ] {
        alice.ask(words).is_refused(code, told);
    }
    try_run(&alice.data, &["--ui", "127.0.0.1:0"]).is_refused(1, &["in use", &alice.child.id().to_string()]);
    assert_eq!(alice.ask(&["frobnicate"]).code, 2);

    // What is wrong among many lines is named; the others go on.
    let some = tidings(&alice.data, &["send", "bob", "--stdin", "--json"], &format!("one\n{long}\n\ntwo\n"));
    assert_eq!((some.code, some.out.lines().count()), (1, 2));
    assert!(some.said.contains("line 2: ") && some.said.contains("1 line was not sent"), "{}", some.said);
    wait("the good lines", || bob.texts("alice") == ["hello", "one", "two"]);

    // A blocked contact is not heard, and unblocked heard again.
    let blocked = tidings(&bob.data, &["contact", "block", "alice"], "");
    assert!(blocked.code == 0 && blocked.out.contains("contact unblock"), "how to undo it: {}", blocked.out);
    bob.ask(&["send", "alice", "hi"]).is_refused(1, &["unblock"]);
    bob.ask(&["contact", "unblock", "alice"]).lines();
    bob.send("alice", "again");
    wait("Bob again", || alice.texts("bob") == ["hello", "one", "two", "again"]);

    alice.meets(&bobby, "bob");
    wait("both Bobs", || alice.ask(&["contact", "list"]).lines().len() == 2);
    alice.ask(&["send", "bob", "which one?"]).is_refused(1, &["bob"]);
    assert!(bobby.texts("alice").is_empty());
}

#[test]
fn a_place_that_cannot_be_used_is_named_and_left_alone() {
    let temp = TempDir::new().unwrap();
    let home = |name: &str| temp.path().join(name);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let no_node = ["no node is running", "run"];
    tidings(&home("nowhere"), &["status"], "").is_refused(3, &no_node);
    tidings(&home("nowhere"), &["scrub"], "").is_refused(1, &["no account"]);
    try_run(&home("one"), &["--ui", "127.0.0.1:0", "--listen", &format!("/ip4/127.0.0.1/tcp/{port}")]).is_refused(1, &["--listen"]);
    try_run(&home("one"), &["--ui", &format!("127.0.0.1:{port}")]).is_refused(1, &["in use", "--ui"]);
    try_run(&home("one"), &["--ui", "0.0.0.0:0"]).is_refused(2, &["loopback"]);

    fs::create_dir(home("letters")).unwrap();
    fs::write(home("letters").join("letter.txt"), "dear").unwrap();
    try_run(&home("letters"), &[]).is_refused(1, &["not from tidings", "--data"]);
    assert_eq!(fs::read_dir(home("letters")).unwrap().filter(|entry| entry.as_ref().unwrap().file_name() != "lock").count(), 1);
    try_run(&home("letters").join("letter.txt"), &[]).is_refused(1, &["not a directory"]);
    try_run(Path::new("/proc/letters"), &[]).is_refused(1, &["cannot be written to", "--data"]);

    let word = |name: &str, text: &str| {
        fs::write(home(name), text).unwrap();
        home(name).display().to_string()
    };
    let (right, wrong) = (word("right", "hunter22\n"), word("wrong", "hunter23\n"));
    Person::start(&home("alice"), &[]).stop();
    let removed = tidings(&home("alice"), &["passphrase", "remove"], "");
    assert!(removed.code == 0 && removed.out.contains("no passphrase"), "{}", removed.out);
    assert_eq!(tidings(&home("alice"), &["passphrase", "set", "--new-passphrase-file", &right], "").code, 0);
    try_run(&home("alice"), &[]).is_refused(1, &["--passphrase-file", "untouched"]);
    try_run(&home("alice"), &["--passphrase-file", &wrong]).is_refused(1, &["not the passphrase", "untouched"]);
    tidings(&home("alice"), &["passphrase", "remove", "--passphrase-file", &wrong], "").is_refused(1, &["not the passphrase"]);
    Person::start(&home("alice"), &["--passphrase-file", &right]).stop();
    tidings(&home("alice"), &["status"], "").is_refused(3, &no_node);
}

#[test]
fn alice_goes_on_with_bob_after_her_database_was_damaged_and_from_an_archive() {
    let temp = TempDir::new().unwrap();
    let home = |name: &str| temp.path().join(name);
    let bob = Person::start(&home("bob"), &["--name", "bob"]);
    let alice = Person::start(&home("alice"), &["--name", "alice"]);
    alice.meets(&bob, "bob");
    bob.send("alice", "before");
    wait("the first text", || alice.texts("bob") == ["before"]);
    let account = alice.ready["account"].clone();
    fs::write(home("secret"), "an archive\n").unwrap();
    let secret = home("secret").display().to_string();
    let archive = home("archive").display().to_string();
    alice.ask(&["export", &archive, "--archive-passphrase-file", &secret]).lines();
    alice.stop();
    bob.send("alice", "after the archive");

    // From the archive, in another place.
    tidings(&home("alice"), &["import", &archive, "--archive-passphrase-file", &secret], "").is_refused(1, &["already holds"]);
    tidings(&home("moved"), &["import", "/proc/none", "--archive-passphrase-file", &secret], "").is_refused(1, &["no file"]);
    assert_eq!(tidings(&home("moved"), &["import", &archive, "--archive-passphrase-file", &secret], "").code, 0);
    let alice = Person::start(&home("moved"), &["--name", "alice"]);
    assert_eq!(alice.ready["account"], account);
    goes_on(&alice, &bob, "moved");
    alice.stop();
    bob.send("alice", "while the disk broke");

    // The database is damaged: what Bob still has comes back.
    let file = home("moved").join("db").join("db");
    let mut bytes = fs::read(&file).unwrap();
    for byte in bytes.iter_mut().step_by(997) {
        *byte ^= 0x55;
    }
    fs::write(&file, bytes).unwrap();
    let scrub = tidings(&home("moved"), &["scrub", "--json"], "");
    assert!(scrub.code == 0 && scrub.said.contains("damaged"), "{}", scrub.said);
    let alice = Person::start(&home("moved"), &["--name", "alice"]);
    assert_eq!(alice.ready["account"], account);
    goes_on(&alice, &bob, "mended");
    let has_all =
        |texts: &[String]| ["before", "after the archive", "while the disk broke"].iter().all(|text| texts.iter().any(|is| is == text));
    wait("what Bob had for Alice", || has_all(&alice.texts("bob")));
    alice.stop();
    bob.send("alice", "while the key was lost");

    // The file with the keys over the keys of rooms is lost: all that is stored stays, and Bob adds her again.
    fs::remove_file(home("moved").join("keys").join("ring")).unwrap();
    let alice = Person::start(&home("moved"), &["--name", "alice"]);
    let before = alice.texts("bob");
    assert!(has_all(&before), "{before:?}");
    let status = alice.ask(&["status"]).lines();
    assert!(status.iter().any(|line| line["store"]["rooms_lost"] == true), "{status:?}");
    goes_on(&alice, &bob, "without the ring");
    wait("what Bob wrote meanwhile", || alice.texts("bob").iter().any(|text| text == "while the key was lost"));
}

/// Texts arrive both ways.
fn goes_on(alice: &Person, bob: &Person, name: &str) {
    let (here, there) = (format!("{name}: from Alice"), format!("{name}: from Bob"));
    alice.send("bob", &here);
    bob.send("alice", &there);
    wait("texts both ways", || alice.texts("bob").contains(&there) && bob.texts("alice").contains(&here));
}
