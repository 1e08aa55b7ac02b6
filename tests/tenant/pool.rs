//! Users that are there already, of whom no two scenarios ever share one.

use libtest_mimic::Failed;
use serde_json::json;

use crate::{Test, place::Place};

pub(crate) const TESTS: &[Test] = &[];

pub(crate) const PASSWORD: &str = "Rook-and-knight-9";

/// Makes users with [`PASSWORD`], which the project has as `POOL_PASSWORD`.
pub(crate) fn make_users(place: &Place, emails: &[&str]) -> Result<(), Failed> {
    for email in emails {
        let new = json!({
            "connection": "Username-Password-Authentication", "email": email, "password": PASSWORD,
        });
        let (status, made) = place.manage("POST", "users", Some(&new))?;
        assert_eq!(status, 201, "{made}");
    }
    let path = place.project().join(".env");
    let text = std::fs::read_to_string(&path)? + &format!("POOL_PASSWORD={PASSWORD}\n");
    Ok(std::fs::write(path, text)?)
}
