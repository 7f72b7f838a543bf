//! What an app calls a person (`OpenID` Connect Core section 8) and their session: the same for all apps, or another
//! for each.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::config::App;
use crate::keys::MasterKey;
use crate::secret::Id;

/// The `sub` by which `client` knows `user`. Pairwise ones (section 8.1) are derived from the sector and the
/// person with a key that only this provider has.
#[must_use]
pub fn of(master: &MasterKey, client: &App, user: Id) -> String {
    told("pairwise subject", master, client, user)
}

/// The `sid` by which `client` knows `session` (Back-Channel Logout section 2.1): pairwise where `sub` is, or two apps
/// could find out that they have the same person.
#[must_use]
pub fn session(master: &MasterKey, client: &App, session: Id) -> String {
    told("pairwise session", master, client, session)
}

fn told(purpose: &str, master: &MasterKey, client: &App, id: Id) -> String {
    match &client.pairwise_sector {
        None => id.to_string(),
        Some(sector) => {
            let input = [sector.as_bytes(), b"\0", id.bytes()].concat();
            URL_SAFE_NO_PAD.encode(master.derive(purpose, &input))
        }
    }
}
