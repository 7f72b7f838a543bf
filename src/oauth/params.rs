//! Request parameters: form encoding read within bounds, each name at most once.

use serde::{Deserialize, Serialize};

use super::error::OAuthError;

/// More than any standard request has.
const MAX_PARAMETERS: usize = 100;

/// The parameters of one request. A parameter without a value counts as omitted (RFC 6749 section 3.1).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Params {
    pairs: Vec<(String, String)>,
    #[serde(default)]
    repeated: Vec<String>,
}

impl Params {
    /// Reads `application/x-www-form-urlencoded` text from a query and a body together, so that a name in
    /// both counts as repeated.
    pub fn parse<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, OAuthError> {
        let mut params = Self::default();
        for part in parts {
            for pair in part.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
                params.add(pair)?;
            }
        }
        Ok(params)
    }

    fn add(&mut self, pair: &[u8]) -> Result<(), OAuthError> {
        if self.pairs.len() >= MAX_PARAMETERS {
            return Err(OAuthError::invalid_request("too many parameters"));
        }
        let broken = OAuthError::invalid_request("a parameter is not valid UTF-8");
        // Codes and tokens have nothing to decode.
        if !pair.contains(&b'%') && !pair.contains(&b'+') {
            let text = std::str::from_utf8(pair).map_err(|_| broken)?;
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            self.keep(name.to_owned(), value.to_owned());
            return Ok(());
        }
        if !decodes_to_utf8(pair) {
            return Err(broken);
        }
        if let Some((name, value)) = url::form_urlencoded::parse(pair).next() {
            self.keep(name.into_owned(), value.into_owned());
        }
        Ok(())
    }

    fn keep(&mut self, name: String, value: String) {
        if self.pairs.iter().any(|(known, _)| *known == name) {
            self.repeated.push(name);
        } else {
            self.pairs.push((name, value));
        }
    }

    /// The value of `name`, unless missing, empty or repeated.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty() && !self.is_repeated(name))
    }

    /// All but `names`.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.pairs.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    /// With `value` as the one value of `name`.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        let mut params = self.without(&[name]);
        params.pairs.push((name.to_owned(), value.to_owned()));
        params
    }

    /// Whether `name` was sent more than once.
    #[must_use]
    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.iter().any(|known| known == name)
    }

    /// Refuses a request in which any parameter was sent more than once (RFC 6749 sections 3.1 and 3.2).
    pub fn each_once(&self) -> Result<(), OAuthError> {
        if self.repeated.is_empty() {
            return Ok(());
        }
        Err(OAuthError::invalid_request("a parameter was sent more than once"))
    }
}

/// The form parser replaces broken bytes silently; here they are an error.
fn decodes_to_utf8(pair: &[u8]) -> bool {
    let mut bytes = Vec::with_capacity(pair.len());
    let mut rest = pair;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| tail.split_first_chunk::<2>()).flatten();
        let byte = escaped.and_then(|(hex, _)| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    std::str::from_utf8(&bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str, body: &str) -> Params {
        Params::parse([query.as_bytes(), body.as_bytes()]).expect("within bounds")
    }

    #[test]
    fn a_name_counts_once_over_query_and_body() {
        // AZ-13
        let params = parse("scope=openid&state=a", "state=a");
        assert_eq!(params.get("scope"), Some("openid"));
        assert_eq!(params.get("state"), None);
        assert!(params.each_once().is_err());
        assert!(parse("state=a&state[]=b", "").each_once().is_ok());
    }

    #[test]
    fn empty_means_omitted() {
        assert_eq!(parse("state=&nonce", "").get("state"), None);
    }

    #[test]
    fn broken_text_and_floods_are_refused() {
        // AZ-39
        assert!(Params::parse([&b"a=%ff"[..]]).is_err());
        assert!(Params::parse([&b"a=\xff"[..]]).is_err());
        assert!(Params::parse([&b"a=100%"[..]]).is_ok());
        assert!(Params::parse(["a=1&".repeat(101).replace('a', "b").as_bytes()]).is_ok());
        let many = (0..101).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(Params::parse([many.as_bytes()]).is_err());
    }
}
