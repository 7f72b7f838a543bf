//! Somebody who gets tokens beside those they have.

use super::KINDS;
use super::rows::Token;
use crate::account::User;
use crate::app::App;
use crate::factor::oath::{self, OathToken};
use crate::factor::yubikey::{self, Yubikey};
use crate::factor::{self, Content, Factor, OwnKey};
use crate::keys::MasterKey;
use crate::login::challenge::{Changed, notice_of_administrator};
use crate::notify::Credential;
use crate::store::{Batch, StoreError, Stored};

pub(super) struct Receiver {
    user: Stored<User>,
    /// What they had, as it was read, in the order of [`KINDS`].
    stored: [Option<Stored<Factor>>; 2],
    tokens: Vec<OathToken>,
    keys: Vec<Yubikey>,
    /// The serial numbers of what they get.
    given: Vec<String>,
}

impl Receiver {
    /// `user`, with what they have.
    pub(super) async fn of(app: &App, user: Stored<User>) -> Result<Self, StoreError> {
        let [tokens, keys] = KINDS.map(|kind| factor::key(user.id, kind));
        let stored = [app.store.get::<Factor>(&tokens).await?, app.store.get::<Factor>(&keys).await?];
        let (mut tokens, mut keys) = (Vec::new(), Vec::new());
        for factor in stored.iter().flatten() {
            match &factor.content {
                Content::HardwareTokens { tokens: known } => tokens.clone_from(known),
                Content::Yubikeys { keys: known } => keys.clone_from(known),
                _ => {}
            }
        }
        Ok(Self { user, stored, tokens, keys, given: Vec::new() })
    }

    /// Adds a token, or says why not. The same secret under two numbers would make a code good twice.
    pub(super) fn take(&mut self, master: &MasterKey, token: Token, secret: &[u8]) -> Result<(), String> {
        let name = &self.user.username;
        let full = |most| Err(format!("{name} cannot have more than {most} of this type"));
        let serial = OwnKey::from(&token).name;
        match token {
            Token::Oath(_) if self.tokens.len() >= oath::MOST => return full(oath::MOST),
            Token::Yubikey(_) if self.keys.len() >= yubikey::MOST => return full(yubikey::MOST),
            Token::Oath(token) => {
                for known in &self.tokens {
                    if known.has(master, self.user.id, secret).map_err(|error| error.to_string())? {
                        return Err(format!("its secret is that of the token {} of {name}", known.serial));
                    }
                }
                self.tokens.push(token);
            }
            Token::Yubikey(key) => self.keys.push(key),
        }
        self.given.push(serial);
        Ok(())
    }

    /// Adds to `batch` that they have all of it, and the letter that says so. A code that is used meanwhile is not
    /// good again: what was read must still be there.
    pub(super) fn keep(mut self, app: &App, batch: Batch) -> Batch {
        let contents =
            [Content::HardwareTokens { tokens: self.tokens }, Content::Yubikeys { keys: self.keys }];
        self.user.record.trust += 1;
        let mut kept = Batch::new();
        for (stored, content) in self.stored.into_iter().zip(contents) {
            if content.keys().is_empty() {
                continue;
            }
            self.user.record.factors.insert(content.kind());
            kept = match stored {
                Some(mut stored) => {
                    stored.record.content = content;
                    kept.update(&stored)
                }
                None => kept.insert(&Factor { user: self.user.id, content, created_at: app.clock.now() }),
            };
        }
        let changed = Changed::named(Credential::TokenAdded, &self.given.join(", "));
        notice_of_administrator(app, &self.user, changed, batch.update(&self.user).and(kept))
    }
}
