//! What an app is told about a person: scopes and the `claims` parameter become claims.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::vocabulary::Scopes;
use crate::account::{Group, User};
use crate::config::{App, ClaimSource};
use crate::store::{Store, StoreError};

/// Longest `claims` parameter read, in bytes.
const MAX_CLAIMS_BYTES: usize = 8192;

/// Standard claims of the scope `profile` that come from attributes (`OpenID` Connect Core section 5.1).
const PROFILE_ATTRIBUTES: [&str; 11] = [
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "picture",
    "profile",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
];

/// The scope that reveals a standard claim (`OpenID` Connect Core section 5.4).
fn scope_of(claim: &str) -> Option<&'static str> {
    match claim {
        "email" | "email_verified" => Some("email"),
        "address" => Some("address"),
        "phone_number" | "phone_number_verified" => Some("phone"),
        "groups" => Some("groups"),
        "roles" => Some("roles"),
        "name" | "preferred_username" | "updated_at" => Some("profile"),
        attribute => PROFILE_ATTRIBUTES.contains(&attribute).then_some("profile"),
    }
}

/// The `claims` parameter (`OpenID` Connect Core section 5.5): names asked for, by destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    #[serde(default)]
    userinfo: Named,
    #[serde(default)]
    id_token: Named,
}

type Named = BTreeMap<String, Option<Wanted>>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Wanted {
    #[serde(default)]
    essential: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<Vec<Value>>,
}

impl ClaimsRequest {
    /// Reads the parameter; `None` when it is not such JSON or too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= MAX_CLAIMS_BYTES).then(|| serde_json::from_str(text).ok()).flatten()
    }

    /// The person asked for by `sub`, in either destination.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        [&self.id_token, &self.userinfo]
            .into_iter()
            .find_map(|wanted| wanted.get("sub")?.as_ref()?.value.as_ref()?.as_str())
    }

    /// Levels of authentication, one of which must be reached (section 5.5.1.1); `None`: any will do.
    #[must_use]
    pub fn demanded_acr(&self) -> Option<Vec<&str>> {
        let wanted = self.id_token.get("acr")?.as_ref().filter(|wanted| wanted.essential)?;
        let values = wanted.value.iter().chain(wanted.values.iter().flatten());
        let named: Vec<&str> = values.filter_map(Value::as_str).collect();
        (!named.is_empty()).then_some(named)
    }

    /// Whether any claim is asked for in the ID token.
    #[must_use]
    pub fn wants_id_token(&self) -> bool {
        !self.id_token.is_empty()
    }

    /// Without the claims of scopes that are not `allowed`.
    #[must_use]
    pub fn within(mut self, allowed: &BTreeSet<String>) -> Self {
        for named in [&mut self.userinfo, &mut self.id_token] {
            named.retain(|claim, _| scope_of(claim).is_none_or(|scope| allowed.contains(scope)));
        }
        self
    }

    /// What has to be allowed for it: `scopes`, and those whose claims are asked for by name.
    #[must_use]
    pub fn widen<'a>(&self, scopes: &'a Scopes) -> Cow<'a, Scopes> {
        let named = self.userinfo.keys().chain(self.id_token.keys());
        let named: Scopes = named.filter_map(|claim| scope_of(claim)).collect();
        if named.is_subset(scopes) { Cow::Borrowed(scopes) } else { Cow::Owned(scopes.union(&named)) }
    }

    /// What userinfo is to tell, by `scopes` and by name.
    #[must_use]
    pub fn of_userinfo<'a>(&'a self, scopes: &'a Scopes) -> Asked<'a> {
        Asked { scopes, named: &self.userinfo }
    }

    /// What the ID token may tell, by `scopes` and by name.
    #[must_use]
    pub fn of_id_token<'a>(&'a self, scopes: &'a Scopes) -> Asked<'a> {
        Asked { scopes, named: &self.id_token }
    }
}

/// What one answer is to tell.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    scopes: &'a Scopes,
    named: &'a Named,
}

impl Asked<'_> {
    /// Whether any claim of `scope` is to be told.
    #[must_use]
    pub fn opens(self, scope: &str) -> bool {
        self.scopes.has(scope) || self.named.keys().any(|claim| scope_of(claim) == Some(scope))
    }

    /// Whether this standard claim is to be told.
    fn has(self, claim: &str) -> bool {
        scope_of(claim).is_some_and(|scope| self.scopes.has(scope)) || self.named.contains_key(claim)
    }
}

