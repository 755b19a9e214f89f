//! Logging in: USER, PASS and REIN, and who may try. libunftp has no part in it: a device that logs in only to upload needs none.

use tokio::time::Instant;
use tracing::{info, warn};

use super::Connection;
use super::end::End;
use crate::accounts::Account;
use crate::edge::command::Type;
use crate::edge::facts::Facts;
use crate::edge::reply::Reply;
use crate::edge::sessions::Shared;
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
        self.is_certified = false;
        if self.account.take().is_some() {
            self.deadline = Instant::now() + self.shared.config.limits.login;
        }
        self.who.account.clear();
        "/".clone_into(&mut self.folder);
        (self.upstream, self.place, self.data) = (None, None, None);
        self.renames = false;
        (self.offset, self.form, self.facts, self.epsv_all) = (0, Type::default(), Facts::default(), false);
    }

    pub(super) async fn user(&mut self, name: &str) -> Result<(), End> {
        // Until it has logged in a device may think better of the name (RFC 959 section 4.1.1); then the account stays.
        if self.account.is_some() {
            return self.reply(&Reply::new(530, "Connect again to log in under another name")).await;
        }
        name.clone_into(&mut self.who.account);
        // Nobody can guess a certificate: no password is asked for, and lockouts do not concern it.
        match self.certified(name).await {
            Some(account) => {
                info!(session = %self.session.id, client = %self.session.client, account = name, "logged in with a certificate");
                self.is_certified = true;
                self.enter(account, Reply::new(232, "Logged in with the certificate")).await
            }
            None => self.reply(&Reply::new(331, "Send the password")).await,
        }
    }

    pub(super) async fn pass(&mut self, password: &str) -> Result<(), End> {
        if self.is_certified {
            // Some devices send it whatever USER was answered (RFC 4217 section 5).
            return self.reply(&Reply::new(230, "Logged in with the certificate already")).await;
        }
        if self.account.is_some() {
            return self.reply(&Reply::new(503, "Connect again to log in once more")).await;
        }
        if self.who.account.is_empty() {
            return self.reply(&Reply::new(503, "Send USER first")).await;
        }
        let client = self.session.client.ip();
        if let Err(before) = self.shared.logins.attempt(client, &self.who.account, Instant::now().into_std()) {
            return not_tried(before);
        }
        match self.verified(password).await {
            Ok(Some(account)) => self.enter(account, Reply::new(230, "Logged in")).await,
            Ok(None) => {
                self.who.account.clear();
                self.reply(&Reply::new(530, "Wrong name or password")).await
            }
            Err(now) => not_tried(now),
        }
    }

    /// The account that USER named, if this is its password. When it is not, it may have locked out whoever tries next; so may others
    /// have, while this one waited for its turn.
    async fn verified(&self, password: &str) -> Result<Option<Account>, Refused> {
        let (session, client, name) = (self.session.id, self.session.client, &self.who.account);
        let Shared { accounts, logins, .. } = &*self.shared;
        let now = || Instant::now().into_std();
        let refusal = || logins.refusal(client.ip(), name, now());
        if let Some(account) = accounts.verify_unless(|| refusal().is_some(), name, password).await {
            logins.right(client.ip(), name, now());
            info!(%session, %client, account = account.name, device = account.device, "logged in");
            return Ok(Some(account));
        }
        metrics::login(false);
        if let Some(refused) = refusal() {
            info!(%session, %client, "login not looked at, locked out");
            return Err(refused);
        }
        // A name that is no account may be a password typed in the wrong place: it is not written down.
        let account = accounts.named(name).await.map(|account| account.name);
        if let Some(whose) = logins.wrong(client.ip(), name, now()) {
            metrics::locked_out(whose);
            warn!(%session, %client, account, whose, "too many wrong logins, locked out");
        }
        info!(%session, %client, account, "login refused");
        refusal().map_or(Ok(None), Err)
    }

    /// From here on the session is that account's, whatever becomes of it in the file.
    async fn enter(&mut self, account: Account, welcome: Reply) -> Result<(), End> {
        metrics::login(true);
        self.place = self.shared.by_account.take(account.name.clone());
        if self.place.is_none() {
            metrics::session_refused("account");
            return Err(End::AccountFull);
        }
        self.account = Some(account);
        self.reply(&welcome).await
    }
}

fn not_tried(refused: Refused) -> Result<(), End> {
    metrics::login_not_tried(refused.reason.as_str());
    Err(End::LoginRefused(refused))
}
