//! What arrives from the network may be anything: no parser panics, none grows without bound.

use gantry::oauth::claims::ClaimsRequest;
use gantry::oauth::params::Params;
use gantry::oauth::vocabulary::Scopes;
use gantry::secret::{CodeToken, RefreshToken, SessionToken, Token};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_parameters_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        // ST-15, AZ-39
        if let Ok(params) = Params::parse([&bytes[..]]) {
            let _ = (params.get("client_id"), params.each_once());
        }
    }

    #[test]
    fn what_was_encoded_is_read_back(name in "[a-z_]{1,12}", value in "\\PC{1,80}") {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
        let params = Params::parse([encoded.as_bytes()]).expect("well-formed");
        prop_assert_eq!(params.get(&name), Some(value.as_str()));
    }

    #[test]
    fn any_text_is_a_scope_list_or_not(text in "\\PC{0,300}") {
        if let Some(scopes) = Scopes::parse(&text) {
            prop_assert!(scopes.to_text().len() <= text.len());
        }
        let _ = ClaimsRequest::parse(&text);
    }

    #[test]
    fn any_text_is_a_token_of_one_kind_at_most(text in "(g[crs]_)?[A-Za-z0-9_=.-]{0,80}") {
        let kinds = [
            Token::<CodeToken>::parse(&text).is_some(),
            Token::<RefreshToken>::parse(&text).is_some(),
            Token::<SessionToken>::parse(&text).is_some(),
        ];
        prop_assert!(kinds.iter().filter(|is| **is).count() <= 1);
    }
}

#[test]
fn an_invisible_mark_at_the_start_of_a_file_moves_no_caret() {
    let refusal = |text: &str| {
        let read = gantry::config::parse("gantry.yaml", text, std::path::Path::new("/nowhere"));
        read.expect_err("a refusal").to_string()
    };
    for text in ["", "isuer: x", "issuer: [", "a\u{7}"] {
        assert_eq!(refusal(&format!("\u{feff}{text}")), refusal(text));
    }
}
