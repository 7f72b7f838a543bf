//! The end of a sign-in: the app's answer, a waiting device's, or why there is none.

use super::LoginError;
use super::dispatch::Next;
use super::flow::{Closed, DeviceTarget, Step, Target};
use super::session::SignedIn;
use crate::app::App;
use crate::oauth::AuthorizationAnswer;
use crate::oauth::approve::{Approval, approve};
use crate::oauth::device::Waiting;
use crate::oauth::grant::Permission;
use crate::store::Batch;

/// Ends a flow: `batch` removes it, and what it yields is stored in the same stroke, so that one flow gives one
/// code.
pub(super) async fn conclude(
    app: &App,
    step: Step,
    target: &Target,
    signed_in: Option<&SignedIn>,
    batch: Batch,
) -> Result<Next, LoginError> {
    let config = app.config();
    let Some((client_id, _)) = target.wish() else {
        app.store.apply(batch).await?;
        return Ok(match step {
            Step::Forbidden(why) => {
                Next::Forbidden { client_id: String::new(), username: String::new(), why }
            }
            _ if *target == Target::Home => Next::Home,
            _ => Next::Account,
        });
    };
    let client = config.apps.get(client_id);
    match (step, target, client, signed_in) {
        (step @ (Step::Finish | Step::Refuse(_)), Target::Device(device), Some(_), Some(signed_in)) => {
            answer_device(app, device, (step == Step::Finish).then_some(signed_in), batch).await
        }
        (Step::Finish, Target::App(request), Some(client), Some(SignedIn { session, user })) => {
            let now = app.clock.now();
            let approval = Approval { config: &config, client, request, user, session, now };
            let (batch, given) = approve(app, &approval, batch).await?;
            app.store.apply(batch).await?;
            tracing::info!(target: "gantry::audit", event = "approved", client = client.client_id, user = %user.id);
            Ok(Next::Answer(AuthorizationAnswer::new(request, &config.issuer, Ok(given))))
        }
        (Step::Refuse(error), Target::App(request), Some(_), _) => {
            app.store.apply(batch).await?;
            Ok(Next::Answer(AuthorizationAnswer::new(request, &config.issuer, Err(error))))
        }
        (step, ..) => {
            app.store.apply(batch).await?;
            let why = if let Step::Forbidden(why) = step { why } else { Closed::Person };
            let username = signed_in.map(|signed_in| signed_in.user.username.to_string()).unwrap_or_default();
            tracing::warn!(target: "gantry::audit", event = "access_denied", client = client_id, user = username, ?why);
            Ok(Next::Forbidden { client_id: client_id.to_owned(), username, why })
        }
    }
}

/// Tells a waiting device what the person said: yes with who they are, or no. Somebody else's answer, or the
/// end of its time, may have come first.
async fn answer_device(
    app: &App,
    device: &DeviceTarget,
    allowed_by: Option<&SignedIn>,
    batch: Batch,
) -> Result<Next, LoginError> {
    let waiting = Waiting::by_id(app, device.request).await?.ok_or(LoginError::Gone)?;
    let batch = match allowed_by {
        Some(SignedIn { session, user }) => {
            waiting.approved(batch, Permission::at(session, user, device.scopes.clone()))
        }
        None => waiting.denied(batch),
    };
    app.store.apply(batch).await?;
    let allowed = allowed_by.is_some();
    tracing::info!(target: "gantry::audit", event = "device_answered", client = device.client_id, allowed);
    Ok(Next::DeviceAnswered { client_id: device.client_id.clone(), allowed })
}
