//! One-time passwords that a RADIUS server checks: against `FreeRADIUS`, and against hostile peers.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::UdpSocket;

use crate::support::browser::Page;
use crate::support::{Browser, RelyingParty, TestIdp, TestUser};

const APPS: &str = r#"
  vault:
    title: Vault
    redirect_uris: ["https://vault.test/cb"]
    first_party: true
    access: [{ group: everyone, policy: strict }]
"#;

/// Debian's `FreeRADIUS` with one user, who has one password.
struct FreeRadius {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for FreeRadius {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One password is enough.
const PLAIN: &str = "authorize {
  files
  pap
 }
 authenticate {
  Auth-Type PAP {
   pap
  }
 }";
/// The right password is answered with a code and a question for it, as in Debian's `sites-available/challenge`; the
/// server makes the State and knows the code by it.
const ASKING: &str = r#"authorize {
  if (!&State) {
   files
   update control {
    Auth-Type := First
   }
  }
  else {
   update control {
    Auth-Type := Second
    Cleartext-Password := &session-state:Tmp-String-0
   }
  }
 }
 authenticate {
  Auth-Type First {
   pap
   update session-state {
    Tmp-String-0 := "%{randstr:nnnnnn}"
   }
   update reply {
    Reply-Message := "Please type <%{session-state:Tmp-String-0}>"
   }
   update control {
    Response-Packet-Type := Access-Challenge
   }
   handled
  }
  Auth-Type Second {
   pap
  }
 }"#;

impl FreeRadius {
    /// With these sections of the virtual server.
    async fn start(sections: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port =
            UdpSocket::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("address").port();
        let at = folder.path().display();
        let signed = "update reply { \n Message-Authenticator := 0x00 \n }";
        let config = format!(
            "prefix = /usr\nexec_prefix = /usr\nlogdir = {at}\nraddbdir = {at}\nradacctdir = {at}\nname = freeradius\n\
             confdir = {at}\nrun_dir = {at}\ndb_dir = {at}\nlibdir = /usr/lib/freeradius\npidfile = {at}/pid\n\
             security {{\n reject_delay = 0\n allow_vulnerable_openssl = yes\n}}\n\
             client local {{\n ipaddr = 127.0.0.1\n secret = testing123\n require_message_authenticator = yes\n}}\n\
             modules {{\n pap {{\n }}\n expr {{\n }}\n always handled {{\n rcode = handled\n }}\n\
             files {{\n filename = {at}/users\n }}\n}}\n\
             server default {{\n listen {{\n type = auth\n ipaddr = 127.0.0.1\n port = {port}\n }}\n{sections}\n\
             post-auth {{\n {signed}\n Post-Auth-Type REJECT {{\n {signed}\n }}\n\
             Post-Auth-Type Challenge {{\n {signed}\n }}\n }}\n}}\n"
        );
        std::fs::write(folder.path().join("radiusd.conf"), config).expect("written");
        std::fs::write(folder.path().join("users"), "alice Cleartext-Password := \"pin482913\"\n")
            .expect("written");
        std::fs::write(folder.path().join("dictionary"), "").expect("written");
        let mut command = Command::new("freeradius");
        command.args(["-f", "-l", "stdout", "-d"]).arg(folder.path());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("freeradius; ./tests/run installs it");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let ready = tokio::task::spawn_blocking(move || {
            let mut lines = out.lines().map_while(Result::ok);
            lines.any(|line| line.contains("Ready to process requests"))
        });
        assert!(ready.await.expect("read"), "freeradius does not start");
        Self { child, address: ([127, 0, 0, 1], port).into(), _folder: folder }
    }
}

struct World {
    idp: TestIdp,
    alice: TestUser,
    vault: RelyingParty,
}

impl World {
    async fn asking(servers: &[SocketAddr], more: &str) -> Self {
        let servers: Vec<String> = servers.iter().map(|server| format!("\"{server}\"")).collect();
        let settings = format!(
            "policies: {{ standard: {{}}, strict: {{ second_factor: required }} }}\n\
             factors: {{ offered: [radius, totp] }}\n\
             radius: {{ servers: [{}], secret: testing123{more} }}\n",
            servers.join(", ")
        );
        let idp = TestIdp::setup().with_settings(&settings).with_apps(APPS).start().await;
        let alice = idp.user("alice").create().await;
        let vault = idp.relying_party("vault").await;
        Self { idp, alice, vault }
    }

    async fn asked<'b>(&self, browser: &'b mut Browser) -> Page<'b> {
        let page = browser.open(self.vault.authorize_url()).await.submit_password(&self.alice).await;
        page.expect_step("radius")
    }
}

#[tokio::test]
async fn freeradius_says_who_gets_in() {
    let server = FreeRadius::start(PLAIN).await;
    // A server that is not there is passed over.
    let nowhere = UdpSocket::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("address");
    let world = World::asking(&[nowhere, server.address], "").await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await;
    let code = page.submit(&[("code", "pin482913")]).await.expect_code();
    let claims = world.vault.redeem(&code).await.expect_tokens().id_claims();
    assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]));
    let mut other = world.idp.browser();
    let page = world.asked(&mut other).await;
    let page = page.submit(&[("code", "pin482914")]).await.expect_status(422).expect_step("radius");
    assert!(page.html.contains("This code is wrong"));
}

