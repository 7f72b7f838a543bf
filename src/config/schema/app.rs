//! Apps as written.

use crate::config::document::Node;
use crate::config::error::Problems;
use crate::config::meant::{Alg, AuthMethod, ClientKind, GrantKind, Pkce, Preset};
use crate::config::period::Period;
use crate::config::read::{self, At, Entries, Field, Keys, Need, Read, Shape, choice, section, words};

section! {
    /// An application.
    App {
        /// Settings that a known product needs: `rocketchat`.
        preset: Preset = Optional("rocketchat"),
        /// Shown to people; the name of the entry unless given.
        title: String = Optional("Wiki"),
        /// Where the app lives; `preset: rocketchat` needs it.
        url: String = Optional("https://wiki.example.org"),
        /// Name of the service inside Rocket.Chat, lower case; only with `preset: rocketchat`, whose
        /// default is `gantry`.
        service: String = Optional("gantry"),
        /// Where answers may be sent, byte for byte.
        redirect_uris: Vec<At<String>> = List("[https://wiki.example.org/callback]"),
        /// Where people may be sent after signing out.
        post_logout_redirect_uris: Vec<At<String>> = Default("[]"),
        /// Called without a browser when somebody signs out (Back-Channel Logout). Addresses that are not
        /// public must be in `outbound.allow`.
        backchannel_logout_uri: String = Optional("https://wiki.example.org/logged-out"),
        /// Opened by the browser when somebody signs out (Front-Channel Logout); on the host of a redirect
        /// URI.
        frontchannel_logout_uri: String = Optional("https://wiki.example.org/log-out"),
        /// Browser origins that may read answers across origins, for apps that run in the browser.
        origins: Vec<At<String>> = Default("[]"),
        /// `confidential` has a secret, `public` (browser, mobile) has none.
        client: ClientKind = Default("confidential"),
        /// How an app with a secret or keys proves who it is: `client_secret_basic`, `client_secret_post`,
        /// `client_secret_jwt`, `private_key_jwt`. Without it both `client_secret_basic` and
        /// `client_secret_post` are taken.
        token_endpoint_auth_method: AuthMethod = Optional("private_key_jwt"),
        /// Public keys of the app, for `private_key_jwt` and signed requests (RFC 9101): `{ file: PATH }` of a
        /// JWK Set, `{ uri: URL }` where it publishes one, or `{ inline: JSON }`.
        jwks: Jwks = Optional("{ uri: https://wiki.example.org/jwks.json }"),
        /// Name in the protocol; the name of the entry unless given.
        client_id: String = Optional("wiki"),
        /// `authorization_code`, `refresh_token`, `client_credentials` (tokens of the app itself, without a
        /// person), `device_code` (a device without a browser shows a code that people type at `/device`),
        /// and for old apps `implicit` (tokens through the browser) and `password` (the app asks for passwords
        /// itself; only where `first_party: true`).
        grants: Vec<At<GrantKind>> = Default("[authorization_code, refresh_token]"),
        /// Proof key for codes: `required`, or `optional` for apps that cannot.
        pkce: Pkce = Default("required"),
        /// Take authorization requests only when pushed (RFC 9126).
        pushed_requests_only: bool = Default("false"),
        /// Take authorization requests only when signed (RFC 9101); needs `jwks`.
        signed_requests_only: bool = Default("false"),
        /// Give only tokens that are bound to a key of the app (`DPoP`, RFC 9449).
        dpop_bound_access_tokens: bool = Default("false"),
        /// Ours: people are not asked for consent.
        first_party: bool = Default("false"),
        /// Scopes the app may ask for: these, and `address` and `phone`.
        scopes: Vec<At<Scope>> = Default("[openid, profile, email, groups, roles, offline_access]"),
        /// Further scopes, which mean something to APIs and nothing here. An app asking for itself
        /// (`client_credentials`) gets these.
        api_scopes: Vec<At<String>> = Default("[]"),
        /// APIs that tokens may be asked for by `resource` (RFC 8707); such a token is for that API alone.
        resources: Vec<At<String>> = Default("[]"),
        /// Claims the app gets besides the standard ones, by name: `{ attribute: team }`, `{ value: acme }`,
        /// or `{ template: "{given_name} {family_name}" }`. `username`, `name`, `email`, `groups` and `roles`
        /// count as attributes.
        claims: Entries<Claim> = Default("{}"),
        /// Put all claims into the ID token too, for apps that never ask userinfo.
        claims_in_id_token: bool = Default("false"),
        /// `public`: people have the same `sub` for all apps; `pairwise`: another for each (`OpenID`
        /// Connect Core section 8.1). Changing it makes everybody a stranger to the app.
        subject_type: SubjectType = Default("public"),
        /// How long what the app gets is good for.
        lifetimes: Lifetimes = Default("{}"),
        /// Signature of ID tokens: `RS256`, `ES256`, `EdDSA`.
        id_token_alg: Alg = Default("RS256"),
        /// Answer userinfo with a JWT signed by this algorithm instead of plain JSON.
        userinfo_alg: Alg = Optional("RS256"),
        /// Where a sign-in starts that begins here (`OpenID` Connect Core section 4); opened from the start
        /// page instead of `url`.
        initiate_login_uri: String = Optional("https://wiki.example.org/login"),
        /// Who may use it, in order: the first entry whose group the person is in decides; no entry, no
        /// access. `everyone` is every person with an account. An app without people writes `[]`.
        access: Vec<At<Access>> = Required("[{ group: everyone, policy: standard }]"),
        /// Accept access tokens in the query of userinfo. Tokens in URLs end up in logs.
        userinfo_token_in_query: bool = Default("false"),
    }
}

