//! From what the file says of codes to the sources that give them.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{CodeSource, Codes, TargetSpec};
use crate::{
    codes::{self, App, BadHttp, BadImap, Command, Http, Imap, NoCode, NoProgram, Prompt},
    scenario::Channel,
};

/// Why a source cannot be used.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the causes say it")]
pub enum BadSource {
    #[error(transparent)]
    Imap(#[from] BadImap),
    #[error(transparent)]
    Http(#[from] BadHttp),
    #[error(transparent)]
    Command(#[from] NoProgram),
    #[error(transparent)]
    Prompt(#[from] NoCode),
}

impl TargetSpec {
    /// A source of codes for each channel that has one, or why it cannot be used. Nothing is connected to yet, but a
    /// terminal is opened where a person is to be asked: one for all channels.
    #[must_use]
    pub fn open_codes(&self) -> BTreeMap<Channel, Result<codes::CodeSource, BadSource>> {
        let mut prompt = None;
        let open = |(channel, codes): (&Channel, &Codes)| {
            (*channel, self.open(&codes.source, &mut prompt))
        };
        self.codes.iter().map(open).collect()
    }

    fn open(
        &self,
        source: &CodeSource,
        prompt: &mut Option<Prompt>,
    ) -> Result<codes::CodeSource, BadSource> {
        let ca = self.authorities.as_deref();
        Ok(match source {
            CodeSource::Imap(settings, pattern) => codes::CodeSource::Imap(Box::new(Imap::new(
                settings.as_ref().clone(),
                pattern.clone(),
                ca,
            )?)),
            CodeSource::Http(http, pattern) => codes::CodeSource::Http(Box::new(Http::new(
                http.shape.clone(),
                http.parameters.clone(),
                pattern.clone(),
                ca,
                http.interval,
            )?)),
            CodeSource::Totp => codes::CodeSource::Totp(App::default()),
            CodeSource::Command(arguments, pattern) => {
                codes::CodeSource::Command(Command::new(arguments.expose(), pattern.clone())?)
            }
            CodeSource::Prompt => {
                let person = match prompt.take() {
                    Some(person) => person,
                    None => Prompt::terminal()?,
                };
                codes::CodeSource::Prompt(prompt.insert(person).clone())
            }
            CodeSource::Fixed(code) => codes::CodeSource::Fixed(code.clone()),
        })
    }
}
