//! What stands before dovecot: an SMTP server that puts what it takes into a mailbox. dovecot has none.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    mem,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use super::dovecot::deliver;

/// However busy the machine is.
const ENOUGH: Duration = Duration::from_mins(1);

/// Takes mail for all addresses while this process runs, and puts it into a Maildir.
pub(crate) struct Front {
    pub(crate) port: u16,
    mailbox: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    way: Way,
    /// How many mails were taken.
    taken: usize,
    held: Vec<String>,
}

/// What becomes of a mail that was taken.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// It is in the mailbox before the sender is told so.
    Delivered,
    /// It is in the mailbox when another way is set.
    Held,
    /// It is never there.
    Lost,
    /// Another is in its place, which this makes of how many there were before it, its receiver and the six digits.
    Written(fn(usize, &str, &str) -> String),
}

impl Front {
    pub(crate) fn start(mailbox: &Path) -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let state = State { way: Way::Delivered, taken: 0, held: Vec::new() };
        let front = Arc::new(Self {
            port: listener.local_addr()?.port(),
            mailbox: mailbox.to_owned(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let server = Arc::clone(&front);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&server);
                thread::spawn(move || server.talk(&stream));
            }
        });
        Ok(front)
    }

    /// From now on. What was held goes on its way.
    pub(crate) fn set(&self, way: Way) -> io::Result<()> {
        let held = {
            let mut state = self.state();
            state.way = way;
            mem::take(&mut state.held)
        };
        held.iter().try_for_each(|mail| deliver(&self.mailbox, Duration::ZERO, mail))
    }

    /// Returns when so many mails were taken.
    pub(crate) fn wait_for(&self, mails: usize) -> io::Result<()> {
        let waited = self.changed.wait_timeout_while(self.state(), ENOUGH, |it| it.taken < mails);
        let (state, limit) = waited.unwrap_or_else(PoisonError::into_inner);
        if limit.timed_out() {
            return Err(io::Error::other(format!("only {} mails came", state.taken)));
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, to: &str, mail: &str) -> io::Result<()> {
        let delivered = |mail: &str| format!("Delivered-To: {to}\n{mail}");
        let (way, before) = {
            let mut state = self.state();
            if matches!(state.way, Way::Held) {
                state.held.push(delivered(mail));
            }
            state.taken += 1;
            (state.way, state.taken - 1)
        };
        self.changed.notify_all();
        match way {
            Way::Delivered => deliver(&self.mailbox, Duration::ZERO, &delivered(mail)),
            Way::Held | Way::Lost => Ok(()),
            Way::Written(write) => {
                let (_, body) = mail.split_once("\n\n").unwrap_or_default();
                let mut words = body.split(|character: char| !character.is_ascii_alphanumeric());
                let is_code =
                    |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
                let code = words.find(is_code).unwrap_or_default();
                deliver(&self.mailbox, Duration::ZERO, &delivered(&write(before, to, code)))
            }
        }
    }

    fn talk(&self, stream: &TcpStream) -> io::Result<()> {
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
                    let put = |to: &String| self.take(to, &mail);
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
}