words! { Preset { "rocketchat" = Self::Rocketchat, } }
words! { ClientKind { "confidential" = Self::Confidential, "public" = Self::Public, } }

words! {
    AuthMethod {
        "client_secret_basic" = Self::ClientSecretBasic,
        "client_secret_post" = Self::ClientSecretPost,
        "client_secret_jwt" = Self::ClientSecretJwt,
        "private_key_jwt" = Self::PrivateKeyJwt,
    }
}

choice! {
    /// Public keys of an app.
    Jwks {
        /// A file with a JWK Set (RFC 7517).
        file = File(At<String>),
        /// An address that answers with one.
        uri = Uri(At<String>),
        /// The set itself, as JSON.
        inline = Inline(At<String>),
    }
}

choice! {
    /// Where the value of a claim comes from.
    Claim {
        /// An attribute of the person.
        attribute = Attribute(At<String>),
        /// Always the same.
        value = Value(At<String>),
        /// Text with `{attribute}` in it.
        template = Template(At<String>),
    }
}

/// Whether people have one subject for all apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum SubjectType {
    Public,
    Pairwise,
}

words! { SubjectType { "public" = Self::Public, "pairwise" = Self::Pairwise, } }
words! { GrantKind { "authorization_code" = Self::AuthorizationCode, "refresh_token" = Self::RefreshToken, "client_credentials" = Self::ClientCredentials, "device_code" = Self::DeviceCode, "password" = Self::Password, "implicit" = Self::Implicit, } }
words! { Pkce { "required" = Self::Required, "optional" = Self::Optional, } }
words! { Alg { "RS256" = Self::Rs256, "ES256" = Self::Es256, "EdDSA" = Self::EdDsa, } }

/// A scope that means something here.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Scope(pub(in crate::config) &'static str);

words! {
    Scope {
        "openid" = Self("openid"),
        "profile" = Self("profile"),
        "email" = Self("email"),
        "groups" = Self("groups"),
        "roles" = Self("roles"),
        "address" = Self("address"),
        "phone" = Self("phone"),
        "offline_access" = Self("offline_access"),
    }
}

section! {
    /// Apps that register themselves (RFC 7591).
    AppRegistration {
        /// Who may use them, such as `[{ group: everyone, policy: standard }]`; without an entry no app may
        /// register.
        access: Vec<At<Access>> = Default("[]"),
        /// Grants they may choose.
        grants: Vec<At<GrantKind>> = Default("[authorization_code, refresh_token]"),
        /// Scopes they may ask for.
        scopes: Vec<At<Scope>> = Default("[openid, profile, email, offline_access]"),
        /// Proof key for codes: `required`, or `optional` for those with a secret or keys.
        pkce: Pkce = Default("required"),
        /// Apps there may be in all.
        max: u32 = Default("200"),
        /// Whether the addresses they name may be in the networks of `outbound.allow`, too. Otherwise they are called
        /// on the public internet only.
        listed_networks: bool = Default("false"),
    }
}

section! {
    /// How long what an app gets is good for.
    Lifetimes {
        /// Access tokens.
        access_token: Period = Default("1h"),
        /// ID tokens.
        id_token: Period = Default("10m"),
        /// Refresh tokens, from their last use.
        refresh_token: Period = Default("30d"),
        /// Authorization codes, at most 10m.
        code: Period = Default("60s"),
    }
}

section! {
    /// Who may use an app, and what they must prove.
    Access {
        /// A group, or `everyone`.
        group: String = Required("everyone"),
        /// One of `policies`.
        policy: String = Required("standard"),
    }
}
