//! The pages. Field names mean the same everywhere: `app` is the app's title, `action` the path the form
//! posts to, `csrf` its hidden value, `user` a username.

mod account;
mod app;
mod enrolment;
mod error;
mod registration;
mod second_factor;
mod sign_in;

pub use account::{
    AccountPage, DeviceLine, HomePage, KeyLine, NewPasswordPage, NotMePage, RemovePage, RenamePage,
    SessionLine,
};
pub use app::{ConsentPage, DeviceConsentPage, DeviceDonePage, DevicePage, FormPostPage};
pub use enrolment::{ContactPage, EnrolPage, GridPage, QuestionsPage, RecoveryCodesPage, WebPushPage};
pub use error::{ErrorPage, ErrorText};
pub use registration::{ActivatePage, ActivatedPage, FieldLine, RegisterPage, RegisteredPage};
pub use second_factor::{
    AnswersPage, ChoosePage, CodePage, PasskeyPage, PasskeyStep, Sending, TrustPage, WaitPage,
};
pub use sign_in::{
    ApprovePage, ApprovedPage, BreakGlassPage, ReauthPage, SelectAccountPage, SignInPage, SignOutPage,
    SignedOutPage,
};

use askama::Template;

use super::{Look, Rendered, onward};

/// Declares the template of each page, and how the page is rendered by it.
macro_rules! views {
    ($($page:ident by $view:ident($path:literal);)*) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        struct $view<'a> {
            frame: Frame<'a>,
            page: &'a $page<'a>,
        }

        impl $page<'_> {
            /// The page in this look.
            #[must_use]
            pub fn render(&self, look: &Look<'_>) -> Rendered {
                finish(&$view { frame: Frame::new(look), page: self }, look)
            }
        }
    )*};
}

use views;

pub(super) fn finish(view: &impl Template, look: &Look<'_>) -> Rendered {
    let Ok(html) = view.render() else {
        return unwritten();
    };
    Rendered { html, form_action: look.leads_to.and_then(onward), frames: Vec::new() }
}

/// For what cannot happen: it needs no text file, style sheet or name.
#[must_use]
pub fn unwritten() -> Rendered {
    Rendered {
        html: concat!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">",
            "<title>Error</title></head><body><h1>This page could not be shown</h1>",
            "<p>Please go back and try again.</p></body></html>"
        )
        .to_owned(),
        form_action: None,
        frames: Vec::new(),
    }
}
