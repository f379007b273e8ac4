//! Why a command did not do its work on one file.

use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
};

use crate::{
    base::{
        files::{FileError, FileProblem, journal::JournalError},
        go_regex::GoRegexError,
        process::{ToolError, WordsError},
        span::LineColumn,
        value_path::ValuePathError,
    },
    crypto::shamir::ShareError,
    document::yaml::change::ChangeError,
    git::GitError,
    gitops::{config::ConfigError, decryption_secret::SecretNameError, recipient::Known},
    keys::{KeyringProblem, NoIdentity, RecipientError, SourceProblem, WrapError},
    policy::{PolicyError, edit::PolicyEditError},
    sops::{
        error::SopsError,
        key_group::ForeignKind,
        selector::{SelectorError, SelectorKind},
        terms::TermsError,
    },
};

use super::{format::FormatError, group::TooFewGroups, named::Named, value::JsonError};

/// A fact about one file of a command. Never holds a decrypted value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpError {
    /// The file cannot be read or replaced.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is of a type that is not supported.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The text is no SOPS file, or cannot become one.
    #[error(transparent)]
    Sops(#[from] SopsError),
    /// The policy cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy cannot be looked for.
    #[error("the policy cannot be looked for")]
    FindPolicy(#[source] std::io::Error),
    /// The metadata of the file cannot be used.
    #[error(transparent)]
    Terms(TermsError),
    /// The repository cannot be found.
    #[error(transparent)]
    Git(#[from] GitError),
    /// There is no repository.
    #[error("there is no git repository in {} or above", .0.display())]
    NoRepository(PathBuf),
    /// `.secrets.toml` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A path that is not below the root of the repository.
    #[error("is not in the repository {}", root.display())]
    OutsideRepository {
        /// The root.
        root: PathBuf,
    },
    /// There is no cluster of that name.
    #[error("there is no cluster `{name}`{}", known(known_names))]
    NoCluster {
        /// The name.
        name: String,
        /// Those that there are.
        known_names: Vec<String>,
    },
    /// A cluster whose recipient is not known.
    #[error("the recipient of cluster `{0}` is not known")]
    NoClusterRecipient(String),
    /// A cluster that has one.
    #[error("cluster `{0}` has a recipient already")]
    ClusterHasRecipient(String),
    /// A cluster with more than one.
    #[error("cluster `{0}` has several recipients, of which it is open which one is to be changed")]
    SeveralRecipients(String),
    /// A cluster whose recipient no policy names.
    #[error("the recipient of cluster `{cluster}` {}, and has to have a name in the policy", unnamed(*known))]
    UnnamedRecipient {
        /// The cluster.
        cluster: String,
        /// How its recipient is known.
        known: Known,
    },
    /// The recipient is that of another cluster.
    #[error("the recipient is that of cluster `{0}`: whoever holds one's identity could read all of the other")]
    RecipientOfCluster(String),
    /// The new recipient is the old one.
    #[error("the recipient is the one that cluster `{0}` has now")]
    SameRecipient(String),
    /// The name is one that a recipient gets while it takes another one's place.
    #[error("`{0}` ends in `-next`, as the next recipient of a cluster is called")]
    NextName(String),
    /// Where the cluster is going to be is not known.
    #[error("the directory of cluster `{0}` is not known")]
    NoClusterDirectory(String),
    /// No change of the cluster's identity is under way.
    #[error("the identity of cluster `{0}` is not being changed")]
    NotBegun(String),
    /// A change of the other cluster's identity is under way.
    #[error("the identity of cluster `{0}` is being changed")]
    Begun(String),
    /// A policy cannot be changed.
    #[error("{}: {fault}", policy.display())]
    PolicyChange {
        /// The policy.
        policy: PathBuf,
        /// Why.
        fault: Box<PolicyEditError>,
    },
    /// A file of a type that cannot be changed yet, which has to follow a policy.
    #[error(transparent)]
    OtherFormat(FormatError),
    /// A file of the repository that could not be read.
    #[error("{0}; it may be one that has to be changed")]
    Unread(String),
    /// A file that should hold one identity.
    #[error("holds {0} identities where one is needed")]
    IdentityCount(usize),
    /// An identity that Flux cannot use, or that has no recipient of its own.
    #[error("{0}")]
    IdentitySource(SourceProblem),
    /// The identity of a recipient is not at hand.
    #[error("the identity of {0} is not at hand")]
    IdentityAbsent(String),
    /// An identity that Flux cannot use.
    #[error("the identity of {0} is not one that Flux can use")]
    NoFluxIdentity(String),
    /// A Secret that is called as none can be.
    #[error(transparent)]
    SecretName(#[from] SecretNameError),
    /// The keyring.
    #[error("the keyring {0}")]
    Keyring(KeyringProblem),
    /// Nobody is called so, and no file is for such a recipient.
    #[error("no policy and no file names a recipient `{0}`")]
    NoSuchRecipient(String),
    /// A regular expression that does not compile.
    #[error("not a regular expression that Go accepts")]
    Regex(#[source] GoRegexError),
    /// There is no policy for the file.
    #[error("there is no .sops.yaml upward from the file")]
    NoPolicy,
    /// There is no policy in this directory or above.
    #[error("there is no .sops.yaml upward from {}", .0.display())]
    NoPolicyUpward(PathBuf),
    /// The policy cannot be changed.
    #[error(transparent)]
    PolicyEdit(#[from] PolicyEditError),
    /// The policy has no rule for the file.
    #[error("no creation rule of {} matches the path", policy.display())]
    NoRule {
        /// The policy.
        policy: PathBuf,
    },
    /// A selector cannot be used.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// Two selectors of different kinds are asked for.
    #[error("`{asked}` is asked for, and the creation rule has `{ruled}`: a file has one selector")]
    TwoSelectors {
        /// The one of the command line.
        asked: SelectorKind,
        /// The one of the rule.
        ruled: SelectorKind,
    },
    /// A text is no recipient.
    #[error(transparent)]
    Recipient(#[from] RecipientError),
    /// What a policy or a file names is no recipient.
    #[error("{naming}{}: {fault}", at(*place))]
    NamedRecipient {
        /// Who says so.
        naming: Naming,
        /// Where, in the policy.
        place: Option<LineColumn>,
        /// What is wrong with it.
        fault: RecipientError,
    },
    /// A data key cannot be wrapped.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// Nobody is named whom the data key could be wrapped for.
    #[error("{0} names no recipient")]
    NoRecipient(Naming),
    /// A key group of several that names nobody.
    #[error("{naming} names no recipient in key group {number}")]
    EmptyGroup {
        /// Who says so.
        naming: Naming,
        /// The group, counted from 1.
        number: usize,
    },
    /// A data key is not split like that.
    #[error("a data key cannot be split so that {threshold} of {groups} key groups open it")]
    Threshold {
        /// How many groups would be needed.
        threshold: usize,
        /// How many there are.
        groups: usize,
    },
    /// A key that is not age's.
    #[error("{naming} names a key that is not age's ({kind} {id}), which data keys cannot be wrapped for")]
    ForeignKey {
        /// Who says so.
        naming: Naming,
        /// Who holds the key.
        kind: ForeignKind,
        /// The key.
        id: String,
    },
    /// No identity opens the file.
    #[error("no identity opens it; it is for {}", list(recipients))]
    NoIdentity {
        /// What was tried.
        tried: Box<NoIdentity>,
        /// Whom the file says that it is for.
        recipients: Vec<Named>,
    },
    /// Too few of the key groups open.
    #[error(transparent)]
    TooFewGroups(Box<TooFewGroups>),
    /// What the key groups hold does not fit together.
    #[error("the shares of its key groups make no data key")]
    Shares(#[source] ShareError),
    /// The selector picks nothing.
    #[error("`{kind}: {pattern}` picks no value, so that {}", staying(*clear_values))]
    NothingEncrypted {
        /// The kind of selector.
        kind: SelectorKind,
        /// Its suffix or expression.
        pattern: String,
        /// How many values would be in clear.
        clear_values: usize,
    },
    /// The operating system has no randomness to give.
    #[error("no randomness from the operating system")]
    NoRandomness,
    /// `--onto` a file with another selector.
    #[error("{} is encrypted with another selector (`{kind}: {pattern}`) than is asked for", onto.display())]
    OntoSelector {
        /// The file.
        onto: PathBuf,
        /// Its kind of selector.
        kind: SelectorKind,
        /// Its suffix or expression.
        pattern: String,
    },
    /// `--onto` a file for others.
    #[error("{} is encrypted for others than is asked for: {}", onto.display(), list(different))]
    OntoRecipients {
        /// The file.
        onto: PathBuf,
        /// Who is on one side only.
        different: Vec<Named>,
    },
    /// `--onto` a file for the same recipients in other groups.
    #[error("{} is encrypted for other key groups ({has}) than is asked for ({asked})", onto.display())]
    OntoGroups {
        /// The file.
        onto: PathBuf,
        /// How many of how many groups it needs.
        has: String,
        /// How many of how many groups are asked for.
        asked: String,
    },
    /// A fault of the file that `--onto` names.
    #[error("{}", onto.display())]
    Onto {
        /// The file.
        onto: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: Box<Self>,
    },
    /// A recipient that only the file names.
    #[error("the file names recipients that its creation rule does not: {}", list(.0))]
    UnknownRecipients(Vec<Named>),
    /// A recipient to be added is there.
    #[error("{0} is a recipient of the file already")]
    RecipientPresent(String),
    /// A recipient to be removed is not there.
    #[error("{0} is not a recipient of the file")]
    RecipientAbsent(String),
    /// No recipient would remain.
    #[error("no recipient would remain")]
    NobodyLeft,
    /// No recipient would remain in a key group of several.
    #[error("no recipient would remain in key group {0}")]
    GroupEmptied(usize),
    /// A recipient that only the file names is to be kept, and there is no telling in which group.
    #[error(
        "the file has {file} and its creation rule {rule} key groups: it is open in which to keep {}",
        list(unknown)
    )]
    KeepWhere {
        /// How many the file has.
        file: usize,
        /// How many the rule has.
        rule: usize,
        /// Who would be kept.
        unknown: Vec<Named>,
    },
    /// The text is no path into a document.
    #[error(transparent)]
    Path(#[from] ValuePathError),
    /// No editor is named, and none of the usual ones is there.
    #[error("no editor: SOPS_EDITOR and EDITOR are not set, and vim, nano and vi are not on PATH")]
    NoEditor,
    /// The command of an editor cannot be read.
    #[error("{variable} cannot be used")]
    EditorWords {
        /// The environment variable.
        variable: &'static str,
        /// Why.
        #[source]
        cause: WordsError,
    },
    /// The editor could not be started.
    #[error(transparent)]
    Editor(#[from] ToolError),
    /// The editor ended with a failure.
    #[error("the editor failed with {status}")]
    EditorFailed {
        /// How it ended.
        status: ExitStatus,
    },
    /// What was typed is no text.
    #[error("what was typed {0}")]
    TypedNotText(FileProblem),
    /// What was typed has a key where the metadata will be.
    #[error("a `sops` key at {0}, where the metadata will be")]
    MetadataTyped(LineColumn),
    /// A text is kept from an edit that could not be finished.
    #[error("a text from an edit that was not finished is kept in {}", kept.display())]
    Kept {
        /// Where.
        kept: PathBuf,
    },
    /// There is no kept text.
    #[error("no text is kept for it")]
    NothingKept,
    /// A kept text does not open.
    #[error("the text that is kept in {} cannot be opened", kept.display())]
    KeptUnreadable {
        /// Where.
        kept: PathBuf,
        /// What was tried.
        #[source]
        tried: Box<NoIdentity>,
    },
    /// What was typed is not in the file, but kept.
    #[error("{fault}; what was typed is kept, encrypted, in {}", kept.display())]
    EditStopped {
        /// Why.
        fault: Box<Self>,
        /// Where it is kept.
        kept: PathBuf,
    },
    /// What was typed is not in the file, and could not be kept.
    #[error("{fault}; and what was typed cannot be kept: {cause}")]
    EditLost {
        /// Why.
        fault: Box<Self>,
        /// Why it could not be kept.
        cause: Box<Self>,
    },
    /// The journal of a run over many files.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is no directory for a journal.
    #[error(
        "there is no place for a journal: the files are in no git repository, and neither XDG_STATE_HOME nor HOME is set"
    )]
    NoJournalPlace,
    /// What was made of a file is not what its rule says.
    #[error("the new file would not be as its rule says; nothing is written")]
    StillDrifted,
    /// A value cannot be changed, or taken out.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The path leads to the metadata.
    #[error("the `sops` block is not changed by hand")]
    MetadataPath,
    /// A text is no value.
    #[error(transparent)]
    Value(#[from] JsonError),
    /// There is nothing at the path.
    #[error("there is no `{0}` in the document")]
    NoValue(String),
    /// There are not so many documents.
    #[error("there is no document {number}, but {count} in the file")]
    NoDocument {
        /// The one that is asked for, from 1.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// The path goes on below something that has no such members.
    #[error("`{at}` is {found}, so that there is no `{step}` in it")]
    NoMembers {
        /// Up to where the path could be followed.
        at: String,
        /// How it goes on.
        step: String,
        /// What is there.
        found: &'static str,
    },
}

impl From<TermsError> for OpError {
    fn from(error: TermsError) -> Self {
        match error {
            TermsError::Sops(error) => Self::Sops(error),
            other => Self::Terms(other),
        }
    }
}

impl OpError {
    /// That `path` cannot be looked at.
    pub(super) fn unreadable(path: &Path, cause: std::io::Error) -> Self {
        FileError { path: path.to_owned(), problem: FileProblem::Read(cause) }.into()
    }
}

/// Who names keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Naming {
    /// The metadata of the file.
    #[error("the file")]
    File,
    /// A rule of the policy, counted from 1.
    #[error("rule {number} of {}", policy.display())]
    Rule {
        /// The rule.
        number: usize,
        /// The policy.
        policy: PathBuf,
    },
    /// The command line.
    #[error("the command line")]
    Command,
}

fn at(place: Option<LineColumn>) -> String {
    place.map(|place| format!(" at {place}")).unwrap_or_default()
}

const fn unnamed(known: Known) -> &'static str {
    match known {
        Known::Config => "stands in .secrets.toml as text",
        Known::Inferred => "is only inferred from its files",
        Known::Policy | Known::Unknown => "is not known",
    }
}

fn staying(clear_values: usize) -> String {
    match clear_values {
        0 => "nothing would be encrypted".to_owned(),
        1 => "the only one would stay in clear".to_owned(),
        count => format!("all {count} would stay in clear"),
    }
}

fn known(names: &[String]) -> String {
    if names.is_empty() { "; none was found".to_owned() } else { format!("; there are {}", names.join(", ")) }
}

fn list(named: &[Named]) -> String {
    named.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The text of an error and of what caused it, in one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

impl OpError {
    /// What is wrong, without the path of the file, for where that stands beside it.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::File(error) => with_causes(&error.problem),
            _ => with_causes(self),
        }
    }
}
