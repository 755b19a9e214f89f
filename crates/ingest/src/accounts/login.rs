//! Logging in, as libunftp asks for it.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use tracing::{info, warn};
use unftp_core::auth::{AuthenticationError, Authenticator, Credentials, Principal, UserDetailError, UserDetailProvider};

use super::{Account, Accounts};
use crate::limits::Logins;
use crate::metrics;
use crate::session::Session;

/// The login of one session.
#[derive(Debug)]
pub struct Login {
    accounts: Arc<Accounts>,
    logins: Arc<Logins>,
    session: Arc<Session>,
}

impl Login {
    /// For a session that has not logged in yet.
    pub(crate) fn new(accounts: Arc<Accounts>, logins: Arc<Logins>, session: Arc<Session>) -> Self {
        Self { accounts, logins, session }
    }
}

#[async_trait]
impl Authenticator for Login {
    async fn authenticate(&self, name: &str, credentials: &Credentials) -> Result<Principal, AuthenticationError> {
        let password = credentials.password.as_deref().unwrap_or_default();
        let (session, client) = (self.session.id, self.session.client);
        let ip = client.ip();
        if self.session.is_vouched(name) {
            info!(%session, %client, account = name, "logged in with a certificate");
            return Ok(Principal { username: name.to_owned() });
        }
        let locked_out = || self.logins.refusal(ip, name, Instant::now()).is_some();
        if let Some(account) = self.accounts.verify_unless(locked_out, name, password).await {
            self.logins.right(ip, name, Instant::now());
            info!(%session, %client, account = account.name, device = account.device, "logged in");
            return Ok(Principal { username: account.name });
        }
        if locked_out() {
            info!(%session, %client, "login not looked at, locked out");
            return Err(AuthenticationError::BadPassword);
        }
        if let Some(whose) = self.logins.wrong(ip, name, Instant::now()) {
            metrics::locked_out(whose);
            warn!(%session, %client, whose, "too many wrong logins, locked out");
        }
        // A name that is no account may be a password typed in the wrong place: it is not written down.
        let account = self.accounts.find(name).await.map(|listed| listed.name);
        info!(%session, %client, account, "login refused");
        Err(AuthenticationError::BadPassword)
    }
}

#[async_trait]
impl UserDetailProvider for Login {
    type User = Account;

    async fn provide_user_detail(&self, principal: &Principal) -> Result<Account, UserDetailError> {
        let found = self.accounts.named(&principal.username).await;
        found.ok_or_else(|| UserDetailError::UserNotFound { username: principal.username.clone() })
    }
}

/// The login of a session that has logged in before and goes on with another libunftp: the account is the one that it logged in with then,
/// whatever has become of that meanwhile, as it is for a session that never rested.
#[derive(Debug)]
pub(crate) struct Again {
    account: Account,
}

impl Again {
    /// For the account that the session is logged in with.
    pub(crate) fn new(account: Account) -> Self {
        Self { account }
    }
}

#[async_trait]
impl Authenticator for Again {
    async fn authenticate(&self, name: &str, _credentials: &Credentials) -> Result<Principal, AuthenticationError> {
        if name == self.account.name { Ok(Principal { username: name.to_owned() }) } else { Err(AuthenticationError::BadUser) }
    }
}

#[async_trait]
impl UserDetailProvider for Again {
    type User = Account;

    async fn provide_user_detail(&self, _principal: &Principal) -> Result<Account, UserDetailError> {
        Ok(self.account.clone())
    }
}
