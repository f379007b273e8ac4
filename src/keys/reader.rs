//! The reading of sources, one by one: what one of them lacks, another may have.
//!
//! # Source
//! `sops` 3.13, observed; see `docs/migrating-from-sops.md` for the one difference, that a bad line costs only itself.

use std::{io::ErrorKind, path::Path, sync::Arc};

use super::{
    ask::Asker,
    content::{Content, SOURCE_LIMIT_BYTES, Words, parse_content},
    source::{Source, SourceProblem},
};
use crate::base::{
    env::Env,
    files::{FileError, FileProblem, read_bytes},
    process::Tool,
};

/// A command that prints identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyCommand {
    /// `SOPS_AGE_KEY_CMD`.
    Identities,
    /// `SOPS_AGE_SSH_PRIVATE_KEY_CMD`.
    SshKey,
}

impl KeyCommand {
    /// Both, in the order in which they are run.
    pub(super) const ALL: [Self; 2] = [Self::Identities, Self::SshKey];

    /// The place that it is.
    pub(super) const fn source(self) -> Source {
        match self {
            Self::Identities => Source::KeyCommand,
            Self::SshKey => Source::SshKeyCommand,
        }
    }

    /// Runs it for one recipient; `None` when it is not set. No shell is involved, and its standard error is ours.
    pub(super) fn run(self, env: &Env, recipient: &str, asker: &Asker) -> Option<Content> {
        let name = match self {
            Self::Identities => "SOPS_AGE_KEY_CMD",
            Self::SshKey => "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
        };
        is_set(env, name, |env, name| {
            let Some(command) = env.text(name) else {
                return SourceProblem::Empty.into();
            };
            let tool = match Tool::from_words(command) {
                Ok(tool) => tool.env("SOPS_AGE_RECIPIENT", recipient),
                Err(error) => return SourceProblem::Words(error).into(),
            };
            match tool.capture(SOURCE_LIMIT_BYTES) {
                Ok(printed) => parse_content(&printed, Words::One, &self.source(), asker),
                Err(error) => SourceProblem::Command(Arc::new(error)).into(),
            }
        })
    }
}

/// Reads `source`; `None` where it is not set or does not exist, and for what is run or asked instead.
pub(super) fn read_source(source: &Source, env: &Env, asker: &Asker) -> Option<Content> {
    match source {
        Source::KeyText => is_set(env, "SOPS_AGE_KEY", |env, name| {
            let parse = |text: &str| parse_content(text.as_bytes(), Words::Several, source, asker);
            env.text(name).map_or_else(|| SourceProblem::Empty.into(), parse)
        }),
        Source::KeyFile(path) => {
            is_set(env, "SOPS_AGE_KEY_FILE", |_, _| read_named_file(path.as_deref(), source, asker))
        }
        Source::SshKeyFile(path) => {
            is_set(env, "SOPS_AGE_SSH_PRIVATE_KEY_FILE", |_, _| read_named_file(path.as_deref(), source, asker))
        }
        Source::DefaultFile(path) => read_default_file(path.as_deref()?, source, asker),
        Source::DefaultSshKey(path) => read_default_file(path, source, asker),
        Source::KeyCommand | Source::SshKeyCommand | Source::Keyring | Source::Named(_) => None,
    }
}

fn read_named_file(path: Option<&Path>, source: &Source, asker: &Asker) -> Content {
    let Some(path) = path else { return SourceProblem::Empty.into() };
    match read_bytes(path, SOURCE_LIMIT_BYTES) {
        Ok(bytes) => parse_content(&bytes, Words::One, source, asker),
        Err(error) => SourceProblem::File(Arc::new(error)).into(),
    }
}

fn read_default_file(path: &Path, source: &Source, asker: &Asker) -> Option<Content> {
    match read_bytes(path, SOURCE_LIMIT_BYTES) {
        Ok(bytes) => Some(parse_content(&bytes, Words::One, source, asker)),
        Err(FileError { problem: FileProblem::Read(cause), .. }) if cause.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(SourceProblem::File(Arc::new(error)).into()),
    }
}

fn is_set(env: &Env, name: &str, read: impl FnOnce(&Env, &str) -> Content) -> Option<Content> {
    env.is_set(name).then(|| read(env, name))
}
