//! An authenticator app, and what it reads off the pages.

use aws_lc_rs::hmac;

use super::browser::Page;

/// RFC 6238, by other hands than the provider's.
pub(crate) fn totp(secret: &[u8], seconds: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    format!("{:06}", truncated(&key, seconds) % 1_000_000)
}

/// RFC 4226 section 5.3.
pub(crate) fn truncated(key: &hmac::Key, seconds: i64) -> u32 {
    let step = u64::try_from(seconds / 30).expect("after 1970").to_be_bytes();
    let mac = hmac::sign(key, &step);
    let mac = mac.as_ref();
    let offset = usize::from(mac[mac.len() - 1] & 0xf);
    u32::from_be_bytes(mac[offset..offset + 4].try_into().expect("four")) & 0x7fff_ffff
}

/// RFC 4648 section 6.
fn base32(text: &str) -> Vec<u8> {
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).expect("base32");
        bits = (bits << 5) | u32::try_from(value).expect("small");
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).expect("a byte"));
        }
    }
    out
}

pub(crate) fn secret_on(page: &Page<'_>) -> Vec<u8> {
    let (_, rest) = page.html.split_once("<code class=\"secret\">").expect("a secret");
    base32(rest.split_once('<').expect("its end").0)
}

pub(crate) fn codes_on(page: &Page<'_>) -> Vec<String> {
    let items = page.html.split("<li><code>").skip(1);
    items.map(|item| item.split_once('<').expect("its end").0.to_owned()).collect()
}
