//! Which makes of passkeys and security keys are taken.

use std::collections::BTreeSet;
use std::path::Path;

use uuid::Uuid;

use super::resolve;
use super::sending::read_file;
use crate::config::error::Problems;
use crate::config::read::{At, short};
use crate::config::schema;
use crate::factor::passkey::{Attestation, attestation};

/// The section as it is meant.
pub(super) fn check(
    written: schema::Attestation,
    base: &Path,
    problems: &mut Problems,
) -> Option<Attestation> {
    let listed = written.roots?;
    if listed.value.is_empty() {
        problems.error(listed.place, "no root").hint("`roots: [fido-roots.pem]`");
        return None;
    }
    let mut roots = Some(Vec::new());
    for file in &listed.value {
        let read = resolve(base, file, problems).map(|path| {
            read_file(&path).and_then(|pem| attestation::roots(&pem).map_err(str::to_owned)).map_err(|why| {
                problems
                    .error(file.place, format!("`{}`: {why}", short(&file.value)))
                    .hint("the certificates of makers, such as those their documentation publishes, as PEM");
            })
        });
        roots = roots.zip(read.and_then(Result::ok)).map(|(all, more)| [all, more].concat());
    }
    let aaguids: Vec<_> = written.aaguids?.value.iter().map(|text| aaguid(text, problems)).collect();
    Some(Attestation { roots: roots?, aaguids: aaguids.into_iter().collect::<Option<BTreeSet<_>>>()? })
}

/// As makers write it, with dashes.
fn aaguid(text: &At<String>, problems: &mut Problems) -> Option<[u8; 16]> {
    let parsed = Uuid::parse_str(&text.value).ok().filter(|_| text.value.len() == 36);
    if parsed.is_none() {
        problems
            .error(text.place, format!("`{}` is not an AAGUID", short(&text.value)))
            .hint("32 digits with four dashes, such as `ee882879-721c-4913-9775-3dfcce97072a`");
    }
    parsed.map(Uuid::into_bytes)
}
