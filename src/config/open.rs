//! From what the file says of codes to the sources that give them.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{CodeSource, Codes, TargetSpec};
use crate::{
    codes::{self, App, BadHttp, BadImap, Command, Http, Imap, NoCode, NoProgram, Prompt},
    scenario::Channel,
};

/// Why the codes of a channel cannot be had.
#[derive(Debug, Error)]
#[error("the codes of `{}` cannot be had: {cause}", .channel.word())]
pub struct CannotOpen {
    /// The channel.
    pub channel: Channel,
    /// Why.
    #[source]
    pub cause: BadSource,
}

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
    /// A source of codes for each channel that has one. Nothing is connected to yet, but a terminal is opened where a
    /// person is to be asked: one for all channels.
    pub fn open_codes(&self) -> Result<BTreeMap<Channel, codes::CodeSource>, CannotOpen> {
        let mut prompt = None;
        let open = |(channel, codes): (&Channel, &Codes)| {
            let opened = self.open(&codes.source, &mut prompt);
            let opened = opened.map_err(|cause| CannotOpen { channel: *channel, cause })?;
            Ok((*channel, opened))
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
