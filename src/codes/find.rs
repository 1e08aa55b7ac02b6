//! The code in what was sent: in a text, and in HTML as a person sees it.

use std::sync::LazyLock;

use regex::Regex;
use thiserror::Error;

/// How a code is told from the rest of a message.
#[derive(Clone, Debug, Default)]
pub enum Pattern {
    /// The first six digits that stand by themselves. Those of an address, a number with more to it, a date, a colour
    /// or a reference with `#` do not.
    #[default]
    SixDigits,
    /// What the one group of a regular expression holds, without the separators in it.
    Group(Regex),
}

/// Why a regular expression cannot find codes.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum BadPattern {
    /// It is none.
    #[error("it is no regular expression: {0}")]
    Regex(#[from] regex::Error),
    /// It has no group, or several.
    #[error("it has {0} groups; it needs one, around the code, as in `code: ([0-9]{{6}})`")]
    Groups(usize),
}

impl Pattern {
    /// A regular expression with one group, which is around the code.
    pub fn new(regex: &str) -> Result<Self, BadPattern> {
        let regex = Regex::new(regex)?;
        match regex.captures_len() - 1 {
            1 => Ok(Self::Group(regex)),
            groups => Err(BadPattern::Groups(groups)),
        }
    }

    /// The code in a text.
    #[must_use]
    pub fn in_text(&self, text: &str) -> Option<String> {
        let text = plain(text);
        match self {
            Self::SixDigits => six_digits(&text),
            Self::Group(regex) => {
                let group = regex.captures(&text)?.get(1)?.as_str();
                let separator = |next: &char| next.is_whitespace() || "-‐‑–.".contains(*next);
                let code: String = group.chars().filter(|next| !separator(next)).collect();
                (!code.is_empty()).then_some(code)
            }
        }
    }

    /// The code in HTML. Tags are between words; if that finds none, those that only change how letters look are not:
    /// some templates have each digit in one of its own.
    #[must_use]
    pub fn in_html(&self, html: &str) -> Option<String> {
        self.in_text(&visible(html, &[])).or_else(|| self.in_text(&visible(html, &INLINE)))
    }
}

/// Tags that a word can go across.
const INLINE: [&str; 9] = ["a", "b", "big", "em", "font", "i", "span", "strong", "u"];
/// Elements whose content is not shown.
const HIDDEN: [&str; 5] = ["head", "style", "script", "title", "template"];

/// A text without the characters that have no width, its digits those of ASCII.
fn plain(text: &str) -> String {
    let digit = |next: char| {
        let zeros = ['٠', '۰', '०', '０'];
        let value = zeros
            .iter()
            .map(|zero| u32::from(next).wrapping_sub(u32::from(*zero)))
            .find(|value| *value < 10);
        value.and_then(|value| char::from_digit(value, 10)).unwrap_or(next)
    };
    let no_width = ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];
    text.chars().filter(|next| !no_width.contains(next)).map(digit).collect()
}

/// URLs and addresses: what is in them is no code. ASCII only, since in some languages no space is before a word.
static ADDRESSES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let url = r#"[A-Za-z][A-Za-z0-9+.-]*://[!-~&&[^<>"]]*|www\.[!-~&&[^<>"]]*"#;
    let email = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+";
    Regex::new(&format!("{url}|{email}")).ok()
});

fn six_digits(text: &str) -> Option<String> {
    let text = ADDRESSES.as_ref().map(|addresses| addresses.replace_all(text, " "))?;
    let mut start = 0;
    while let Some(at) = text[start..].find(|next: char| next.is_ascii_digit()) {
        let from = start + at;
        let length = text[from..].find(|next: char| !next.is_ascii_digit());
        let to = length.map_or(text.len(), |length| from + length);
        if to - from == 6 && stands_alone(&text[..from], &text[to..]) {
            return Some(text[from..to].to_owned());
        }
        start = to;
    }
    None
}

/// Whether digits between these are no part of something longer.
fn stands_alone(before: &str, after: &str) -> bool {
    let joins = |next: char| matches!(next, '.' | ',' | '/' | '-' | ':');
    let part = |next: char| next.is_ascii_alphanumeric() || next == '_';
    let mut before = before.chars().rev();
    let mut after = after.chars();
    // `#482913` is a colour or an order, `+482913` a number, `12.482913`, `482913/26` parts of others. A colon joins
    // only what follows it: `step 2:482913` is a code.
    let goes_on_before = match before.next() {
        Some(next) if part(next) || matches!(next, '#' | '+') => true,
        Some(next) if joins(next) && next != ':' => {
            before.next().is_some_and(|next| next.is_ascii_digit())
        }
        _ => false,
    };
    let goes_on_after = match after.next() {
        Some(next) if part(next) => true,
        // With a comma goes on a sentence: `482913,5 minutes`.
        Some(next) if joins(next) && next != ',' => {
            after.next().is_some_and(|next| next.is_ascii_digit())
        }
        _ => false,
    };
    !goes_on_before && !goes_on_after
}

