//! A request as people read it: as HTTP, and as a command of curl. Values may be labels or templates, so nothing is
//! percent-encoded: curl does that to the parameters of a form by itself.

use serde_json::Value;

/// A request to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The method.
    pub method: String,
    /// Where it is sent: a host.
    pub host: String,
    /// The path with its query.
    pub path: String,
    /// The header fields, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// The body of a [`Message`].
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// No body.
    #[default]
    Empty,
    /// The parameters of a form.
    Form(Vec<(String, String)>),
    /// JSON.
    Json(Value),
    /// Any other text.
    Text(String),
}

impl Message {
    /// As HTTP, without a line end after the last line; each parameter of a form in a line of its own.
    #[must_use]
    pub fn http(&self) -> String {
        let mut lines =
            vec![format!("{} {} HTTP/1.1", self.method, self.path), format!("host: {}", self.host)];
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let body = match &self.body {
            Body::Empty => None,
            Body::Form(pairs) if pairs.is_empty() => None,
            Body::Form(pairs) => {
                let pairs: Vec<_> =
                    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                Some(pairs.join("\n&"))
            }
            Body::Json(value) => Some(format!("{value:#}")),
            Body::Text(text) => Some(text.clone()),
        };
        lines.extend(body.into_iter().flat_map(|body| [String::new(), body]));
        lines.join("\n")
    }

    /// As a command of curl for a POSIX shell, without a line end after the last line.
    #[must_use]
    pub fn curl(&self) -> String {
        let url = format!("https://{}{}", self.host, self.path);
        let mut lines = vec![format!("curl --request {} {}", quote(&self.method), quote(&url))];
        for (name, value) in &self.headers {
            lines.push(format!("--header {}", quote(&format!("{name}: {value}"))));
        }
        match &self.body {
            Body::Empty => {}
            Body::Form(pairs) => lines.extend(pairs.iter().map(|(name, value)| {
                format!("--data-urlencode {}", quote(&format!("{name}={value}")))
            })),
            Body::Json(value) => lines.push(format!("--data-raw {}", quote(&value.to_string()))),
            Body::Text(text) => lines.push(format!("--data-raw {}", quote(text))),
        }
        lines.join(" \\\n  ")
    }
}

/// As a POSIX shell reads it back.
fn quote(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=".contains(&byte);
    if !text.is_empty() && text.bytes().all(safe) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Message};
    use serde_json::json;

    fn message(body: Body) -> Message {
        Message {
            method: "POST".to_owned(),
            host: "[domain#1]".to_owned(),
            path: "/oauth/token".to_owned(),
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body,
        }
    }

    #[test]
    fn a_form_has_a_line_for_each_parameter() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let form = message(Body::Form(vec![pair("a", "it's"), pair("b", "[otp#1]")]));
        assert!(form.http().ends_with("content-type: text/plain\n\na=it's\n&b=[otp#1]"));
        assert!(form.curl().ends_with(
            r"--data-urlencode 'a=it'\''s' \
  --data-urlencode 'b=[otp#1]'"
        ));
    }

    #[test]
    fn json_is_spread_out_as_http_and_in_one_line_for_curl() {
        let json = message(Body::Json(json!({"a": [1]})));
        assert!(json.http().ends_with("\n\n{\n  \"a\": [\n    1\n  ]\n}"));
        assert!(json.curl().ends_with("--data-raw '{\"a\":[1]}'"));
    }

    #[test]
    fn without_a_body_the_headers_are_the_end() {
        let expected = "POST /oauth/token HTTP/1.1\nhost: [domain#1]\ncontent-type: text/plain";
        assert_eq!(message(Body::Empty).http(), expected);
        assert_eq!(message(Body::Form(Vec::new())).http(), expected);
    }
}
