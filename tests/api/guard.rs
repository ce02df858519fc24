//! Who may ask.

use axum::http::HeaderMap;
use tidings::api::{is_loopback_host, is_token};

fn with(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, value.parse().unwrap());
    headers
}

#[test]
fn a_web_page_cannot_reach_the_node_by_a_name_of_its_own() {
    for ours in ["127.0.0.1", "127.0.0.1:7070", "localhost:7070", "LOCALHOST", "[::1]:7070", "[::1]", "127.8.0.1:1"] {
        assert!(is_loopback_host(&with("host", ours)), "{ours}");
    }
    for foreign in [
        "evil.example",
        "evil.example:7070",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "192.168.1.5:7070",
        "[fe80::1]:80",
        "",
        ":7070",
    ] {
        assert!(!is_loopback_host(&with("host", foreign)), "{foreign}");
    }
    assert!(!is_loopback_host(&HeaderMap::new()));
}

#[test]
fn only_the_whole_token_opens() {
    let token = blake3::hash(b"0123abcd");
    assert!(is_token(&with("authorization", "Bearer 0123abcd"), &token));
    assert!(is_token(&with("authorization", "bearer 0123abcd"), &token));
    for wrong in ["Bearer 0123abc", "Bearer 0123abcde", "Bearer", "Bearer ", "Basic 0123abcd", "0123abcd", "Bearer 0123ABCD"] {
        assert!(!is_token(&with("authorization", wrong), &token), "{wrong}");
    }
    assert!(!is_token(&HeaderMap::new(), &token));
}
