//! Who may ask.

use axum::http::HeaderMap;
use tidings::api::{is_loopback_host, is_own_page, is_token};

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

#[test]
fn a_page_of_another_origin_is_told_nothing() {
    let page = |headers: &[(&'static str, &str)], is_first| {
        let mut all = with("host", "127.0.0.1:7070");
        for (name, value) in headers {
            all.insert(*name, value.parse().unwrap());
        }
        is_own_page(&all, is_first)
    };
    assert!(page(&[], false), "a script says nothing of itself");
    assert!(page(&[("origin", "http://127.0.0.1:7070"), ("sec-fetch-site", "same-origin")], false));
    assert!(page(&[("sec-fetch-site", "none")], true), "an address typed in");
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    assert!(page(&link, true), "a link leads to the first file");
    assert!(!page(&link, false), "and to nothing else");
    for origin in ["null", "http://127.0.0.1:7071", "https://127.0.0.1:7070", "http://evil.example", ""] {
        assert!(!page(&[("origin", origin)], true), "{origin}");
    }
    for site in ["cross-site", "same-site"] {
        assert!(!page(&[("sec-fetch-site", site)], true), "{site}");
    }
    let framed = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    assert!(!page(&framed, true));
}
