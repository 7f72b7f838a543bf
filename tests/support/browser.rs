//! A browser: cookies by the rules of `__Host-`, redirects, forms. It has no scripts.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, SET_COOKIE};
use url::Url;

use super::idp::{TestIdp, TestUser, client};
use super::relying_party::Redirected;
use super::{encode, the};

/// One person's browser. A clone begins with the same cookies and goes its own way.
#[derive(Clone)]
pub(crate) struct Browser {
    issuer: String,
    tls: bool,
    http: reqwest::Client,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Sent with every request, beside the cookies.
    headers: Vec<(String, String)>,
}

/// What came back, at the end of all redirects within the provider.
pub(crate) struct Page<'b> {
    browser: &'b mut Browser,
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
}

impl Browser {
    pub(crate) fn new(idp: &TestIdp) -> Self {
        Self::at(idp.port, idp.certificate.as_deref())
    }

    /// For the provider at this port, which shows this certificate or is reached through a proxy.
    pub(crate) fn at(port: u16, certificate: Option<&[u8]>) -> Self {
        let tls = certificate.is_some();
        let browser = Self {
            issuer: format!("https://localhost:{port}"),
            tls,
            http: client(certificate, port),
            cookies: BTreeMap::new(),
            headers: Vec::new(),
        };
        if tls { browser } else { browser.coming_from("198.51.100.1").with("x-forwarded-proto", "https") }
    }

    /// The same browser with a header in every request.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// At this address, as the proxy in front tells.
    pub(crate) fn coming_from(self, address: &str) -> Self {
        self.with("x-forwarded-for", address)
    }

    /// The value of one of our cookies, by the end of its name.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(&format!("__Host-gantry_{name}")).map(String::as_str)
    }

    /// Opens an address and follows redirects, as far as they stay here.
    pub(crate) async fn open(&mut self, url: impl AsRef<str>) -> Page<'_> {
        let mut url = self.absolute(url.as_ref());
        for _ in 0..10 {
            let (status, headers, html) = self.send(self.http.get(self.reached(&url))).await;
            match local(&headers, &self.issuer) {
                Some(next) => url = next,
                None => return Page { browser: self, url, status, headers, html },
            }
        }
        panic!("redirects without end at {url}")
    }

    /// Posts a form, then follows redirects.
    pub(crate) async fn post(&mut self, url: &str, form: &[(&str, &str)]) -> Page<'_> {
        let url = self.absolute(url);
        let request = self.http.post(self.reached(&url)).body(encode(form));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let (status, headers, html) = self.send(request).await;
        match local(&headers, &self.issuer) {
            Some(next) => self.open(next).await,
            None => Page { browser: self, url, status, headers, html },
        }
    }

    async fn send(&mut self, mut request: reqwest::RequestBuilder) -> (u16, HeaderMap, String) {
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for line in headers.get_all(SET_COOKIE) {
            self.keep(line.to_str().expect("text"));
        }
        (status, headers, response.text().await.expect("text"))
    }

    /// RFC 6265bis section 4.1.3.2: a browser takes `__Host-` cookies only like this.
    fn keep(&mut self, line: &str) {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie");
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let has = |wanted: &str| attributes.iter().any(|attribute| attribute == wanted);
        assert!(name.starts_with("__Host-") && has("secure") && has("path=/") && has("httponly"), "{line}");
        assert!(
            has("samesite=lax") && !attributes.iter().any(|attribute| attribute.starts_with("domain")),
            "{line}"
        );
        if has("max-age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') { format!("{}{url}", self.issuer) } else { url.to_owned() }
    }

    /// Behind a proxy the way here is plain HTTP.
    fn reached(&self, url: &str) -> String {
        if self.tls { url.to_owned() } else { url.replacen("https://localhost:", "http://localhost:", 1) }
    }
}

/// Where a redirect leads, when it stays at the provider.
fn local(headers: &HeaderMap, issuer: &str) -> Option<String> {
    let location = headers.get("location")?.to_str().ok()?;
    location.starts_with(&format!("{issuer}/")).then(|| location.to_owned())
}

