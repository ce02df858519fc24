//! Alice's node over HTTP.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidings::api::{Access, Api, Options, StartError, read_access};
use tidings::node::{self, Handle, Settings};
use ureq::Agent;

async fn start(data: &Path) -> Handle {
    let settings =
        Settings { name: "alice".to_owned(), relay: false, neighbour: true, relay_inbox_bytes: 1 << 20, neighbour_inbox_bytes: 1 << 20 };
    let listen = vec![tidings::types::Address::new("/ip4/127.0.0.1/tcp/0").unwrap()];
    Handle::start(node::Options { data: data.to_owned(), passphrase: None, entropy: None, listen, announce: vec![], settings })
        .await
        .unwrap()
}

fn options(data: &Path, ui: &str) -> Options {
    Options { data: data.to_owned(), ui: ui.parse().unwrap(), config: Vec::new() }
}

/// One request; status and JSON.
fn ask(access: &Access, method: &str, path: &str, token: &str, host: Option<&str>, body: Option<&str>) -> (u16, Value) {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", access.url))
        .header("authorization", format!("Bearer {token}"));
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let request = request.body(body.unwrap_or_default().to_owned()).unwrap();
    let mut response = agent.run(request).unwrap();
    let text = String::from_utf8_lossy(&response.body_mut().read_to_vec().unwrap()).into_owned();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A browser's session is a cookie that scripts cannot read and a header that only the page can send.
fn a_browser_needs_both_halves(access: &Access) {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
    let begun = agent.post(format!("{}/api/v1/session", access.url)).header("authorization", format!("Bearer {}", access.token));
    let mut begun = begun.send_empty().unwrap();
    let set = begun.headers().get("set-cookie").unwrap().to_str().unwrap().to_owned();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
    let cookie = set.split(';').next().unwrap();
    let page: Value = serde_json::from_str(&begun.body_mut().read_to_string().unwrap()).unwrap();
    let page = page["page"].as_str().unwrap();
    let status = |cookie: &str, page: &str| {
        let request = agent.get(format!("{}/api/v1/id", access.url)).header("cookie", cookie).header("x-tidings-page", page);
        request.call().unwrap().status().as_u16()
    };
    assert_eq!(status(cookie, page), 200);
    assert_eq!(status(cookie, ""), 401);
    assert_eq!(status("", page), 401);
    assert_eq!(status(&cookie.replace('=', "=0"), page), 401);
    let file = agent.get(format!("{}/", access.url)).call().unwrap();
    let policy = file.headers().get("content-security-policy").unwrap().to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let tag = file.headers().get("etag").unwrap().to_str().unwrap().to_owned();
    let again = agent.get(format!("{}/", access.url)).header("if-none-match", tag).call().unwrap();
    assert_eq!(again.status().as_u16(), 304);
}

/// What one node draws, another reads off a camera's picture.
fn a_code_is_read_off_a_picture(access: &Access) {
    let read =
        |width: usize, picture: &str| ask(access, "POST", &format!("/api/v1/qr/read?width={width}"), &access.token, None, Some(picture));
    let link = format!("tidings:{}", "abcdefgh".repeat(60));
    let (_, code) = ask(access, "POST", "/api/v1/qr", &access.token, None, Some(&json!({ "text": link }).to_string()));
    let rows: Vec<&str> = code["rows"].as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
    // Four dots for each square, and a light border.
    let (side, border) = (rows.len() * 4 + 32, "\x7f".repeat(16));
    let line = |row: &str| row.chars().map(|square| if square == '1' { "\x01" } else { "\x7f" }.repeat(4)).collect::<String>();
    let body: String = rows.iter().flat_map(|row| vec![format!("{border}{}{border}", line(row)); 4]).collect();
    let edge = "\x7f".repeat(side * 16);
    assert_eq!(read(side, &format!("{edge}{body}{edge}")), (200, json!({ "text": link })));
    assert_eq!(read(640, &"\x7f".repeat(640 * 480)), (200, json!({})), "nothing is found in nothing");
    for (width, picture) in [(0, "x"), (2, "xxx"), (1, ""), (5_000, "x")] {
        assert_eq!(read(width, picture).0, 400, "{width}");
    }
    assert_eq!(read(1024, &"\x7f".repeat((1 << 20) + 1024)).0, 413);
}

/// What comes unasked is decided and seen; what is cleaned up is what others have.
fn space_is_seen_and_made(access: &Access) {
    let own = |method, path: &str, body: Option<&str>| ask(access, method, path, &access.token, None, body);
    assert_eq!(own("GET", "/api/v1/media/policy", None).1, json!({ "at_once_bytes": 16 << 20, "rooms": [] }));
    assert_eq!(own("POST", "/api/v1/media/policy", Some(r#"{"at_once_bytes":0}"#)).0, 204);
    assert_eq!(own("POST", "/api/v1/media/policy", Some(r#"{"room":"notes","at_once_bytes":7}"#)).0, 204);
    let (_, policies) = own("GET", "/api/v1/media/policy", None);
    assert_eq!((&policies["at_once_bytes"], &policies["rooms"][0]["at_once_bytes"]), (&json!(0), &json!(7)));
    assert_eq!(own("POST", "/api/v1/rooms/notes/media?name=list.txt", Some("tea, bread")).0, 200);
    let (_, storage) = own("GET", "/api/v1/media", None);
    let room = &storage["rooms"][0];
    assert_eq!((&room["name"], &room["bodies"], &room["bytes"]), (&json!("notes"), &json!(1), &storage["bytes"]));
    let cleared = own("DELETE", "/api/v1/rooms/notes/media", None);
    assert_eq!(cleared, (200, json!({ "bodies": 0, "bytes": 0, "kept": 0 })), "nobody else has what is in the notes");
}

/// As many texts as one request may have stand in the order in which they were given.
fn many_texts_keep_their_order(access: &Access) {
    let given: Vec<String> = (0..256).map(|number| format!("line {number}")).collect();
    let body = json!({ "texts": given }).to_string();
    assert_eq!(ask(access, "POST", "/api/v1/rooms/notes/texts", &access.token, None, Some(&body)).0, 200);
    let (_, read) = ask(access, "GET", "/api/v1/rooms/notes/messages?limit=256", &access.token, None, None);
    let read: Vec<&str> = read.as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(read, given);
}

#[test]
fn whoever_has_the_token_acts_for_alice_and_nobody_else() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let temp = TempDir::new().unwrap();
    let data = temp.path().join("alice");
    let handle = runtime.block_on(start(&data));
    let refused = runtime.block_on(Api::start(handle.clone(), options(&data, "0.0.0.0:0")));
    assert!(matches!(refused, Err(StartError::NotLoopback { .. })));
    assert!(read_access(&data).unwrap().is_none());

    let api = runtime.block_on(Api::start(handle.clone(), options(&data, "127.0.0.1:0"))).unwrap();
    let access = read_access(&data).unwrap().unwrap();
    let mode = data.join("api.json").metadata().unwrap().permissions().mode();
    assert_eq!((mode & 0o777, access.token.len()), (0o600, 64));

    let own = |method, path: &str, body: Option<&str>| ask(&access, method, path, &access.token, None, body);
    let (status, id) = own("GET", "/api/v1/id", None);
    assert_eq!((status, id["account"].as_str()), (200, Some(handle.account().to_string().as_str())));
    assert_eq!(ask(&access, "GET", "/api/v1/id", "wrong", None, None).0, 401);
    assert_eq!(ask(&access, "GET", "/api/v1/id", &access.token, Some("evil.example"), None).0, 403);
    assert_eq!(ask(&access, "GET", "/", "", None, None).0, 200);
    assert_eq!(ask(&access, "GET", "/api/v1/openapi.json", "", None, None).1["info"]["title"], "Tidings");

    let error = |method, path: &str, body: Option<&str>| {
        let (status, body) = own(method, path, body);
        (status, body["code"].as_str().unwrap_or_default().to_owned(), body["error"].as_str().is_some_and(|error| !error.is_empty()))
    };
    assert_eq!(error("GET", "/api/v1/nothing", None), (404, "not_found".to_owned(), true));
    assert_eq!(error("GET", "/api/v1/rooms/bob/messages", None), (404, "no_room".to_owned(), true));
    assert_eq!(error("POST", "/api/v1/contacts", Some(r#"{"link":"tidings:xyz"}"#)), (400, "link".to_owned(), true));
    assert_eq!(error("POST", "/api/v1/contacts", Some(r#"{"lnk":1}"#)), (400, "request".to_owned(), true));
    assert_eq!(error("POST", "/api/v1/rooms/notes/messages", Some(r#"{"text":""}"#)), (400, "empty".to_owned(), true));
    assert_eq!(error("POST", "/api/v1/rooms/notes/messages", Some(r#"{"recall":"00"}"#)), (404, "no_message".to_owned(), true));
    let large = json!({ "text": "x".repeat(1 << 20) }).to_string();
    assert_eq!(error("POST", "/api/v1/rooms/notes/messages", Some(&large)), (413, "too_large".to_owned(), true));

    let texts = json!({ "texts": ["one", "", "two"] }).to_string();
    let (status, sent) = own("POST", "/api/v1/rooms/notes/texts", Some(&texts));
    assert_eq!((status, sent["results"][0]["custody"]["state"].as_str()), (200, Some("delivered")));
    assert_eq!(sent["results"][1]["code"], "empty", "one that is refused does not hold up the others");
    let (_, read) = own("GET", "/api/v1/rooms/notes/messages", None);
    let texts: Vec<_> = read.as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["one", "two"]);
    let first = read[0]["message"].as_str().unwrap();
    let (_, around) = own("GET", &format!("/api/v1/rooms/notes/messages?limit=2&around={first}"), None);
    assert_eq!(around.as_array().unwrap().len(), 2);
    assert_eq!(error("GET", &format!("/api/v1/rooms/notes/messages?after={first}&around={first}"), None).1, "request");
    let (_, chats) = own("GET", "/api/v1/chats", None);
    assert_eq!((chats[0]["kind"].as_str(), chats[0]["last"]["text"].as_str()), (Some("notes"), Some("two")));
    assert_eq!(own("GET", &format!("/api/v1/rooms/notes/messages/{first}/custody"), None), (200, json!([])), "notes have nowhere to go");
    let (_, qr) = own("POST", "/api/v1/qr", Some(r#"{"text":"tidings:"}"#));
    assert_eq!(qr["rows"][0].as_str().map(|row| row.starts_with("1111111")), Some(true), "the mark in the corner");
    a_code_is_read_off_a_picture(&access);
    space_is_seen_and_made(&access);
    many_texts_keep_their_order(&access);
    let archive = own("POST", "/api/v1/archive", Some(r#"{"passphrase":"long and secret"}"#));
    assert_eq!(archive.0, 200);
    let left =
        std::fs::read_dir(&data).unwrap().filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("archive"));
    assert_eq!(left.count(), 0, "no copy stays behind");
    a_browser_needs_both_halves(&access);

    runtime.block_on(api.stop());
    assert!(read_access(&data).unwrap().is_none(), "nobody looks for a node that is gone");
    runtime.block_on(handle.stop());
}

#[test]
fn a_copy_is_brought_back_into_a_node_that_is_new_and_into_no_other() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let temp = TempDir::new().unwrap();
    let (old, new) = (temp.path().join("old"), temp.path().join("new"));
    let before = runtime.block_on(start(&old));
    let api = runtime.block_on(Api::start(before.clone(), options(&old, "127.0.0.1:0"))).unwrap();
    let access = api.access().clone();
    ask(&access, "POST", "/api/v1/rooms/notes/messages", &access.token, None, Some(r#"{"text":"do not forget the tea"}"#));
    let code = |answer: (u16, Value)| (answer.0, answer.1["code"].as_str().unwrap_or_default().to_owned());
    let used = ask(&access, "POST", "/api/v1/restore", &access.token, None, Some("anything"));
    assert_eq!(code(used), (409, "not_new".to_owned()), "what somebody wrote is not put aside");
    let agent: Agent = Agent::config_builder().proxy(None).build().new_agent();
    let asked = agent.post(format!("{}/api/v1/archive", access.url)).header("authorization", format!("Bearer {}", access.token));
    let archive = asked.send(r#"{"passphrase":"sea"}"#).unwrap().body_mut().read_to_vec().unwrap();
    let account = before.account();
    runtime.block_on(api.stop());
    runtime.block_on(before.stop());

    let fresh = runtime.block_on(start(&new));
    let api = runtime.block_on(Api::start(fresh.clone(), options(&new, "127.0.0.1:0"))).unwrap();
    let (access, keys) = (api.access().clone(), api.keys());
    let own = |method, path: &str, body: Option<&str>| ask(&access, method, path, &access.token, None, body);
    let open = |words: &str| own("POST", "/api/v1/restore/open", Some(&json!({ "passphrase": words }).to_string()));
    assert_eq!(open("sea").0, 400, "nothing came yet");
    let asked = agent.post(format!("{}/api/v1/restore", access.url)).header("authorization", format!("Bearer {}", access.token));
    let taken: Value = serde_json::from_str(&asked.send(&archive[..]).unwrap().body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!(taken["bytes"], archive.len());
    assert_eq!(code(open("lake")), (400, "archive".to_owned()));
    let (status, restored) = open("sea");
    assert_eq!((status, restored["account"].as_str()), (200, Some(account.to_string().as_str())));
    assert_eq!(own("GET", "/api/v1/restore", None).1["ready"], true);
    assert_eq!(code(open("sea")), (409, "not_new".to_owned()), "once is enough");
    runtime.block_on(api.restored());
    runtime.block_on(api.stop());
    runtime.block_on(fresh.stop());

    let again = runtime.block_on(start(&new));
    let api = runtime.block_on(Api::start_with(again.clone(), options(&new, "127.0.0.1:0"), keys)).unwrap();
    let access = Access { url: api.url().to_owned(), ..access };
    let (_, read) = ask(&access, "GET", "/api/v1/rooms/notes/messages", &access.token, None, None);
    assert_eq!((again.account(), read[0]["text"].as_str()), (account, Some("do not forget the tea")));
    runtime.block_on(api.stop());
    runtime.block_on(again.stop());
}