#[tokio::test]
async fn freeradius_asks_for_a_second_password() {
    // RFC 2865 section 4.4
    let server = FreeRadius::start(ASKING).await;
    let world = World::asking(&[server.address], "").await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await.submit(&[("code", "pin482913")]).await;
    let page = page.expect_status(200).expect_step("radius");
    let code = code_in(&page);
    let code = page.submit(&[("code", &code)]).await.expect_code();
    let claims = world.vault.redeem(&code).await.expect_tokens().id_claims();
    assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]));
    // A wrong answer is a no, and its question is over: the code that was right does not make up for it.
    let mut other = world.idp.browser();
    let page = world.asked(&mut other).await.submit(&[("code", "pin482913")]).await.expect_status(200);
    let code = code_in(&page);
    let page = page.submit(&[("code", "no code")]).await.expect_status(422).expect_step("radius");
    assert!(page.html.contains("This code is wrong"));
    let page = page.submit(&[("code", &code)]).await.expect_status(422).expect_step("radius");
    // Whoever begins anew is asked for another one.
    let page = page.submit(&[("code", "pin482913")]).await.expect_status(200).expect_step("radius");
    let code = code_in(&page);
    page.submit(&[("code", &code)]).await.expect_code();
}

/// What `FreeRADIUS` wants to hear, as the page shows it.
fn code_in(page: &Page<'_>) -> String {
    let (_, rest) = page.html.split_once("Please type &#60;").expect("a question");
    rest.split_once("&#62;").expect("its end").0.to_owned()
}

/// A peer that answers every request as `answer` says.
async fn peer(answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("address");
    tokio::spawn(async move {
        let mut request = vec![0; 5000];
        while let Ok((length, from)) = socket.recv_from(&mut request).await {
            if let Some(answer) = answer(&request[..length]) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    address
}

#[tokio::test]
async fn answers_that_are_not_authentic_let_nobody_in() {
    // CVE-2024-3596 among them: an accept without Message-Authenticator
    type Answer = fn(&[u8]) -> Option<Vec<u8>>;
    let hostile: [Answer; 8] = [
        |_| None,
        |_| Some(Vec::new()),
        |_| Some(vec![2; 3]),
        |request| Some([&[2, request[1], 0, 20], &request[4..20]].concat()),
        |request| Some([&[2, request[1], 0, 38], &request[4..20], &[80, 18], &[0; 16]].concat()),
        |request| Some([&[2, request[1], 0x0f, 0xff], &request[4..20]].concat()),
        |request| Some([&[2, request[1], 0, 22], &request[4..20], &[80, 0]].concat()),
        |_| Some(vec![2; 4096]),
    ];
    for (number, answer) in hostile.into_iter().enumerate() {
        let server = peer(answer).await;
        let world = World::asking(&[server], ", timeout: 1s").await;
        let mut browser = world.idp.browser();
        let page = world.asked(&mut browser).await.submit(&[("code", "123456")]).await;
        assert_eq!((page.status, page.step().as_deref()), (422, Some("radius")), "{number}");
        assert!(page.html.contains("could not be sent"), "{number}");
    }
}

/// An authentic answer to `request` (RFC 2865 section 3, RFC 3579 section 3.2).
fn authentic(code: u8, request: &[u8], attributes: &[u8]) -> Vec<u8> {
    let mut attributes = [&[80, 18][..], &[0; 16], attributes].concat();
    let length = u16::try_from(20 + attributes.len()).expect("short").to_be_bytes();
    let head = [code, request[1], length[0], length[1]];
    let mut mac = Hmac::<Md5>::new_from_slice(b"testing123").expect("any length");
    mac.update(&[&head, &request[4..20], &attributes[..]].concat());
    attributes[2..18].copy_from_slice(&mac.finalize().into_bytes());
    let proof = Md5::new()
        .chain_update(head)
        .chain_update(&request[4..20])
        .chain_update(&attributes)
        .chain_update("testing123")
        .finalize();
    [&head, &proof[..], &attributes].concat()
}

fn attribute(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind, u8::try_from(value.len() + 2).expect("short")], value].concat()
}

/// The value of an attribute of a request.
fn value(request: &[u8], kind: u8) -> Option<Vec<u8>> {
    let mut rest = &request[20..];
    while !rest.is_empty() {
        let length = usize::from(rest[1]);
        if rest[0] == kind {
            return Some(rest[2..length].to_vec());
        }
        rest = &rest[length..];
    }
    None
}

#[tokio::test]
async fn a_server_may_ask_once_more() {
    // RFC 2865 section 4.4
    let server = peer(|request| match value(request, 24).as_deref() {
        None => {
            let words = attribute(18, b"Enter the <b>next</b> code, please");
            Some(authentic(11, request, &[words, attribute(24, b"round\x00two")].concat()))
        }
        Some(b"round\x00two") => Some(authentic(2, request, &[])),
        Some(_) => Some(authentic(3, request, &[])),
    })
    .await;
    let world = World::asking(&[server], "").await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await.submit(&[("code", "pin482913")]).await;
    let page = page.expect_status(200).expect_step("radius");
    assert!(page.html.contains("Enter the &#60;b&#62;next&#60;/b&#62; code, please"), "{}", page.html);
    page.submit(&[("code", "482914")]).await.expect_code();
}

#[tokio::test]
async fn a_server_that_asks_for_ever_is_a_no() {
    let server = peer(|request| Some(authentic(11, request, &attribute(24, b"again")))).await;
    let world = World::asking(&[server], "").await;
    let mut browser = world.idp.browser();
    let page = world.asked(&mut browser).await.submit(&[("code", "1")]).await.expect_status(200);
    let page = page.submit(&[("code", "2")]).await.expect_status(422).expect_step("radius");
    // It begins anew.
    page.submit(&[("code", "1")]).await.expect_status(200).expect_step("radius");
}
