//! Logging in: USER and PASS, and who may try.

use std::sync::Arc;

use tokio::time::Instant;

use super::Connection;
use super::end::End;
use crate::edge::reply::Reply;
use crate::limits::Refused;
use crate::metrics;

impl Connection {
    pub(super) async fn user(&mut self, name: &str) -> Result<(), End> {
        let answer = self.ask("USER", name).await?;
        // libunftp keeps the first name until a password came, and an account until the session ends.
        if answer.code == 331 {
            name.clone_into(&mut self.who.account);
        }
        self.pass_on(&answer).await
    }

    pub(super) async fn pass(&mut self, password: &str) -> Result<(), End> {
        let (client, shared) = (self.session.client.ip(), Arc::clone(&self.shared));
        let refused = |refused: Refused| {
            metrics::login_not_tried(refused.reason.as_str());
            Err(End::LoginRefused(refused))
        };
        if let Err(before) = shared.logins.attempt(client, &self.who.account, Instant::now().into_std()) {
            return refused(before);
        }
        // libunftp wants the space even before an empty password.
        self.upstream().await?.send(&format!("PASS {password}\r\n")).await.map_err(End::Upstream)?;
        let answer = self.upstream().await?.reply().await.map_err(End::Upstream)?;
        match answer.code {
            230 => {
                metrics::login(true);
                self.account = self.shared.accounts.named(&self.who.account).await;
                if self.account.is_none() {
                    // Removed in this very moment.
                    return self.reply(&Reply::new(530, "The account is gone")).await;
                }
                self.place = shared.by_account.take(self.who.account.clone());
                if self.place.is_none() {
                    metrics::session_refused("account");
                    return Err(End::AccountFull);
                }
            }
            530 => {
                metrics::login(false);
                // Locked out by this one, or by others while this one waited for its turn.
                if let Some(now) = shared.logins.refusal(client, &self.who.account, Instant::now().into_std()) {
                    return refused(now);
                }
            }
            _ => {}
        }
        self.pass_on(&answer).await
    }
}
