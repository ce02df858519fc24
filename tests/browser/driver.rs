//! A Chromium without a screen, spoken to as WebDriver (https://www.w3.org/TR/webdriver2/).

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

/// One browser with one page.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    agent: Agent,
    _profile: TempDir,
}

/// How long anything is waited for. Generous: a busy machine is slow, and a right page is quick.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keys that are no letters.
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
pub(crate) const UP: &str = "\u{e013}";
const CONTROL: &str = "\u{e009}";

impl Browser {
    /// Starts one, in a language, at a size. `more` are switches of Chromium.
    pub(crate) fn start(language: &str, size: (u32, u32), more: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = Command::new("chromedriver").arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let driver = driver.unwrap_or_else(|error| panic!("chromedriver does not start ({error}): scripts/browser installs it"));
        let profile = TempDir::new().unwrap();
        let agent: Agent = Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
        let mut browser = Self { driver, session: format!("http://127.0.0.1:{port}"), agent, _profile: profile };
        let deadline = Instant::now() + PATIENCE;
        while browser.ask("GET", "/status", None).is_err() {
            assert!(Instant::now() < deadline, "chromedriver does not answer");
            std::thread::sleep(LOOK_AGAIN);
        }
        let mut args: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            // It ends with chromedriver, however that ends.
            "--remote-debugging-pipe",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            "--autoplay-policy=no-user-gesture-required",
        ]
        .map(str::to_owned)
        .to_vec();
        args.extend(more.iter().map(|more| (*more).to_owned()));
        args.push(format!("--user-data-dir={}", browser._profile.path().display()));
        let options = json!({ "args": args, "prefs": { "intl.accept_languages": language } });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let started = browser.ask("POST", "/session", Some(wanted)).unwrap();
        browser.session = format!("http://127.0.0.1:{port}/session/{}", started["sessionId"].as_str().unwrap());
        browser.look(size, false);
        browser
    }

    /// How large the page is, and whether the system is dark.
    pub(crate) fn look(&self, size: (u32, u32), is_dark: bool) {
        self.show_as(size, is_dark, false);
    }

    /// The same, and whether it is held in a hand: then there is no mouse.
    pub(crate) fn show_as(&self, (width, height): (u32, u32), is_dark: bool, is_held: bool) {
        self.chrome(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_held }),
        );
        self.chrome("Emulation.setTouchEmulationEnabled", json!({ "enabled": is_held }));
        let scheme = if is_dark { "dark" } else { "light" };
        self.chrome("Emulation.setEmulatedMedia", json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }));
    }

    /// Runs a script before those of every page that is opened from here on.
    pub(crate) fn before_all(&self, script: &str) {
        self.chrome("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }));
    }

    /// Opens an address.
    pub(crate) fn go(&self, url: &str) {
        self.tell("/url", json!({ "url": url }));
    }

    /// Loads the page anew.
    pub(crate) fn reload(&self) {
        self.tell("/refresh", json!({}));
    }

    /// Runs a script; what it returns. A promise is waited for.
    pub(crate) fn js(&self, script: &str) -> Value {
        self.tell("/execute/sync", json!({ "script": script, "args": [] }))
    }

    /// Waits until a script gives something true.
    pub(crate) fn until(&self, what: &str, script: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.js(script).as_bool().unwrap_or(false) {
            let shown = || self.js("return document.body.innerText.slice(0, 1500)");
            assert!(Instant::now() < deadline, "waited for {what} and saw: {}\n{:?}", shown(), self.log());
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits until the page shows a text.
    pub(crate) fn sees(&self, text: &str) {
        self.until(text, &format!("return document.body.innerText.includes({})", json!(text)));
    }

    /// Waits until something is there.
    pub(crate) fn finds(&self, selector: &str) {
        self.until(selector, &format!("return Boolean(document.querySelector({}))", json!(selector)));
    }

    /// Presses what a selector finds.
    pub(crate) fn click(&self, selector: &str) {
        self.act_on(selector, "click", json!({}));
    }

    /// Presses the button or link that says this.
    pub(crate) fn press(&self, words: &str) {
        let script = format!(
            "for (const old of document.querySelectorAll('[data-pressed]')) old.removeAttribute('data-pressed');
             const one = [...document.querySelectorAll('button, a')].findLast((one) => one.offsetParent !== null && (one.innerText.trim() === {0} || one.getAttribute('aria-label') === {0} || one.querySelector('strong')?.innerText === {0}));
             one?.setAttribute('data-pressed', ''); return Boolean(one);",
            json!(words)
        );
        self.until(words, &script);
        self.click("[data-pressed]");
    }

    /// Types into what a selector finds, in place of what is there.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.act_on(selector, "clear", json!({}));
        self.act_on(selector, "value", json!({ "text": text }));
    }

    /// Presses what a selector finds, once it can be pressed.
    pub(crate) fn press_in(&self, selector: &str) {
        self.until(selector, &format!("const one = document.querySelector({}); return Boolean(one && !one.disabled)", json!(selector)));
        self.click(selector);
    }

    /// Gives a file to what takes files.
    pub(crate) fn choose(&self, selector: &str, path: &str) {
        self.act_on(selector, "value", json!({ "text": path }));
    }

    /// Types wherever the focus is.
    pub(crate) fn keys(&self, text: &str) {
        let strokes = text.chars().flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]);
        let strokes: Vec<Value> = strokes.collect();
        self.tell("/actions", json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] }));
    }

    /// Lets every page do what it would have to ask for.
    pub(crate) fn allow(&self, permissions: &[&str]) {
        self.chrome("Browser.grantPermissions", json!({ "permissions": permissions }));
    }

    /// Presses the keys that insert what was copied.
    pub(crate) fn paste(&self) {
        self.tell(
            "/actions",
            json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": [
                { "type": "keyDown", "value": CONTROL }, { "type": "keyDown", "value": "v" }, { "type": "keyUp", "value": "v" }, { "type": "keyUp", "value": CONTROL },
            ] }] }),
        );
    }

    /// Drags a file from outside to a place, and lets it go there.
    pub(crate) fn drop_file(&self, path: &str, (x, y): (u32, u32)) {
        for step in ["dragEnter", "dragOver", "drop"] {
            let data = json!({ "items": [], "files": [path], "dragOperationsMask": 1 });
            self.chrome("Input.dispatchDragEvent", json!({ "type": step, "x": x, "y": y, "data": data }));
        }
    }

    /// Holds the mouse down on what a selector finds, moves it aside, and does something before it lets go.
    pub(crate) fn hold(&self, selector: &str, aside: i64, meanwhile: impl FnOnce()) {
        let element = self.element(selector).unwrap();
        let origin = json!({ "element-6066-11e4-a52e-4f735466cecf": element });
        let mouse = |steps: Value| self.tell("/actions", json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": steps }] }));
        mouse(json!([{ "type": "pointerMove", "x": 0, "y": 0, "origin": origin }, { "type": "pointerDown", "button": 0 }]));
        meanwhile();
        mouse(json!([
            { "type": "pointerMove", "x": aside, "y": 0, "origin": "pointer", "duration": 100 },
            { "type": "pointerUp", "button": 0 },
        ]));
    }

    /// What the page said to its console.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = self.tell("/se/log", json!({ "type": "browser" }));
        let lines = log.as_array().into_iter().flatten().filter(|line| line["level"] == "SEVERE");
        lines.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A picture of the page, as PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let picture = self.chrome("Page.captureScreenshot", json!({ "format": "png" }));
        data_encoding::BASE64.decode(picture["data"].as_str().unwrap().as_bytes()).unwrap()
    }

    /// What a selector finds, once it is there. It may be gone again.
    fn element(&self, selector: &str) -> Result<String, String> {
        self.finds(selector);
        let found = self.ask("POST", "/element", Some(json!({ "using": "css selector", "value": selector })))?;
        found.as_object().and_then(|found| found.values().next()?.as_str()).map(str::to_owned).ok_or_else(|| "it is gone".to_owned())
    }

    /// Does something to what a selector finds. A page may draw it anew between finding and doing: then it is found again.
    fn act_on(&self, selector: &str, what: &str, body: Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let done = self.element(selector).and_then(|id| self.ask("POST", &format!("/element/{id}/{what}"), Some(body.clone())));
            let Err(error) = done else { return };
            assert!(Instant::now() < deadline, "{what} {selector}: {error}");
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn chrome(&self, command: &str, params: Value) -> Value {
        self.tell("/goog/cdp/execute", json!({ "cmd": command, "params": params }))
    }

    fn tell(&self, path: &str, body: Value) -> Value {
        self.ask("POST", path, Some(body)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, String> {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.session));
        let request =
            request.header("content-type", "application/json").body(body.map_or_else(String::new, |body| body.to_string())).unwrap();
        let mut answer = self.agent.run(request).map_err(|error| error.to_string())?;
        let text = answer.body_mut().with_config().limit(1 << 26).read_to_string().map_err(|error| error.to_string())?;
        let mut value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if answer.status().is_success() { Ok(value["value"].take()) } else { Err(text) }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.ask("DELETE", "", None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// How long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
