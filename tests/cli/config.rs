//! Settings and where they come from.

use std::fs;

use tempfile::TempDir;
use tidings::config::{Config, ConfigError, Explained, FILE, KEYS, Layer, Source, edit};

fn none(_: &str) -> Option<String> {
    None
}

fn source(explained: &[Explained], key: &str) -> Source {
    explained.iter().find(|value| value.key == key).unwrap().source
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let data = TempDir::new().unwrap();
    fs::write(data.path().join(FILE), "name = \"file\"\nrelay_inbox_mb = 1\nneighbour_inbox_mb = 2\n").unwrap();
    let env = |name: &str| match name {
        "TIDINGS_NAME" => Some("environment".to_owned()),
        "TIDINGS_RELAY_INBOX_MB" => Some("3".to_owned()),
        "TIDINGS_LISTEN" => Some("/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/udp/1/quic-v1".to_owned()),
        _ => None,
    };
    let flags = Layer { name: Some("flag".to_owned()), ..Layer::default() };
    let (config, explained) = Config::load(data.path(), &env, &flags).unwrap();
    assert_eq!((config.name.as_str(), config.relay_inbox_mb, config.neighbour_inbox_mb, config.neighbour), ("flag", 3, 2, true));
    assert_eq!(config.listen.len(), 2);
    let sources = ["name", "relay_inbox_mb", "neighbour_inbox_mb", "neighbour"].map(|key| source(&explained, key));
    assert_eq!(sources, [Source::Flag, Source::Environment, Source::File, Source::Default]);
    assert_eq!(explained.len(), KEYS.len());
    assert!(explained.iter().all(|value| !value.meaning.is_empty()));
    assert_eq!(config.settings().relay_inbox_bytes, 3 << 20);
}

#[test]
fn the_name_is_the_login_name_unless_that_says_nothing() {
    let data = TempDir::new().unwrap();
    let name = |user: &'static str| {
        Config::load(data.path(), &move |name| (name == "USER").then(|| user.to_owned()), &Layer::default()).unwrap().0.name
    };
    assert_eq!((name("alice").as_str(), name("root").as_str()), ("alice", "someone"));
    assert_eq!(Config::load(data.path(), &none, &Layer::default()).unwrap().0.name, "someone");
}

#[test]
fn what_cannot_be_used_is_named() {
    let data = TempDir::new().unwrap();
    for (file, named) in [
        ("nmae = \"x\"\n", "nmae"),
        ("relay = 3\n", "boolean"),
        ("ui = \"0.0.0.0:80\"\n", "loopback"),
        ("listen = [\"localhost\"]\n", "not an address"),
        ("neighbour_inbox_mb = 0\n", "megabytes"),
        ("log = \"loud\"\n", "debug"),
        ("name = \n", "config.toml"),
    ] {
        fs::write(data.path().join(FILE), file).unwrap();
        let error = Config::load(data.path(), &none, &Layer::default()).unwrap_err();
        assert!(matches!(error, ConfigError::File { .. }), "{file}");
        let sentence = error.to_string();
        assert!(sentence.contains(named) && !sentence.contains('\n'), "{file}: {sentence}");
    }
    fs::remove_file(data.path().join(FILE)).unwrap();
    for (key, value) in
        [("TIDINGS_RELAY", "perhaps"), ("TIDINGS_UI", "192.168.0.1:0"), ("TIDINGS_LISTEN", "here"), ("TIDINGS_NAME", "a\u{7}b")]
    {
        let error = Config::load(data.path(), &|name| (name == key).then(|| value.to_owned()), &Layer::default()).unwrap_err();
        assert!(matches!(error, ConfigError::Value { .. }), "{key}: {error}");
    }
}

#[test]
fn changing_one_value_keeps_the_rest_of_the_file() {
    let data = TempDir::new().unwrap();
    let path = data.path().join(FILE);
    edit(data.path(), "neighbour", Some("off")).unwrap();
    fs::write(&path, format!("# mine\n{}listen = [\n  \"/ip4/127.0.0.1/tcp/1\",\n]\n", fs::read_to_string(&path).unwrap())).unwrap();
    edit(data.path(), "name", Some("Alice \"A\" Baker")).unwrap();
    edit(data.path(), "neighbour", Some("on")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# mine\n"), "{text}");
    let (config, explained) = Config::load(data.path(), &none, &Layer::default()).unwrap();
    assert_eq!((config.name.as_str(), config.neighbour, config.listen.len()), ("Alice \"A\" Baker", true, 1));
    assert_eq!(source(&explained, "neighbour"), Source::File);

    edit(data.path(), "listen", Some("/ip4/0.0.0.0/tcp/4001,/ip4/0.0.0.0/udp/4001/quic-v1")).unwrap();
    edit(data.path(), "neighbour", None).unwrap();
    let (config, explained) = Config::load(data.path(), &none, &Layer::default()).unwrap();
    assert_eq!((config.listen.len(), source(&explained, "neighbour")), (2, Source::Default));

    let before = fs::read_to_string(&path).unwrap();
    assert!(matches!(edit(data.path(), "neighbor", Some("on")), Err(ConfigError::Key { .. })));
    assert!(matches!(edit(data.path(), "ui", Some("example.org:80")), Err(ConfigError::Value { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), before, "what is wrong changes nothing");
}
