//! A browser without a screen, driven by the few calls of WebDriver (W3C) that people's ways through the pages need.
//!
//! Waiting is always for something to be true, with an end; the browser itself looks, frame by frame.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take before it is taken for broken: a commit of 20,000 payments, unoptimized, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How WebDriver names a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// As Debian calls them.
const CHROMIUM: &str = "chromium";
const CHROMEDRIVER: &str = "chromedriver";

/// Where a program of the machine is.
fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/bin")]);
    folders.map(|folder| folder.join(program)).find(|place| place.is_file())
}

/// A client that shows what was answered, whatever it was, and follows nothing.
pub fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
    config.timeout_global(Some(PATIENCE)).build().into()
}

/// The program that drives browsers; it ends with the value.
pub struct Driver {
    process: Child,
    // Read to the end, so that the driver never writes into a closed pipe.
    _said: BufReader<ChildStdout>,
    address: String,
    agent: ureq::Agent,
    chromium: PathBuf,
}

impl Driver {
    /// Starts it on a free port; nothing where browser or driver are not installed.
    pub fn start() -> Option<Rc<Self>> {
        let [chromium, chromedriver] = [CHROMIUM, CHROMEDRIVER].map(|program| {
            let found = installed(program);
            if found.is_none() {
                println!("skipped: {program} is not installed (scripts/test installs it)");
            }
            found
        });
        let (chromium, chromedriver) = (chromium?, chromedriver?);
        let mut process = Command::new(chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts chromedriver");
        let mut said = BufReader::new(process.stdout.take().expect("a pipe"));
        let port = loop {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).expect("reads"), 0, "chromedriver ended");
            if let Some((_, rest)) = line.split_once("started successfully on port ") {
                break rest.trim_end_matches(['.', '\n']).to_owned();
            }
        };
        let address = format!("http://127.0.0.1:{port}");
        Some(Rc::new(Self { process, _said: said, address, agent: agent(), chromium }))
    }

    /// Asks, and gives what was answered: the value, or the error's name and text.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let address = format!("{}{path}", self.address);
        let answer = match (method, body) {
            ("GET", _) => self.agent.get(&address).call(),
            ("DELETE", _) => self.agent.delete(&address).call(),
            (_, body) => {
                let body = body.map_or_else(|| "{}".to_owned(), Value::to_string);
                self.agent.post(&address).header("content-type", "application/json").send(body)
            }
        };
        let mut answer = answer.map_err(|error| format!("{method} {path}: {error}"))?;
        let reader = answer.body_mut().with_config().limit(64 << 20);
        let text = reader.read_to_string().map_err(|error| format!("{method} {path}: {error}"))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| format!("{method} {path}: {error}: {text}"))?;
        let value = value["value"].clone();
        match value["error"].as_str() {
            None => Ok(value),
            Some(error) => Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default())),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// A browser of its own: nothing is shared with another, cookies least of all.
pub struct Browser {
    driver: Rc<Driver>,
    session: String,
    /// Where the service is: paths are taken from here.
    home: String,
}

