//! What a text says once it is decoded: percent-encoding, JSON's escapes and base64, alone or one within another.
//!
//! A secret may be written in any of these ways, whole or as a part of something longer. There is no end to the forms that
//! it may have: which characters are percent-encoded differs from one program to the next, and base64 depends on what
//! stands before. So it is the text that is decoded, and not the secret that is encoded; each byte keeps its place.

/// How many encodings may be in one another: a token's payload within credentials within a query takes three.
const DEEPEST: usize = 4;
/// Fewer characters of base64 have no value that is looked for.
const SHORTEST_RUN: usize = 8;
/// Fewer bytes have none either.
const SHORTEST: usize = 6;

/// A text decoded in some way.
pub(super) struct Reading {
    pub(super) bytes: Vec<u8>,
    /// Of each byte where in the text it begins and ends.
    places: Vec<(usize, usize)>,
}

impl Reading {
    /// Where in the text these bytes are; at least one is asked for.
    pub(super) fn place(&self, start: usize, end: usize) -> (usize, usize) {
        (self.places[start].0, self.places[end - 1].1)
    }

    fn push(&mut self, byte: u8, start: usize, end: usize) {
        self.bytes.push(byte);
        self.places.push((start, end));
    }
}

/// Everything that a text says besides what it says as it is. `spaces` is whether `+` may stand for a space.
pub(super) fn readings(text: &str, spaces: bool) -> Vec<Reading> {
    let mut found = decode(text.as_bytes(), spaces);
    let mut from = 0;
    for _ in 1..DEEPEST {
        let until = found.len();
        for outer in from..until {
            for mut inner in decode(&found[outer].bytes, spaces) {
                for place in &mut inner.places {
                    *place = found[outer].place(place.0, place.1);
                }
                found.push(inner);
            }
        }
        from = until;
    }
    found
}

/// Decodes once, in each way that changes anything.
fn decode(text: &[u8], spaces: bool) -> Vec<Reading> {
    let mut found = Vec::new();
    if memchr::memchr(b'%', text).is_some() || spaces && memchr::memchr(b'+', text).is_some() {
        found.extend(unescape(text, &|at| percent(text, at, false)));
        if spaces {
            found.extend(unescape(text, &|at| percent(text, at, true)));
        }
    }
    if memchr::memchr(b'\\', text).is_some() {
        found.extend(unescape(text, &|at| json(text, at)));
    }
    base64(text, &mut found);
    found
}

/// What an escape stands for, and how long it is.
type Escape = (Unescaped, usize);

enum Unescaped {
    Byte(u8),
    Char(char),
}

/// Nothing if there is no escape.
fn unescape(text: &[u8], escape: &dyn Fn(usize) -> Option<Escape>) -> Option<Reading> {
    let mut reading = Reading { bytes: Vec::new(), places: Vec::new() };
    let mut at = 0;
    while at < text.len() {
        match escape(at) {
            Some((Unescaped::Byte(byte), length)) => {
                reading.push(byte, at, at + length);
                at += length;
            }
            Some((Unescaped::Char(character), length)) => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    reading.push(byte, at, at + length);
                }
                at += length;
            }
            None => {
                reading.push(text[at], at, at + 1);
                at += 1;
            }
        }
    }
    (reading.bytes != text).then_some(reading)
}

fn percent(text: &[u8], at: usize, spaces: bool) -> Option<Escape> {
    match text[at] {
        b'+' if spaces => Some((Unescaped::Byte(b' '), 1)),
        b'%' => {
            let byte = hex(text.get(at + 1..at + 3)?)?;
            Some((Unescaped::Byte(u8::try_from(byte).ok()?), 3))
        }
        _ => None,
    }
}

fn json(text: &[u8], at: usize) -> Option<Escape> {
    if text[at] != b'\\' {
        return None;
    }
    let character = match text.get(at + 1)? {
        plain @ (b'"' | b'\\' | b'/') => char::from(*plain),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = |at: usize| match text.get(at..at + 2)? {
                b"\\u" => hex(text.get(at + 2..at + 6)?),
                _ => None,
            };
            let first = unit(at)?;
            if let Some(character) = char::from_u32(first) {
                return Some((Unescaped::Char(character), 6));
            }
            let pair = [u16::try_from(first).ok()?, u16::try_from(unit(at + 6)?).ok()?];
            let character = char::decode_utf16(pair).next()?.ok()?;
            return Some((Unescaped::Char(character), 12));
        }
        _ => return None,
    };
    Some((Unescaped::Char(character), 2))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number * 16 + char::from(*digit).to_digit(16)?))
}

