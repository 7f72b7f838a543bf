//! What a browser sees. Owns the pages, their texts, their look and the files they load; decides nothing
//! about sign-in. Everything here is plain strings.

/// Static files, compiled in.
pub mod assets;
/// Languages and texts.
pub mod locale;
/// One type per page.
pub mod render;
/// The organisation's colour as a style sheet.
pub mod theme;