impl Browser {
    /// Opens one whose paths begin at `home`.
    pub fn open(driver: &Rc<Driver>, home: &str) -> Self {
        let arguments = [
            "--headless=new",
            // There is no sandbox for root, as tests in a container run.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--hide-scrollbars",
            "--window-size=1280,900",
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": driver.chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": 2_000, "pageLoad": 60_000, "implicit": 0},
        }}});
        let session = driver.ask("POST", "/session", Some(&wanted)).expect("a browser");
        let session = session["sessionId"].as_str().expect("a session").to_owned();
        let (driver, home) = (Rc::clone(driver), home.to_owned());
        Self { driver, session, home }
    }

    fn try_ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        self.driver.ask(method, &format!("/session/{}{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.try_ask(method, path, body).unwrap_or_else(|error| panic!("{error}\non {}", self.page_for_panic()))
    }

    /// Where one is and what one reads there, for whoever reads why a test failed.
    fn page_for_panic(&self) -> String {
        let script = json!({"script": "return location.href + '\\n' + document.body.innerText", "args": []});
        let read = self.try_ask("POST", "/execute/sync", Some(&script));
        read.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Goes to a path of the service.
    pub fn go(&self, path: &str) {
        self.ask("POST", "/url", Some(&json!({"url": format!("{}{path}", self.home)})));
    }

    /// Where one is, from the root of the service.
    pub fn path(&self) -> String {
        let address = self.ask("GET", "/url", None);
        let address = address.as_str().unwrap_or_default();
        address.strip_prefix(&self.home).unwrap_or(address).to_owned()
    }

    /// What a script returns; its arguments are `arguments[0]` and so on.
    pub fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.ask("POST", "/execute/sync", Some(&json!({"script": script, "args": arguments})))
    }

    /// What a promise comes to.
    pub fn run_async(&self, script: &str, arguments: &[Value]) -> Value {
        let body = format!("const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then(done);");
        self.ask("POST", "/execute/async", Some(&json!({"script": body, "args": arguments})))
    }

    /// What one reads on the page.
    pub fn text(&self) -> String {
        self.run("return document.body.innerText", &[]).as_str().unwrap_or_default().to_owned()
    }

    /// The text of what a selector finds first; empty where it finds nothing.
    pub fn text_of(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.innerText ?? ''";
        self.run(script, &[json!(selector)]).as_str().unwrap_or_default().trim().to_owned()
    }

    /// How many things a selector finds.
    pub fn count(&self, selector: &str) -> i64 {
        self.run("return document.querySelectorAll(arguments[0]).length", &[json!(selector)]).as_i64().unwrap_or(0)
    }

    /// Waits until an expression is true on the page, whatever page comes meanwhile.
    pub fn until(&self, expression: &str, arguments: &[Value]) {
        let script = format!(
            "const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1), end = Date.now() + 500;
             const look = () => {{
               let found = false;
               try {{ found = (function () {{ return {expression}; }}).apply(null, given); }} catch {{ }}
               if (found || Date.now() > end) done(Boolean(found)); else setTimeout(look, 20);
             }};
             look();"
        );
        let end = Instant::now() + PATIENCE;
        let body = json!({"script": script, "args": arguments});
        loop {
            // A page that goes away takes its script with it; the next page is asked again.
            if self.try_ask("POST", "/execute/async", Some(&body)) == Ok(json!(true)) {
                return;
            }
            assert!(Instant::now() < end, "never came true: {expression} {arguments:?}\non {}", self.page_for_panic());
        }
    }

    /// Waits until a text is read on the page.
    pub fn expect_text(&self, text: &str) {
        self.until(
            "document.readyState === 'complete' && document.body.innerText.includes(arguments[0])",
            &[json!(text)],
        );
    }

    fn element(&self, selector: &str) -> String {
        let found = self.ask("POST", "/element", Some(&json!({"using": "css selector", "value": selector})));
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// Fills a field of a form by its name, the way a person does.
    pub fn fill(&self, form: &str, name: &str, value: &str) {
        let selector = format!("{form} [name=\"{name}\"]");
        let kind = self.run(
            "const field = document.querySelector(arguments[0]); return field ? field.type : ''",
            &[json!(selector)],
        );
        // A closed list, a day and a box are set: how they are typed depends on the machine's language.
        match kind.as_str().unwrap_or_default() {
            "select-one" | "date" => {
                let script = "const field = document.querySelector(arguments[0]); field.value = arguments[1];
                              field.dispatchEvent(new Event('change', {bubbles: true})); return field.value";
                let set = self.run(script, &[json!(selector), json!(value)]);
                assert_eq!(set, json!(value), "{selector} takes no {value}");
            }
            "checkbox" => {
                if self.run("return document.querySelector(arguments[0]).checked", &[json!(selector)]) == json!(false) {
                    self.ask("POST", &format!("/element/{}/click", self.element(&selector)), None);
                }
            }
            "file" => {
                let element = self.element(&selector);
                self.ask("POST", &format!("/element/{element}/value"), Some(&json!({"text": value})));
            }
            _ => {
                let element = self.element(&selector);
                self.ask("POST", &format!("/element/{element}/clear"), None);
                self.ask("POST", &format!("/element/{element}/value"), Some(&json!({"text": value})));
            }
        }
    }

    /// Clicks what a selector finds first.
    pub fn click(&self, selector: &str) {
        self.ask("POST", &format!("/element/{}/click", self.element(selector)), None);
    }

    /// Clicks what leads to another page, and waits for that page.
    pub fn press(&self, selector: &str) {
        self.run("window.isOld = true", &[]);
        self.click(selector);
        self.until("!window.isOld && document.readyState === 'complete'", &[]);
    }

    /// The bytes that a link of this page leads to, and the name they are kept under.
    pub fn download(&self, path: &str) -> (String, Vec<u8>) {
        let script = "const answer = await fetch(arguments[0]);
                      const bytes = new Uint8Array(await answer.arrayBuffer());
                      let hex = ''; for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
                      return [answer.status, answer.headers.get('content-disposition') ?? '', hex];";
        let answer = self.run_async(script, &[json!(path)]);
        assert_eq!(answer[0], 200, "{path}");
        let name = answer[1].as_str().unwrap_or_default().rsplit("''").next().unwrap_or_default().to_owned();
        (unescape(&name), unhex(answer[2].as_str().unwrap_or_default()))
    }

    /// The value of a cookie of this browser.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let found = self.try_ask("GET", &format!("/cookie/{name}"), None).ok()?;
        found["value"].as_str().map(str::to_owned)
    }

    /// What the console of the browser has said of faults: scripts that broke, things that were not loaded. An answer that
    /// refuses a form is none.
    pub fn console(&self) -> Vec<String> {
        let lines = self.ask("POST", "/se/log", Some(&json!({"type": "browser"})));
        let lines = lines.as_array().map(Vec::as_slice).unwrap_or_default().iter();
        lines
            .filter(|line| line["level"] == "SEVERE")
            .filter_map(|line| line["message"].as_str())
            .filter(|message| !message.contains("status of 422"))
            .map(str::to_owned)
            .collect()
    }

    /// Gives the browser a cookie of the service, as an earlier browser was given it.
    #[allow(dead_code, reason = "for pictures")]
    pub fn keep_cookie(&self, name: &str, value: &str) {
        self.command(
            "Network.setCookie",
            json!({"url": self.home, "name": name, "value": value, "path": "/", "secure": true}),
        );
    }

    /// Makes the window as wide and high as a desk's or a telephone's, light or dark, or as paper.
    #[allow(dead_code, reason = "for pictures")]
    pub fn look_as(&self, (width, height): (i64, i64), is_dark: bool, is_printed: bool) {
        self.command(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
        );
        let scheme = if is_dark { "dark" } else { "light" };
        self.command(
            "Emulation.setEmulatedMedia",
            json!({
                "media": if is_printed { "print" } else { "" },
                "features": [{"name": "prefers-color-scheme", "value": scheme}],
            }),
        );
    }

    /// A command of the browser's own protocol.
    #[allow(dead_code, reason = "for pictures")]
    fn command(&self, name: &str, values: Value) -> Value {
        self.ask("POST", "/goog/cdp/execute", Some(&json!({"cmd": name, "params": values})))
    }

    /// The page as a picture (PNG, base 64), as long as it is, up to a height.
    #[allow(dead_code, reason = "for pictures")]
    pub fn picture(&self, width: i64, height_max: i64) -> String {
        let height = self.run("return document.documentElement.scrollHeight", &[]).as_i64().unwrap_or(height_max);
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height.min(height_max), "scale": 1});
        let wanted = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        self.command("Page.captureScreenshot", wanted)["data"].as_str().unwrap_or_default().to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _closed = self.try_ask("DELETE", "", None);
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn unescape(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        match (*first, after) {
            (b'%', [high, low, tail @ ..]) => {
                bytes.extend(unhex(&String::from_utf8_lossy(&[*high, *low])));
                rest = tail;
            }
            (byte, tail) => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