/// The roles of a person: their own and those of their groups.
pub async fn roles(store: &Store, user: &User) -> Result<BTreeSet<String>, StoreError> {
    let mut roles = user.roles.clone();
    for name in &user.groups {
        if let Some(group) = store.view::<Group>(name.as_str()).await? {
            roles.extend(group.roles.iter().cloned());
        }
    }
    Ok(roles)
}

/// Everything about `user` that `asked` names, for `app`, with `sub`.
#[must_use]
pub fn told(
    app: &App,
    subject: &str,
    user: &User,
    asked: Asked<'_>,
    roles: &BTreeSet<String>,
) -> Map<String, Value> {
    let mut claims = Map::new();
    if asked.opens("profile") {
        profile(user, &mut claims);
    }
    // Only verified addresses go out: not every app looks at email_verified.
    if let Some(email) = user.email.as_ref().filter(|_| asked.opens("email") && user.email_verified) {
        claims.insert("email".to_owned(), json!(email));
        claims.insert("email_verified".to_owned(), json!(true));
    }
    if let Some(address) = address(user).filter(|_| asked.opens("address")) {
        claims.insert("address".to_owned(), address);
    }
    if let Some(phone) = user.attributes.get("phone_number").filter(|_| asked.opens("phone")) {
        let verified = user.attributes.get("phone_number_verified").is_some_and(|text| text == "true");
        claims.insert("phone_number".to_owned(), json!(phone));
        claims.insert("phone_number_verified".to_owned(), json!(verified));
    }
    if asked.opens("groups") {
        claims.insert("groups".to_owned(), json!(user.groups));
    }
    if asked.opens("roles") {
        claims.insert("roles".to_owned(), json!(roles));
    }
    claims.retain(|name, _| asked.has(name));
    claims.insert("sub".to_owned(), json!(subject));
    claims.extend(
        app.claims.iter().filter_map(|(name, source)| Some((name.clone(), custom(source, user, roles)?))),
    );
    claims.retain(|name, _| !app.withheld_claims.contains(&name.as_str()));
    claims
}

/// The part of it that the client asked for by name.
#[must_use]
pub fn by_name(all: Map<String, Value>, asked: Asked<'_>) -> Map<String, Value> {
    all.into_iter().filter(|(name, _)| name != "sub" && asked.named.contains_key(name)).collect()
}

/// `OpenID` Connect Core section 5.1.1, from attributes of the same names.
fn address(user: &User) -> Option<Value> {
    const PARTS: [&str; 6] = ["formatted", "street_address", "locality", "region", "postal_code", "country"];
    let parts: Map<String, Value> = PARTS
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), json!(user.attributes.get(name)?))))
        .collect();
    (!parts.is_empty()).then(|| parts.into())
}

/// A claim of the app's own; `None` when the person has nothing for it.
fn custom(source: &ClaimSource, user: &User, roles: &BTreeSet<String>) -> Option<Value> {
    let text = |name: &str| match name {
        "username" => Some(user.username.to_string()),
        "name" => Some(user.display_name().to_owned()),
        "email" => user.email.as_ref().filter(|_| user.email_verified).map(ToString::to_string),
        _ => user.attributes.get(name).cloned(),
    };
    match source {
        ClaimSource::Value(value) => Some(json!(value)),
        ClaimSource::Template(template) => template.fill(text).map(Value::from),
        ClaimSource::Attribute(name) => match name.as_str() {
            "groups" => Some(json!(user.groups)),
            "roles" => Some(json!(roles)),
            name => text(name).map(Value::from),
        },
    }
}

fn profile(user: &User, claims: &mut Map<String, Value>) {
    claims.insert("preferred_username".to_owned(), json!(user.username));
    claims.insert("name".to_owned(), json!(user.display_name()));
    claims.insert("updated_at".to_owned(), json!(user.updated_at.seconds()));
    let attributes =
        PROFILE_ATTRIBUTES.into_iter().filter_map(|name| Some((name, user.attributes.get(name)?)));
    claims.extend(attributes.map(|(name, value)| (name.to_owned(), json!(value))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claims_parameter_is_bounded_json_of_its_own_shape() {
        let request =
            ClaimsRequest::parse(r#"{"id_token":{"email":null,"sub":{"value":"x"}},"userinfo":{}}"#);
        let request = request.expect("well-formed");
        assert_eq!(request.subject(), Some("x"));
        assert!(request.of_id_token(&Scopes::default()).has("email"));
        assert!(!request.of_userinfo(&Scopes::default()).has("email"));
        for bad in ["[]x", "{\"id_token\":1}", &"[".repeat(9000), &"[".repeat(8000)] {
            assert!(ClaimsRequest::parse(bad).is_none());
        }
    }
}