/// What a person sees of HTML: no tags, comments or styles, entities as what they stand for. Each tag is a space but
/// those in `glued`, which are nothing.
fn visible(html: &str, glued: &[&str]) -> String {
    let mut text = String::with_capacity(html.len());
    let lower_case = html.to_ascii_lowercase();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let tag = rest[1..].trim_start_matches('/');
        if !tag.starts_with(|next: char| next.is_ascii_alphabetic() || matches!(next, '!' | '?')) {
            // A `<` in the text.
            text.push('<');
            rest = &rest[1..];
            continue;
        }
        let letters = tag.find(|next: char| !next.is_ascii_alphanumeric()).unwrap_or(tag.len());
        let name = tag[..letters].to_ascii_lowercase();
        let opens = !rest.starts_with("</");
        rest = &rest[end_of_tag(rest)..];
        if !glued.contains(&name.as_str()) {
            text.push(' ');
        }
        if opens && HIDDEN.contains(&name.as_str()) {
            let end = lower_case[html.len() - rest.len()..].find(&format!("</{name}"));
            rest = end.map_or("", |end| &rest[end..]);
        }
    }
    text.push_str(rest);
    entities(&text)
}

/// Behind the `>` that ends a tag; one in a quoted attribute does not.
fn end_of_tag(html: &str) -> usize {
    let mut quote = None;
    for (at, next) in html.char_indices() {
        match (quote, next) {
            (None, '>') => return at + 1,
            (None, '"' | '\'') => quote = Some(next),
            (Some(open), _) if open == next => quote = None,
            _ => {}
        }
    }
    html.len()
}

/// A text in which character references are what they stand for, as far as they can matter to a code.
fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // None that is known is longer.
        let length = rest.bytes().take(12).position(|next| next == b';');
        let name = length.and_then(|length| rest.get(1..length));
        let known = name.and_then(|name| Some((name, entity(name)?)));
        if let Some((name, character)) = known {
            out.push(character);
            rest = &rest[name.len() + 2..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hexadecimal = number.strip_prefix(['x', 'X']);
        let code = match hexadecimal {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "shy" => '\u{ad}',
        "zwj" => '\u{200d}',
        "zwnj" => '\u{200c}',
        "commat" => '@',
        "num" => '#',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{BadPattern, Pattern, visible};

    #[test]
    fn six_digits_stand_alone_in_a_text() {
        for (text, code) in [
            ("Your code is 482913.", Some("482913")),
            ("482913", Some("482913")),
            ("確認コードは482913です", Some("482913")),
            ("رمزك هو ٤٨٢٩١٣", Some("482913")),
            ("コード：４８２９１３", Some("482913")),
            ("4\u{200b}8\u{200b}2\u{200b}913", Some("482913")),
            ("Step 2:482913", Some("482913")),
            ("order 1234567, then 482913, or 111111", Some("482913")),
            ("from 482913@x.example to a+123456@x.example: 111111", Some("111111")),
            ("https://x.example/482913?t=123456 111111", Some("111111")),
            ("コード https://x.example/482913です", None),
            ("www.x.example/482913", None),
            ("20261124 2026-11-24T18:20:59.482913Z 482913/26 12.482913 +482913", None),
            ("color #482913 and order #482913 and id a482913 or 482913b", None),
            ("one 48291 two 4829134", None),
            ("482 913", None),
            ("验证码:482913,5分钟内有效", Some("482913")),
        ] {
            assert_eq!(Pattern::SixDigits.in_text(text).as_deref(), code, "{text}");
        }
    }

    #[test]
    fn a_regular_expression_has_one_group() {
        let found = |regex: &str, text: &str| {
            Pattern::new(regex).expect("a pattern").in_text(text).unwrap_or_default()
        };
        assert_eq!(found("code ([0-9 -]+)", "ref 111111, code 482 913"), "482913");
        assert_eq!(found("Kode: ([A-Z0-9]{8})", "Kode: A1B2C3D4"), "A1B2C3D4");
        assert_eq!(found("code ([0-9]*)", "code "), "");
        assert_eq!(Pattern::new("[0-9]{6}").err(), Some(BadPattern::Groups(0)));
        assert_eq!(Pattern::new("(a)(b)").err(), Some(BadPattern::Groups(2)));
        assert!(matches!(Pattern::new("("), Err(BadPattern::Regex(_))));
    }

    #[test]
    fn html_is_read_as_a_person_sees_it() {
        for html in [
            "<style>p{color:#336699} .a{width:111111}</style><p style='x:111111'>482913</p>",
            "<head><title>111111</title></head><td>1</td><td>482913</td>",
            "<div>Step 2</div><div>482913</div>",
            "Ref 12<p>482913</p>",
            "<!-- 111111 --><SCRIPT>111111</SCRIPT><b>482913</b>",
            "<span>4</span><span>8</span><span>2</span><b>9</b><i>1</i><font size=1>3</font>",
            "&#52;82&#x39;13",
            "1 &lt; 2 < 3 &amp; <a title='>111111' href=\"https://x.example/111111\">482913</a>",
            "<p>4&zwnj;8&shy;2913</p>",
        ] {
            assert_eq!(Pattern::SixDigits.in_html(html).as_deref(), Some("482913"), "{html}");
        }
        for html in ["<p", "<", "&", "&#;", "<style>482913", "<!-- 482913", "<p title='482913>"] {
            assert_eq!(Pattern::SixDigits.in_html(html), None, "{html}");
        }
        assert_eq!(visible("a<br>b &unknown; &#x110000;", &[]), "a b &unknown; &#x110000;");
    }
}
