//! Pages that mean harm, and messages that do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use serde_json::json;
use tidings::mesh::{Mesh, Result};
use tidings::node::Command;

use super::driver::Browser;
use super::{LAPTOP, PHONE, enter, open, room_of, visit};

/// A page of somebody else on this machine, at another port. The thread ends with the process.
fn foreign_page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(std::result::Result::ok);
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let page = "<!doctype html><title>elsewhere</title>";
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn another_origin_and_a_rebinding_name_get_nothing() -> Result<()> {
    let mesh = Mesh::builder().people(["alice"]).interfaces().start().await?;
    let access = mesh.person("alice").access().unwrap();
    let port = access.url.rsplit(':').next().unwrap().to_owned();
    let browser = Browser::start("en", LAPTOP, &["--host-resolver-rules=MAP evil.example 127.0.0.1"]);
    enter(&browser, &mesh.person("alice"));

    browser.go(&foreign_page());
    let attempt = |path: &str, options: &str| {
        browser.js(&format!("return fetch('{}{path}', {options}).then((answer) => 'got ' + answer.status, () => 'nothing')", access.url))
    };
    for path in ["/", "/app.css", "/api/v1/id", "/api/v1/chats", "/api/v1/openapi.json"] {
        assert_eq!(attempt(path, "{ credentials: 'include' }"), "nothing", "{path}");
    }
    let blind = "{ credentials: 'include', mode: 'no-cors', method: 'POST', body: '{\"name\":\"Mallory\"}' }";
    attempt("/api/v1/name", blind);
    let framed = format!(
        "return new Promise((done) => {{ const frame = document.createElement('iframe'); frame.src = '{}'; frame.onload = () => {{ let seen = 'nothing'; try {{ seen = frame.contentDocument.title || seen; }} catch {{}} done(seen); }}; document.body.append(frame); }})",
        access.url
    );
    assert_eq!(browser.js(&framed), "nothing");
    let script = format!(
        "return new Promise((done) => {{ const one = document.createElement('script'); one.src = '{}/js/dom.js'; one.onload = () => done('got it'); one.onerror = () => done('nothing'); document.head.append(one); }})",
        access.url
    );
    assert_eq!(browser.js(&script), "nothing");

    browser.go(&format!("http://evil.example:{port}/"));
    browser.sees("requests are answered only for 127.0.0.1");
    assert_eq!(browser.js("return fetch('/api/v1/id').then((answer) => answer.status)"), 403);
    enter(&browser, &mesh.person("alice"));
    visit(&browser, "settings/profile");
    browser.finds("#own-name");
    assert_eq!(browser.js("return document.getElementById('own-name').value"), "alice", "nobody else gave her a name");
    mesh.stop().await;
    Ok(())
}

/// What a page must not do, whatever is in it: be pushed aside, or be painted over from elsewhere.
const LAYOUT: &str = "const wide = [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().width > innerWidth + 1).map((one) => one.outerHTML.slice(0, 80));
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT, (node) => (node.data.includes('\\u0301\\u0301') ? 1 : 2)); const loose = [];
    while (walk.nextNode()) { let one = walk.currentNode.parentElement; while (one && getComputedStyle(one).overflowY === 'visible') one = one.parentElement; if (!one || one.matches('.scroll, .log, body, html')) loose.push(walk.currentNode.parentElement.outerHTML.slice(0, 80)); }
    const high = [...document.querySelectorAll('.row, .head')].filter((one) => one.offsetParent && one.getBoundingClientRect().height > 100).map((one) => one.outerHTML.slice(0, 80));
    return [wide, loose, high];";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_text_whatever_is_in_it() -> Result<()> {
    let mesh = Mesh::builder().people(["alice", "bob"]).interfaces().start().await?;
    let (alice, bob) = (mesh.person("alice"), mesh.person("bob"));
    alice.meet(&bob).await?;
    let name = format!("<b>Bob</b>\u{202e}\u{2066}{}x", "\u{301}".repeat(20));
    bob.command(Command::SetName(name.clone())).await?;
    alice.command(Command::ContactRename { account: bob.account(), name }).await?;
    let texts = [
        "<img src=x onerror=\"document.title='stolen'\"><script>document.title='stolen'</script><svg onload=alert(1)>".to_owned(),
        "javascript:alert(1) data:text/html,<b>x</b> https://example.org/\"onmouseover=alert(1)".to_owned(),
        format!("\u{202e}\u{2066}{} over", "\u{202e}".repeat(500)),
        format!("Z{} end", "\u{301}".repeat(8_180)),
        "x".repeat(16_000),
        "\u{fdfd}".repeat(40),
        "https://раураl.example/".to_owned(),
    ];
    for text in &texts {
        bob.send(&alice, text).await?;
    }
    bob.send(&alice, "the last word").await?;
    mesh.settle().await?;
    let browser = open(&alice, "en", PHONE);
    visit(&browser, &room_of(&alice, &bob));
    browser.sees("the last word");
    let made = "return document.querySelectorAll('.log :is(img, script, iframe, object, style), .log svg:not(.icon), dialog').length";
    assert_eq!(browser.js(made), 0, "nothing in a message becomes an element");
    let links = "return [...document.querySelectorAll('.log a')].map((link) => [link.protocol, link.rel])";
    assert_eq!(browser.js(links), json!([["https:", "noopener noreferrer"], ["https:", "noopener noreferrer"]]));
    browser.sees("https://xn--");
    let wide = "return document.documentElement.scrollWidth > innerWidth || [...document.querySelectorAll('.bubble')].some((one) => one.getBoundingClientRect().right > innerWidth)";
    assert_eq!(browser.js(wide), false, "no message is wider than the page");
    let order = "const names = [...document.querySelectorAll('.room-words h1, .foot time')]; return names.every((one) => getComputedStyle(one).direction === 'ltr')";
    assert_eq!(browser.js(order), true, "an override does not reach beyond its message");
    for place in [room_of(&alice, &bob), "chats".to_owned(), "people".to_owned(), format!("person/{}", bob.account())] {
        for size in [PHONE, LAPTOP] {
            browser.look(size, false);
            visit(&browser, &place);
            browser.finds(if place.starts_with("room") {
                "li.message"
            } else if place.starts_with("person") {
                ".hero"
            } else {
                ".row"
            });
            assert_eq!(browser.js(LAYOUT), json!([[], [], []]), "{place} {size:?}");
            let turned = "return [...document.querySelectorAll('p:not(.text), h2, [aria-label]')].filter((one) => !one.closest('.message') && !one.querySelector('bdi') && /[\\u202a-\\u202e]/.test((one.matches('p, h2') ? one.textContent : '') + one.ariaLabel)).length";
            assert_eq!(browser.js(turned), 0, "a name does not turn the sentence around it: {place}");
        }
    }
    visit(&browser, &room_of(&alice, &bob));
    browser.finds("li.message");
    let high = "return Math.max(...[...document.querySelectorAll('.bubble')].map((one) => one.getBoundingClientRect().height))";
    assert!(browser.js(high).as_f64().unwrap() < 3_000.0);
    assert_eq!(browser.js("return document.title").as_str().map(|title| title.contains("stolen")), Some(false));
    mesh.stop().await;
    Ok(())
}
