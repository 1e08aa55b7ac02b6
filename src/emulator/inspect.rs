//! What whoever owns a tenant can see of it and change in it, past its API. No secret is in what is seen.

use serde_json::{Value, json};

use super::{Emulator, Scheme, token::Scope, user::User};

impl Emulator {
    /// The same tenant at another address, from which issuer and addresses are made.
    #[must_use]
    pub fn reached_at(mut self, scheme: Scheme, domain: impl Into<String>) -> Self {
        self.tenant.scheme = scheme;
        self.tenant.domain = domain.into();
        self.own_domain = self.own_domain.map(|_| self.tenant.domain.clone());
        self
    }

    /// The users, each with `user_id`, `email`, `email_verified` and its `authenticators` as the MFA API lists them.
    #[must_use]
    pub fn users(&self) -> Vec<Value> {
        self.users.iter().map(|user| self.user(user)).collect()
    }

    fn user(&self, user: &User) -> Value {
        let claims = user.claims(&Scope::new("email"));
        json!({
            "user_id": user.id,
            "email": user.email,
            "email_verified": claims.get("email_verified"),
            "authenticators": user.entries(&self.tenant),
        })
    }

    /// Whether there is a user with this address.
    #[must_use]
    pub fn has_user(&self, email: &str) -> bool {
        self.users.with_email(email).is_some()
    }

    /// Removes a user with all that was given out to it; says whether there was one.
    pub fn remove_user(&mut self, id: &str) -> bool {
        if !self.users.remove(id) {
            return false;
        }
        self.transactions.retain(|transaction| transaction.grant().user != id);
        self.access_tokens.retain(|token| token.grant.user != id);
        self.refresh_tokens.retain(|token| token.grant.user != id);
        self.spent_refresh_tokens.retain(|token| token.grant.user != id);
        true
    }

    /// The set-up, the users, and how many tokens are remembered.
    #[must_use]
    pub fn state(&self) -> Value {
        let tenant = &self.tenant;
        let clients = tenant.clients.iter().map(|client| {
            let grants: Vec<_> = client.grants.iter().map(|grant| grant.uri()).collect();
            json!({
                "client_id": client.id,
                "confidential": !client.is_public(),
                "grant_types": grants,
            })
        });
        let factors: Vec<_> = tenant.factors.iter().map(|factor| factor.word()).collect();
        json!({
            "tenant": {
                "domain": tenant.domain,
                "issuer": tenant.issuer(),
                "factors": factors,
                "policy": tenant.policy.word(),
                "clients": clients.collect::<Vec<_>>(),
            },
            "users": self.users(),
            "mfa_tokens": self.transactions.len(),
            "access_tokens": self.access_tokens.len(),
            "refresh_tokens": self.refresh_tokens.len(),
        })
    }
}
