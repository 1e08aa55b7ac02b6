//! A person at a terminal, who is asked for the code.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{
    sync::{Mutex, mpsc},
    time::timeout,
};

use super::{Address, NoCode, Wanted, mail::masked};
use crate::secret::Secret;

/// A person. Questions of scenarios that run at once are put one after the other; a clone asks the same person.
#[derive(Clone)]
pub struct Prompt(Arc<Mutex<Conversation>>);

struct Conversation {
    questions: Box<dyn Write + Send>,
    /// What was typed, line by line.
    lines: mpsc::UnboundedReceiver<String>,
}

impl Prompt {
    /// The person at the terminal that this process belongs to, wherever its input and output go.
    pub fn terminal() -> Result<Self, NoCode> {
        let open = || -> io::Result<(File, File)> {
            let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
            Ok((terminal.try_clone()?, terminal))
        };
        let (answers, questions) = open().map_err(|_| NoCode::NoTerminal)?;
        Ok(Self::new(BufReader::new(answers), questions))
    }

    fn new(answers: impl BufRead + Send + 'static, questions: impl Write + Send + 'static) -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        // Reading cannot be given up, so a thread does it that nobody waits for.
        thread::spawn(move || {
            for line in answers.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let conversation = Conversation { questions: Box::new(questions), lines };
        Self(Arc::new(Mutex::new(conversation)))
    }

    pub(super) async fn code(
        &self,
        wanted: Wanted<'_>,
        limit: Duration,
    ) -> Result<Secret<String>, NoCode> {
        let answered = async {
            let mut conversation = self.0.lock().await;
            // What was typed too late for another question is no answer to this one.
            while conversation.lines.try_recv().is_ok() {}
            let question = question(wanted, limit);
            let asked = write!(conversation.questions, "{question}")
                .and_then(|()| conversation.questions.flush());
            asked.map_err(|_| NoCode::NoTerminal)?;
            conversation.lines.recv().await.ok_or(NoCode::NoTerminal)
        };
        let line = timeout(limit, answered).await.map_err(|_| NoCode::NoAnswer(limit))??;
        let code: String = line.chars().filter(|next| !next.is_whitespace()).collect();
        if code.is_empty() { Err(NoCode::EmptyAnswer) } else { Ok(Secret::new(code)) }
    }
}

fn question(wanted: Wanted<'_>, limit: Duration) -> String {
    let where_from = match wanted {
        Wanted::Message(Address::Email(address)) => format!("sent to {}", masked(address)),
        Wanted::Message(Address::Sms(number)) => format!("in the text to {}", masked(number)),
        Wanted::Message(Address::Voice(number)) => format!("in the call to {}", masked(number)),
        Wanted::App(_) => "that the authenticator app shows".to_owned(),
    };
    format!("The code {where_from} (within {} s): ", limit.as_secs())
}

#[cfg(test)]
mod tests {
    use std::{io, sync::mpsc, time::Duration};

    use super::Prompt;
    use crate::{
        codes::{Address, NoCode, Wanted},
        secret::Secret,
    };

    /// A person who answers each question with the next line, and what they were asked.
    fn person(answers: &'static [&'static str]) -> (Prompt, mpsc::Receiver<String>) {
        struct Asked(mpsc::Sender<String>, io::PipeWriter, std::slice::Iter<'static, &'static str>);
        impl io::Write for Asked {
            fn write(&mut self, text: &[u8]) -> io::Result<usize> {
                self.0
                    .send(String::from_utf8_lossy(text).into_owned())
                    .map_err(io::Error::other)?;
                Ok(text.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                self.2.next().map_or(Ok(()), |answer| self.1.write_all(answer.as_bytes()))
            }
        }
        let (reader, writer) = io::pipe().expect("a pipe");
        let (sender, asked) = mpsc::channel();
        let prompt = Prompt::new(io::BufReader::new(reader), Asked(sender, writer, answers.iter()));
        (prompt, asked)
    }

    #[tokio::test]
    async fn a_person_is_asked_for_the_code() {
        let (prompt, asked) = person(&["482 913\n", "\n"]);
        let address = Address::Email("ann@x.example".to_owned());
        let limit = Duration::from_secs(10);
        let wanted = Wanted::Message(&address);
        assert_eq!(prompt.code(wanted, limit).await, Ok(Secret::new("482913".to_owned())));
        assert_eq!(prompt.code(wanted, limit).await, Err(NoCode::EmptyAnswer));
        let limit = Duration::from_millis(20);
        assert_eq!(prompt.code(wanted, limit).await, Err(NoCode::NoAnswer(limit)));
        let question: String = asked.try_iter().take(3).collect();
        assert!(question.contains("The code sent to a***@x***"), "{question}");
    }

    #[tokio::test]
    async fn where_nobody_is_nobody_is_asked() {
        let prompt = Prompt::new(io::empty(), io::sink());
        let secret = Secret::new(String::new());
        let code = prompt.code(Wanted::App(&secret), Duration::from_secs(10)).await;
        assert_eq!(code, Err(NoCode::NoTerminal));
    }
}
