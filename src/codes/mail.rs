//! An e-mail, or what an inbox tells of one: to whom it went, and the code in it.

use mail_parser::{HeaderValue, MessageParser, PartType};

use super::find::Pattern;

/// A message in an inbox, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mail {
    /// The addresses or numbers that it names.
    pub to: Vec<String>,
    /// The ones that servers on its way noted: of a shared inbox often without the part behind `+`.
    pub delivered_to: Vec<String>,
    pub subject: String,
    pub texts: Vec<String>,
    pub htmls: Vec<String>,
}

impl Mail {
    /// Reads a message as it was sent (RFC 5322 and MIME). Any bytes are one, if a bad one.
    pub(super) fn parse(raw: &[u8]) -> Self {
        let Some(message) = MessageParser::default().parse(raw) else {
            return Self::default();
        };
        let mut mail = Self { subject: message.subject().unwrap_or("").into(), ..Self::default() };
        for header in message.headers() {
            let places = match header.name.as_str().to_ascii_lowercase().as_str() {
                "to" | "cc" => &mut mail.to,
                "delivered-to" | "x-original-to" | "envelope-to" | "x-envelope-to" | "x-rcptto"
                | "x-rcpt-to" => &mut mail.delivered_to,
                _ => continue,
            };
            match &header.value {
                HeaderValue::Address(list) => {
                    places.extend(list.iter().filter_map(|one| one.address()).map(str::to_owned));
                }
                HeaderValue::Text(text) => places.extend(addresses(text)),
                HeaderValue::TextList(texts) => {
                    places.extend(texts.iter().flat_map(|text| addresses(text)));
                }
                _ => {}
            }
        }
        let part = |number: &u32| message.part(*number).map(|part| &part.body);
        for body in message.text_body.iter().chain(&message.html_body).filter_map(part) {
            let (texts, text) = match body {
                PartType::Text(text) => (&mut mail.texts, text),
                PartType::Html(html) => (&mut mail.htmls, html),
                _ => continue,
            };
            if !texts.iter().any(|known| known == text) {
                texts.push(text.to_string());
            }
        }
        mail
    }

    /// Whether it went to this address or number and no other. What it names itself counts first: a server may note
    /// `name@` of a message to `name+detail@`, which is not one to `name@`.
    pub(super) fn is_to(&self, address: &str) -> bool {
        let has = |places: &[String]| places.iter().any(|place| is_same(place, address));
        let other_detail = |place: &String| {
            super::mailbox(place) == super::mailbox(address) && !is_same(place, address)
        };
        has(&self.to) || (has(&self.delivered_to) && !self.to.iter().any(other_detail))
    }

    /// The code in its text, else in its HTML, else in its subject.
    pub(super) fn code(&self, pattern: &Pattern) -> Option<String> {
        let in_texts = self.texts.iter().find_map(|text| pattern.in_text(text));
        in_texts
            .or_else(|| self.htmls.iter().find_map(|html| pattern.in_html(html)))
            .or_else(|| pattern.in_text(&self.subject))
    }
}

/// Addresses are the same whatever the case, numbers however they are grouped.
fn is_same(one: &str, other: &str) -> bool {
    if one.contains('@') || other.contains('@') {
        return one.trim().to_lowercase() == other.trim().to_lowercase();
    }
    let digits = |number: &str| -> String { number.chars().filter(char::is_ascii_digit).collect() };
    let number = digits(one);
    !number.is_empty() && number == digits(other)
}

/// The addresses in a header's text: `Ann <ann@x.example>, bob@x.example`.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = String> {
    text.split(',').filter_map(|one| {
        let address = match one.split_once('<') {
            Some((_, rest)) => rest.split('>').next().unwrap_or_default(),
            None => one,
        };
        let address = address.trim();
        (!address.is_empty()).then(|| address.to_owned())
    })
}

