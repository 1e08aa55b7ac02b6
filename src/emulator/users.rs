//! The users of a tenant, found by id or by the name that they log in with.

use std::collections::{BTreeMap, HashMap};

use super::user::User;

/// Users, of whom no two have one address.
#[derive(Clone, Default)]
pub(super) struct Users {
    by_id: BTreeMap<String, User>,
    /// Ids, by address in lower case.
    by_email: HashMap<String, String>,
}

impl Users {
    pub(super) fn get(&self, id: &str) -> Option<&User> {
        self.by_id.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut User> {
        self.by_id.get_mut(id)
    }

    /// By their ids, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &User> {
        self.by_id.values()
    }

    pub(super) fn with_email_mut(&mut self, email: &str) -> Option<&mut User> {
        self.by_id.get_mut(self.by_email.get(&email.to_lowercase())?)
    }

    pub(super) fn with_email(&self, email: &str) -> Option<&User> {
        self.by_id.get(self.by_email.get(&email.to_lowercase())?)
    }

    /// Adds a user, in place of any with the same address.
    pub(super) fn insert(&mut self, user: User) {
        let known = self.by_email.insert(user.email.to_lowercase(), user.id.clone());
        if let Some(known) = known {
            self.by_id.remove(&known);
        }
        self.by_id.insert(user.id.clone(), user);
    }

    /// Removes a user, and says whether there was one.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let known = self.by_id.remove(id);
        known.is_some_and(|user| self.by_email.remove(&user.email.to_lowercase()).is_some())
    }
}
