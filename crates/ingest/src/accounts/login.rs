//! The login that libunftp asks for, although the edge has checked it.

use async_trait::async_trait;
use unftp_core::auth::{AuthenticationError, Authenticator, Credentials, Principal, UserDetailError, UserDetailProvider};

use super::Account;

/// The login of a session that has logged in: the account is the one that it logged in with then, whatever has become of that meanwhile.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    account: Account,
}

impl LoggedIn {
    /// For the account that the session is logged in with.
    pub(crate) fn new(account: Account) -> Self {
        Self { account }
    }
}

#[async_trait]
impl Authenticator for LoggedIn {
    async fn authenticate(&self, name: &str, _credentials: &Credentials) -> Result<Principal, AuthenticationError> {
        if name == self.account.name { Ok(Principal { username: name.to_owned() }) } else { Err(AuthenticationError::BadUser) }
    }
}

#[async_trait]
impl UserDetailProvider for LoggedIn {
    type User = Account;

    async fn provide_user_detail(&self, _principal: &Principal) -> Result<Account, UserDetailError> {
        Ok(self.account.clone())
    }
}
