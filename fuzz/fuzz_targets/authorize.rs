//! An authorization request, as a query and after a line break a body. Answers go only where the app lives, with
//! the state that was sent and exactly one outcome.
#![no_main]

use gantry::oauth::authorize::{self, AuthorizationAnswer, Refusal};
use gantry::oauth::params::Params;
use gantry::oauth::vocabulary::ResponseMode;
use gantry_fuzz::{ISSUER, LOOPBACK, WEB, two_parts, world};
use libfuzzer_sys::fuzz_target;
use url::{Url, form_urlencoded};

fuzz_target!(|data: &[u8]| {
    let (query, body) = two_parts(data);
    let Ok(params) = Params::parse([query, body]) else { return };
    match authorize::check(&params, &world().config, &world().app.keys) {
        Ok(request) => {
            assert!(params.each_once().is_ok());
            assert!(request.code_challenge.is_some(), "both apps must use PKCE");
            assert_eq!(request.nonce.as_deref(), params.get("nonce"));
            let code = AuthorizationAnswer::new(&request, ISSUER, Ok(vec![("code", "gc_1".to_owned())]));
            leads_home(&code, "code", params.get("state"));
        }
        Err(Refusal::Answer { answer, .. }) => {
            // What is too long or came twice is left out, never cut or chosen.
            let state = params.get("state").filter(|state| state.len() <= 8192);
            leads_home(&answer, "error", state);
        }
        Err(Refusal::Page(_)) => {}
    }
});

fn leads_home(answer: &AuthorizationAnswer, outcome: &str, state: Option<&str>) {
    let named = |name: &str| -> Vec<&str> {
        answer.params.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(named("code").len() + named("error").len(), 1);
    assert_eq!(named(outcome).len(), 1);
    assert_eq!(named("state"), Vec::from_iter(state));
    assert_eq!(named("iss"), [ISSUER]);
    let target = Url::parse(&answer.redirect_uri).expect("an address");
    let home = Url::parse(if target.scheme() == "http" { LOOPBACK } else { WEB }).expect("an address");
    let url = answer.location();
    assert_eq!(url.is_none(), answer.mode == ResponseMode::FormPost);
    for url in url.iter().chain([&target]) {
        assert_eq!((url.scheme(), url.host(), url.path()), (home.scheme(), home.host(), home.path()));
        assert_eq!((url.username(), url.password()), ("", None));
        assert!(url.scheme() == "http" || url.port().is_none());
    }
    assert_eq!(target.fragment(), None);
    if let Some(url) = url {
        let pairs = |encoded: Option<&str>| {
            Vec::from_iter(form_urlencoded::parse(encoded.unwrap_or_default().as_bytes()).into_owned())
        };
        let sent = answer.params.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let (mut query, mut fragment) = (pairs(home.query()), vec![]);
        if answer.mode == ResponseMode::Fragment {
            fragment.extend(sent)
        } else {
            query.extend(sent)
        }
        assert_eq!((pairs(url.query()), pairs(url.fragment())), (query, fragment));
    }
}