/// An address or a number, as much of it as tells a person which it is.
pub(super) fn masked(place: &str) -> String {
    let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    if let Some((local, domain)) = place.split_once('@') {
        return format!("{}***@{}***", first(local), first(domain));
    }
    let skipped = place.chars().count().saturating_sub(2);
    format!("***{}", place.chars().skip(skipped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{Mail, addresses, masked};
    use crate::codes::Pattern;

    fn code(raw: &str) -> Option<String> {
        Mail::parse(raw.replace('\n', "\r\n").as_bytes()).code(&Pattern::SixDigits)
    }

    #[test]
    fn encodings_are_decoded() {
        let quoted = "To: a@x.example\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
                      Content-Transfer-Encoding: quoted-printable\n\nIhr Bestätigungscode=3A 48291=\n3\n";
        assert_eq!(code(quoted).as_deref(), Some("482913"));
        // "<p>Kod: <b>482913</b></p>"
        let html = "To: a@x.example\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\
                    Content-Transfer-Encoding: base64\n\nPHA+S29kOiA8Yj40ODI5MTM8L2I+PC9wPg==\n";
        assert_eq!(code(html).as_deref(), Some("482913"));
        let subject =
            "To: a@x.example\nSubject: =?utf-8?B?NDgyOTEzIGlzdCBJaHIgQ29kZQ==?=\n\nSee it.\n";
        assert_eq!(code(subject).as_deref(), Some("482913"));
        let parts = "To: a@x.example\nMIME-Version: 1.0\n\
                     Content-Type: multipart/alternative; boundary=b\n\n\
                     --b\nContent-Type: text/plain\n\nSee it in a browser.\n\
                     --b\nContent-Type: text/html\n\n<style>p{color:#123456}</style><p>482913</p>\n--b--\n";
        assert_eq!(code(parts).as_deref(), Some("482913"));
        let attached = "To: a@x.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
                        --b\nContent-Type: text/plain\n\nNothing.\n\
                        --b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\n\
                        482913\n--b--\n";
        assert_eq!(code(attached), None);
        // "確認コードは482913です" in Shift_JIS.
        let mut japanese = b"To: a@x.example\r\nMIME-Version: 1.0\r\n\
            Content-Type: text/plain; charset=Shift_JIS\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            .to_vec();
        japanese.extend(b"\x8a\x6d\x94\x46\x83\x52\x81\x5b\x83\x68\x82\xcd482913\x82\xc5\x82\xb7");
        let mail = Mail::parse(&japanese);
        assert_eq!(mail.code(&Pattern::SixDigits).as_deref(), Some("482913"));
        assert!(mail.texts[0].starts_with("確認コード"), "{mail:?}");
        assert_eq!(code(""), None);
    }

    #[test]
    fn a_mail_is_to_the_address_that_it_names() {
        let mail = |headers: &str| Mail::parse(format!("{headers}\r\n\r\nhello").as_bytes());
        let tagged = mail("To: Ann <Ann+1@x.example>\r\nDelivered-To: ann@x.example");
        assert!(tagged.is_to("ann+1@X.example"));
        for other in ["ann@x.example", "ann+2@x.example", "ann+11@x.example", "nn+1@x.example"] {
            assert!(!tagged.is_to(other), "{other}");
        }
        let hidden = mail("To: undisclosed-recipients:;\r\nX-RcptTo: ann+1@x.example");
        assert!(hidden.is_to("ann+1@x.example") && !hidden.is_to("ann@x.example"));
        let list = mail("To: list@y.example\r\nDelivered-To: <ann@x.example>");
        assert!(list.is_to("ann@x.example"));
        let text = Mail { to: vec!["+1 (555) 000-0001".to_owned()], ..Mail::default() };
        assert!(text.is_to("+15550000001") && !text.is_to("+15550000002") && !text.is_to(""));
    }

    #[test]
    fn addresses_are_found_and_masked() {
        let found: Vec<_> = addresses("Ann <ann@x.example>, bob@y.example,").collect();
        assert_eq!(found, ["ann@x.example", "bob@y.example"]);
        assert_eq!(masked("ann+1@x.example"), "a***@x***");
        assert_eq!((masked("+15550000001"), masked("")), ("***01".to_owned(), "***".to_owned()));
    }
}
