//! Push messages that only the browser reads (RFC 8291): one record of `aes128gcm` (RFC 8188).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;

/// What a push service must take at least (RFC 8030 section 7.2), in bytes: one record.
const RECORD: u32 = 4096;
/// Header, tag and delimiter leave this much for what is said (RFC 8291 section 4).
pub(super) const LONGEST: usize = 3993;

/// `plain` for the browser with this public key and secret. `own` and `salt` are used once.
pub(super) fn encrypt(
    (public, auth): (&[u8; 65], &[u8; 16]),
    own: &PrivateKey,
    salt: [u8; 16],
    plain: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    if plain.len() > LONGEST {
        return Err(Unspecified);
    }
    let own_public = own.compute_public_key()?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, &public[..]);
    // RFC 8291 section 3.4.
    let pseudo = agree(own, theirs, Unspecified, |shared| Ok(mac(auth, &[shared])))?;
    let input = mac(pseudo.as_ref(), &[b"WebPush: info\0", public, own_public.as_ref(), &[1]]);
    // RFC 8188 sections 2.2 and 2.3.
    let pseudo = mac(&salt, &[input.as_ref()]);
    let key = mac(pseudo.as_ref(), &[b"Content-Encoding: aes128gcm\0", &[1]]);
    let nonce = mac(pseudo.as_ref(), &[b"Content-Encoding: nonce\0", &[1]]);
    let key = key.as_ref().first_chunk::<16>().ok_or(Unspecified)?;
    let nonce = nonce.as_ref().first_chunk::<12>().ok_or(Unspecified)?;
    // The delimiter of the last record.
    let mut record = [plain, &[2]].concat();
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key)?);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut record)?;
    let length = u8::try_from(own_public.as_ref().len()).map_err(|_| Unspecified)?;
    Ok([&salt[..], &RECORD.to_be_bytes(), &[length], own_public.as_ref(), &record].concat())
}

/// HKDF with SHA-256 (RFC 5869): extracting, and expanding to one block, are one HMAC each.
fn mac(key: &[u8], parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        URL_SAFE_NO_PAD.decode(text).expect("base64url").try_into().expect("its length")
    }

    #[test]
    fn the_message_of_rfc_8291_appendix_a_comes_out() {
        let public = bytes::<65>(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        );
        let auth = bytes::<16>("BTBZMqHH6r4Tts7J_aSIgg");
        let own = bytes::<32>("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let own = PrivateKey::from_private_key(&ECDH_P256, &own).expect("a key");
        let salt = bytes::<16>("DGv6ra1nlYgDCS1FRnbzlw");
        let plain = b"When I grow up, I want to be a watermelon";
        let sealed = encrypt((&public, &auth), &own, salt, plain).expect("encrypted");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(sealed),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz\
             AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
        assert!(encrypt((&public, &auth), &own, salt, &[0; LONGEST + 1]).is_err());
        assert!(encrypt((&[4; 65], &auth), &own, salt, plain).is_err(), "not a point");
    }
}
