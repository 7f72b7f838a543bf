//! What an app calls a person (`OpenID` Connect Core section 8): the same for all apps, or another for each.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::config::App;
use crate::keys::MasterKey;
use crate::secret::Id;

/// The `sub` by which `client` knows `user`. Pairwise ones (section 8.1) are derived from the sector and the
/// person with a key that only this provider has.
#[must_use]
pub fn of(master: &MasterKey, client: &App, user: Id) -> String {
    match &client.pairwise_sector {
        None => user.to_string(),
        Some(sector) => {
            let input = [sector.as_bytes(), b"\0", user.bytes()].concat();
            URL_SAFE_NO_PAD.encode(master.derive("pairwise subject", &input))
        }
    }
}
