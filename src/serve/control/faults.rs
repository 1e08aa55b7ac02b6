//! Faults as the control API is told of them, and tells of them.

use serde_json::{Value, json};

use super::super::{Hosted, fault::Rule, refusal::Refusal};

const EXPECTED: &str = r#"[{"path": "/oauth/token", "method": "POST", "when": {"calls": [2]}, "fault": {"status": {"code": 503}}}]; `when` may be {"rate": 0.1}; faults are {"latency": "2s"}, "status", "reset", "cut" and "malformed""#;

pub(super) fn list(tenant: &Hosted) -> Value {
    json!(tenant.faults())
}

pub(super) fn read(body: &[u8]) -> Result<Vec<Rule>, Refusal> {
    super::read(body, EXPECTED)
}
