//! The users of a scenario: made, or taken from the target's pool, with what they have enrolled; and removed again.

use serde_json::{Value, json};

use super::{Held, TenantSession};
use crate::{
    clock::{Entropy, SystemEntropy},
    scenario::{self, Action, Channel, Scenario, User},
    secret::Secret,
    step::Person,
    target::{PrepareError, tenant::journal::Entry},
};

const PASSWORD: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

impl TenantSession<'_> {
    /// Gives the session all that the scenario is given.
    pub(super) async fn provision(&mut self, scenario: &Scenario) -> Result<(), PrepareError> {
        let tenant = self.tenant;
        let names: Vec<_> = scenario.user_names().collect();
        // Before the numbers: who waits for other settings must not keep one from those who have theirs.
        self.settings = tenant.settle(scenario, &mut self.retries).await?;
        let numbers = if tenant.numbers.len() >= names.len() && needs_numbers(scenario) {
            let lease = tenant.numbers.take(names.len()).await.map_err(PrepareError::Journal)?;
            let numbers = lease.numbers.iter().map(|number| tenant.number(*number)).collect();
            self.leases.push(lease);
            numbers
        } else {
            // Nobody is called or written to there: the scenario has no use for a number.
            vec!["+15555550100".to_owned(); names.len()]
        };
        if self.is_pool {
            let lease = tenant.users.take(names.len()).await.map_err(PrepareError::Journal)?;
            for ((name, number), phone_number) in names.iter().zip(&lease.numbers).zip(numbers) {
                let person = self.take_user(*number, phone_number).await?;
                self.people.insert((*name).to_owned(), person);
            }
            self.leases.push(lease);
        } else {
            for (name, phone_number) in names.iter().zip(numbers) {
                let person = self.make_user(scenario.user(name), phone_number).await?;
                self.people.insert((*name).to_owned(), person);
            }
        }
        for name in names {
            self.enroll(name, scenario.user(name)).await?;
        }
        Ok(())
    }

    /// Makes a user; on disk before in the tenant.
    async fn make_user(
        &mut self,
        given: &User,
        phone_number: String,
    ) -> Result<Person, PrepareError> {
        let tenant = self.tenant;
        let management = tenant.management()?;
        let email = tenant.address();
        let random: &mut dyn Entropy = &mut SystemEntropy;
        // Good enough for every policy of passwords that Auth0 has [doc].
        let made_up = || Secret::new(format!("{}aA1!", random.text(20, PASSWORD)));
        let password = given.password.clone().unwrap_or_else(made_up);
        let journal = |entry| tenant.journal.write(&entry).map_err(PrepareError::Journal);
        journal(Entry::Creating { email: email.clone() })?;
        let profile = json!({
            "connection": tenant.spec.realm,
            "email": email,
            "password": password.expose(),
            "email_verified": given.email_verified,
            "verify_email": false,
        });
        let made = management.create_user(&profile, &mut self.retries).await;
        let id = match made {
            Ok(id) => id,
            Err(error) => {
                // It may be there even so: the journal still has it, and at the end it is looked for.
                return Err(error);
            }
        };
        journal(Entry::Created { email: email.clone(), id: id.clone() })?;
        Ok(Person { email, password, id, phone_number, otp_secret: None })
    }

    /// A user who is there already, without any factor.
    async fn take_user(
        &mut self,
        number: usize,
        phone_number: String,
    ) -> Result<Person, PrepareError> {
        let user = &self.tenant.spec.users[number];
        let mut id = String::new();
        if self.tenant.spec.management.is_some() {
            let management = self.tenant.management()?;
            let found = management.user_with(&user.email, &mut self.retries).await?;
            let refused = |why: &str| {
                let user = number + 1;
                PrepareError::Refused(format!("user {user} of those in the target's `users` {why}"))
            };
            id = found.ok_or_else(|| refused("is not there"))?;
            if management.has_factors(&id, &mut self.retries).await? {
                if !self.tenant.may_remove() {
                    return Err(refused("has factors, and `allow` has no `remove`"));
                }
                management.remove_factors(&id, &mut self.retries).await?;
            }
        }
        let phone_number = user.phone_number.clone().unwrap_or(phone_number);
        let (email, password) = (user.email.clone(), user.password.clone());
        Ok(Person { email, password, id, phone_number, otp_secret: None })
    }

    async fn enroll(&mut self, name: &str, given: &User) -> Result<(), PrepareError> {
        let Some(person) = self.people.get(name).cloned() else { return Ok(()) };
        for enrolled in &given.enrolled {
            let method = method(enrolled, &person);
            let management = self.tenant.management()?;
            let answer = management.enroll(&person.id, &method, &mut self.retries).await?;
            if enrolled.channel.value == Channel::Otp
                && let Some(person) = self.people.get_mut(name)
                && person.otp_secret.is_none()
            {
                let secret = method["totp_secret"].as_str().or(answer["totp_secret"].as_str());
                person.otp_secret = secret.map(|secret| Secret::new(secret.to_owned()));
            }
        }
        Ok(())
    }

    /// Removes what was made. What cannot be removed stays in the journal.
    pub(super) async fn undo(&mut self) {
        for person in std::mem::take(&mut self.people).into_values() {
            let Ok(management) = self.tenant.management() else { continue };
            if self.is_pool {
                if self.tenant.may_remove() {
                    let _ = management.remove_factors(&person.id, &mut self.retries).await;
                }
            } else if management.remove_user(&person.id, &mut self.retries).await.is_ok() {
                // Should that not be written, the user is looked for in vain.
                let _ = self.tenant.journal.write(&Entry::Removed { email: person.email });
            }
        }
        if let Some(Held::Alone(settings)) = &mut self.settings {
            self.tenant.look_again(settings, &mut self.retries).await;
        }
    }
}

/// A factor, as the Management API is told to give it to a user \[oas\].
fn method(enrolled: &scenario::Enrolled, person: &Person) -> Value {
    let number = enrolled.phone_number.as_ref().unwrap_or(&person.phone_number);
    let phone = |by: &str| json!({"type": "phone", "name": "phone", "phone_number": number, "preferred_authentication_method": by});
    match enrolled.channel.value {
        Channel::Email => {
            let email = enrolled.email.as_ref().unwrap_or(&person.email);
            json!({"type": "email", "name": "email", "email": email})
        }
        Channel::Sms => phone("sms"),
        Channel::Voice => phone("voice"),
        Channel::Otp | Channel::Push => {
            let random: &mut dyn Entropy = &mut SystemEntropy;
            let made_up = || random.text(32, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
            let given = enrolled.secret.as_ref().map(|secret| secret.expose().clone());
            json!({"type": "totp", "name": "app", "totp_secret": given.unwrap_or_else(made_up)})
        }
    }
}

/// Whether any number of the scenario's users is used.
fn needs_numbers(scenario: &Scenario) -> bool {
    let is_phone = |channel: Channel| matches!(channel, Channel::Sms | Channel::Voice);
    let users = scenario.user_names().map(|name| scenario.user(name));
    let mut needs = users.flat_map(|user| &user.enrolled).any(|it| is_phone(it.channel.value));
    for step in scenario.steps.iter().chain(&scenario.cleanup) {
        if let Action::Send(draft) = &step.action {
            draft.expressions(&mut |expression| {
                needs |= expression.to_string().contains("phone_number");
            });
        }
    }
    needs
}