impl<'b> Page<'b> {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The cookies of the browser that shows it.
    pub(crate) fn cookies(&self) -> BTreeMap<String, String> {
        self.browser.cookies.clone()
    }

    /// The form's `data-step`.
    pub(crate) fn step(&self) -> Option<String> {
        attribute(self.form()?, "data-step")
    }

    /// The value of a field of the form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let fields = self.fields();
        the(&fields, name).map(str::to_owned)
    }

    /// The form's fields as they stand on the page.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let inputs = self.form().unwrap_or_default().split("<input").skip(1);
        inputs
            .filter_map(|input| {
                Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
            })
            .collect()
    }

    /// Where the form is posted to.
    pub(crate) fn action(&self) -> String {
        self.form().and_then(|form| attribute(form, "action")).expect("a form")
    }

    fn form(&self) -> Option<&str> {
        let form = &self.html[self.html.find("<form")?..];
        Some(&form[..form.find("</form>")?])
    }

    /// The error code that an error page shows.
    pub(crate) fn error(&self) -> Option<String> {
        attribute(&self.html, "data-error")
    }

    /// Posts the form with the given fields in place of those on the page.
    pub(crate) async fn submit(self, changed: &[(&str, &str)]) -> Page<'b> {
        let (fields, action) = (self.fields(), self.action());
        let mut form: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        form.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        form.extend(changed);
        self.browser.post(&action, &form).await
    }

    pub(crate) async fn submit_password(self, user: &TestUser) -> Page<'b> {
        let page = self.expect_step("password");
        page.submit(&[("username", &user.username), ("password", &user.password), ("action", "continue")])
            .await
    }

    /// Presses a button.
    pub(crate) async fn press(self, action: &str) -> Page<'b> {
        self.submit(&[("action", action)]).await
    }

    #[track_caller]
    pub(crate) fn expect_step(self, step: &str) -> Self {
        assert_eq!(self.step().as_deref(), Some(step), "{} {}\n{}", self.status, self.url, self.html);
        self
    }

    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.url, self.html);
        self
    }

    /// An error page of ours: no way out of here, nothing but text (RFC 9700 section 4.11.2).
    #[track_caller]
    pub(crate) fn expect_error_page(self, status: u16) -> Self {
        let page = self.expect_status(status);
        assert_eq!(page.header("location"), "");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(attribute(&page.html, "data-status"), Some(status.to_string()));
        page
    }

    /// The answer that goes to the client, by redirect or by form.
    #[track_caller]
    pub(crate) fn expect_answer(self) -> Redirected {
        if self.step().as_deref() == Some("form_post") {
            return Redirected { uri: self.action(), pairs: self.fields() };
        }
        let location = self.header("location");
        assert_eq!(self.status, 303, "{}\n{}", self.url, self.html);
        let mut uri = Url::parse(location).expect(location);
        let mut pairs: Vec<_> = uri.query_pairs().into_owned().collect();
        uri.set_query(None);
        if let Some(fragment) = uri.fragment() {
            // Both at once would be two answers.
            assert!(!pairs.iter().any(|(name, _)| name == "state" || name == "error"), "{location}");
            pairs.extend(url::form_urlencoded::parse(fragment.as_bytes()).into_owned());
        }
        uri.set_fragment(None);
        Redirected { uri: uri.into(), pairs }
    }

    /// The code in the answer.
    #[track_caller]
    pub(crate) fn expect_code(self) -> String {
        self.expect_answer().code()
    }

    /// An answer with this error and a description, without a code.
    #[track_caller]
    pub(crate) fn expect_error(self, error: &str) -> Redirected {
        let answer = self.expect_answer();
        assert_eq!(answer.get("error"), Some(error), "{:?}", answer.pairs);
        assert!(answer.get("error_description").is_some_and(|text| !text.is_empty()));
        assert_eq!(answer.get("code"), None);
        answer
    }
}

/// The first `name="…"` in HTML.
pub(crate) fn attribute(html: &str, name: &str) -> Option<String> {
    let (_, rest) = html.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let entities = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    Some(entities.iter().fold(value.to_owned(), |text, (entity, character)| text.replace(entity, character)))
}