/// Every run of base64, from each of its first four characters on: what stands before the encoded text may look like a
/// part of it.
fn base64(text: &[u8], found: &mut Vec<Reading>) {
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().take_while(|byte| SEXTETS[usize::from(**byte)] < 64).count();
        if length >= SHORTEST_RUN {
            let run = &text[at..at + length];
            found.extend((0..4).filter_map(|skipped| base64_run(&run[skipped..], at + skipped)));
        }
        at += length + 1;
    }
}

/// Nothing if it decodes to noise, as most words do: that is found out without a copy.
fn base64_run(run: &[u8], start: usize) -> Option<Reading> {
    let count = run.len() * 6 / 8;
    let bytes = (0..count).map(|index| base64_byte(run, index));
    if !has_text(bytes.clone()) {
        return None;
    }
    // Each byte begins in one character and ends in that or the next.
    let places =
        (0..count).map(|index| (start + index * 8 / 6, start + (index * 8 + 7) / 6 + 1)).collect();
    Some(Reading { bytes: bytes.collect(), places })
}

/// One of the bytes that a run stands for.
fn base64_byte(run: &[u8], index: usize) -> u8 {
    let sextet = |at: usize| SEXTETS[usize::from(run[at])];
    let first = index * 8 / 6;
    match index % 3 {
        0 => sextet(first) << 2 | sextet(first + 1) >> 4,
        1 => sextet(first) << 4 | sextet(first + 1) >> 2,
        _ => sextet(first) << 6 | sextet(first + 1),
    }
}

/// What each character of either alphabet of base64 stands for; of others 64.
static SEXTETS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut sextets = [64; 256];
    let mut sextet = 0_u8;
    while sextet < 64 {
        sextets[alphabet[sextet as usize] as usize] = sextet;
        sextet += 1;
    }
    sextets[b'-' as usize] = 62;
    sextets[b'_' as usize] = 63;
    sextets
};

/// Whether there is enough text in it to have a value that is looked for. It may take some noise for text, but no text for
/// noise.
fn has_text(bytes: impl Iterator<Item = u8>) -> bool {
    let mut length = 0;
    let mut missing = 0;
    for byte in bytes {
        let is_text = match byte {
            0x80..0xc0 => missing > 0,
            b'\t' | b'\n' | b'\r' | 0x20..0x80 | 0xc2..0xf5 => missing == 0,
            _ => false,
        };
        length = if is_text { length + 1 } else { 0 };
        missing = match byte {
            0xc2..0xe0 => 1,
            0xe0..0xf0 => 2,
            0xf0..0xf5 => 3,
            _ if is_text && missing > 0 => missing - 1,
            _ => 0,
        };
        // What breaks one text off may begin another.
        if !is_text && matches!(byte, 0x20..0x80 | 0xc2..0xf5) {
            length = 1;
        }
        if length >= SHORTEST {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::readings;

    #[test]
    fn what_is_encoded_is_read_where_it_stands() {
        for (text, written, value) in [
            ("to=a%2bb%40c&x", "a%2bb%40c", "a+b@c"),
            ("to=a%252Bb%2540c", "a%252Bb%2540c", "a+b@c"),
            (r"x\u0061\/\ud83d\ude00\n!", r"\u0061\/\ud83d\ude00\n", "a/😀\n"),
            ("Basic YXBwOmEgc2VjcmV0", "mEgc2VjcmV0", "a secret"),
            ("x/eyJhIjoiYSBzZWNyZXQifQ", "YSBzZWNyZXQ", "a secret"),
            ("(ID8/Pz4+Pj8_Pz4-Pg==)", "Pz4+Pj8_Pz4-Pg", "?>>>???>>>"),
        ] {
            let found = readings(text, false).into_iter().find_map(|reading| {
                let at = memchr::memmem::find(&reading.bytes, value.as_bytes())?;
                Some(reading.place(at, at + value.len()))
            });
            let (start, end) = found.unwrap_or_else(|| panic!("{value:?} in {text}"));
            assert_eq!(&text[start..end], written, "{text}");
        }
    }

    #[test]
    fn plain_texts_say_nothing_besides() {
        for text in
            ["", "mfa_required", "application/json", "/oauth/token", "100 %", r"C:\x", "a+b"]
        {
            assert!(readings(text, false).is_empty(), "{text}");
        }
        assert_eq!(readings("a+b", true).len(), 1);
    }
}
