//! Logging in: USER, PASS and REIN, and who may try.

use std::sync::Arc;

use tokio::time::Instant;

use super::Connection;
use super::end::End;
use crate::edge::command::Type;
use crate::edge::reply::Reply;
use crate::limits::Refused;
use crate::metrics;

impl Connection {
    /// As if the device had just connected (RFC 959 section 4.1.1).
    pub(super) async fn reinitialize(&mut self) -> Result<(), End> {
        if self.protection.is_some() {
            // The connection would go on in the clear (RFC 4217 section 11), with the trouble that CCC has.
            return self.reply(&Reply::new(502, "Connect again instead: REIN would end TLS")).await;
        }
        self.start_over();
        self.reply(&Reply::new(220, "Inlet FTP server ready")).await
    }

    /// Forgets who logged in and what was agreed on.
    pub(in crate::edge) fn start_over(&mut self) {
        self.session.vouch(None);
        if self.account.take().is_some() {
            self.deadline = Instant::now() + self.shared.config.limits.login;
        }
        self.who.account.clear();
        "/".clone_into(&mut self.folder);
        (self.upstream, self.place, self.data) = (None, None, None);
        self.renames = false;
        (self.offset, self.form, self.epsv_all) = (0, Type::default(), false);
    }

    pub(super) async fn user(&mut self, name: &str) -> Result<(), End> {
        let certified = self.certified(name).await;
        self.session.vouch(certified.as_ref().map(|account| account.name.as_str()));
        let answer = self.ask("USER", name).await?;
        // libunftp keeps the first name until a password came, and an account until the session ends.
        if answer.code == 331 {
            name.clone_into(&mut self.who.account);
            if certified.is_some() {
                return self.enter("", 232).await;
            }
        }
        self.pass_on(&answer).await
    }

    pub(super) async fn pass(&mut self, password: &str) -> Result<(), End> {
        if self.account.is_some() && self.session.is_vouched(&self.who.account) {
            // Some devices send it whatever USER was answered (RFC 4217 section 5).
            return self.reply(&Reply::new(230, "Logged in with the certificate already")).await;
        }
        if let Err(before) = self.shared.logins.attempt(self.session.client.ip(), &self.who.account, Instant::now().into_std()) {
            return not_tried(before);
        }
        self.enter(password, 230).await
    }

    /// Has libunftp log in whom USER named. It asks our accounts, which ask for no password where a certificate was shown: nobody
    /// can guess one of those, so that lockouts do not concern it.
    async fn enter(&mut self, password: &str, welcome: u16) -> Result<(), End> {
        let (client, shared) = (self.session.client.ip(), Arc::clone(&self.shared));
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
                    return not_tried(now);
                }
            }
            _ => {}
        }
        if answer.code == 230 && welcome != 230 {
            return self.reply(&Reply::new(welcome, "Logged in with the certificate")).await;
        }
        self.pass_on(&answer).await
    }
}

fn not_tried(refused: Refused) -> Result<(), End> {
    metrics::login_not_tried(refused.reason.as_str());
    Err(End::LoginRefused(refused))
}
