//! What stands before dovecot: an SMTP server that puts what it takes into a mailbox. dovecot has none.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
    time::Duration,
};

use super::dovecot::deliver;

/// Takes mail for all addresses on the port that is returned, and puts it into the Maildir at `mailbox`, while this
/// process runs. It says 250 only of what is there.
pub(crate) fn serve(mailbox: &Path) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let mailbox = mailbox.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mailbox = mailbox.clone();
            thread::spawn(move || talk(&stream, &mailbox));
        }
    });
    Ok(port)
}

fn talk(stream: &TcpStream, mailbox: &Path) -> io::Result<()> {
    let say = |text: &str| { stream }.write_all(format!("{text}\r\n").as_bytes());
    let mut lines = BufReader::new(stream).lines();
    let mut receivers = Vec::new();
    say("220 front")?;
    while let Some(line) = lines.next().transpose()? {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            "EHLO" | "HELO" | "NOOP" => say("250 front")?,
            "MAIL" | "RSET" => {
                receivers.clear();
                say("250 front")?;
            }
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                receivers.push(address.to_owned());
                say("250 front")?;
            }
            "DATA" => {
                say("354 go on")?;
                let mut mail = String::new();
                while let Some(line) = lines.next().transpose()?.filter(|line| line != ".") {
                    mail += line.strip_prefix('.').unwrap_or(&line);
                    mail += "\n";
                }
                let put = |to: &String| {
                    let delivered = format!("Delivered-To: {to}\n{mail}");
                    deliver(mailbox, Duration::ZERO, &delivered)
                };
                say(if receivers.iter().try_for_each(put).is_ok() {
                    "250 taken"
                } else {
                    "451 no"
                })?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("502 what")?,
        }
    }
    Ok(())
}
