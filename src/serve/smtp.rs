//! Sends a tenant's e-mails over SMTP, so that a real mailbox gets them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender, SyncSender, TrySendError},
    },
    time::Duration,
};

use lettre::{
    Message, SmtpTransport, Transport as _,
    message::{Mailbox, MultiPart},
};
use thiserror::Error;

use crate::emulator::Email;

/// A mail server that does not answer for so long is given up.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Whoever ends the tenant does not wait longer for e-mails that are on their way.
const LAST_LIMIT: Duration = Duration::from_secs(2);
/// So many e-mails wait for the server at most.
const QUEUE: usize = 1000;

/// A thread that sends e-mails one after the other; what is on its way when it is dropped is sent
/// still, if the server takes it soon.
pub struct Mailer {
    queue: Option<SyncSender<Email>>,
    /// How many found the queue full since that was last told.
    lost: Arc<AtomicUsize>,
    /// Its sender is gone when the thread has ended.
    ended: Receiver<()>,
}

/// Why an e-mail was not sent, or none can be.
#[derive(Debug, Error)]
pub enum MailError {
    /// The address of the mail server is none.
    #[error("this is no address of a mail server: {0}")]
    Url(#[source] lettre::transport::smtp::Error),
    /// The address of the sender or of the user is none.
    #[error("`{0}` is no address that e-mail can be sent from or to")]
    Address(String),
    /// The e-mail could not be written.
    #[error("the e-mail cannot be written: {0}")]
    Message(#[from] lettre::error::Error),
    /// Too many waited for the mail server.
    #[error("the mail server is too slow: {0} were not sent")]
    Busy(usize),
    /// The mail server has not taken it.
    #[error("the mail server has not taken an e-mail: {0}")]
    Refused(#[source] lettre::transport::smtp::Error),
}

impl Mailer {
    /// Sends by the server at `url`, such as `smtp://127.0.0.1:1025`, or `smtps://name:password@mail.example`, as
    /// `sender`. What cannot be sent is told to `complain`; the tenant does not wait for it.
    pub fn start(
        url: &str,
        sender: &str,
        complain: impl Fn(&MailError) + Send + 'static,
    ) -> Result<Self, MailError> {
        let sender: Mailbox = sender.parse().map_err(|_| MailError::Address(sender.to_owned()))?;
        let transport = SmtpTransport::from_url(url).map_err(MailError::Url)?;
        let transport = transport.timeout(Some(TIME_LIMIT)).build();
        let (queue, emails) = mpsc::sync_channel::<Email>(QUEUE);
        let lost = Arc::new(AtomicUsize::new(0));
        let missed = Arc::clone(&lost);
        let (alive, ended) = mpsc::channel();
        std::thread::spawn(move || {
            let _alive: Sender<()> = alive;
            for email in emails {
                let sent = message(&sender, &email)
                    .and_then(|message| transport.send(&message).map_err(MailError::Refused));
                if let Err(error) = sent {
                    complain(&error);
                }
                match missed.swap(0, Ordering::Relaxed) {
                    0 => {}
                    many => complain(&MailError::Busy(many)),
                }
            }
        });
        Ok(Self { queue: Some(queue), lost, ended })
    }

    /// Sends an e-mail, some time soon.
    pub fn send(&self, email: Email) {
        let Some(queue) = &self.queue else { return };
        // Only a thread that has panicked does not listen.
        if let Err(TrySendError::Full(_)) = queue.try_send(email) {
            // The tenant waits for whoever tells it: the thread does.
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Mailer {
    fn drop(&mut self) {
        self.queue = None;
        // Whether it ends or the time does: nobody is told.
        let _ = self.ended.recv_timeout(LAST_LIMIT);
    }
}

/// As text and as HTML, as Auth0 sends them.
fn message(sender: &Mailbox, email: &Email) -> Result<Message, MailError> {
    let to: Mailbox = email.to.parse().map_err(|_| MailError::Address(email.to.clone()))?;
    let body = MultiPart::alternative_plain_html(email.text.clone(), email.html.clone());
    Ok(Message::builder()
        .from(sender.clone())
        .to(to)
        .subject(email.subject.clone())
        .multipart(body)?)
}
