//! Failures as they are told: where, what, and what to do. The one table of hints.

use std::{error::Error, io::ErrorKind, path::Path};

use gitops_secrets::{
    base::{
        files::{FileError, FileProblem, journal::JournalError},
        value_path::ValuePathError,
    },
    gitops::recipient::Known,
    keys::{KeyringProblem, NoIdentity, Problem, SourceProblem, SshFault},
    ops::{
        error::{Naming, OpError, with_causes},
        format::FormatError,
        group::{GroupState, TooFewGroups},
        value::JsonFault,
    },
    policy::edit::PolicyEditError,
    sops::error::{MetadataFault, SopsError, ValueFault},
};

use crate::exit::Exit;

/// Why a command, or its work on one file, failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The file, mostly.
    pub(crate) place: Option<String>,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) hint: Option<String>,
    /// How the run ends.
    pub(crate) exit: Exit,
}

impl Failure {
    /// A command line that makes no sense.
    pub(crate) fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { place: None, what: what.into(), hint: Some(hint.into()), exit: Exit::Usage }
    }

    /// A text that is no path into a document.
    pub(crate) fn of_path(text: &str, error: ValuePathError) -> Self {
        Self::at(Path::new(text), &OpError::Path(error))
    }

    /// What has no other place than here.
    pub(crate) fn plain(error: &dyn Error) -> Self {
        Self { place: None, what: with_causes(error), hint: None, exit: Exit::Failed }
    }

    /// What keeps the keyring of the operating system from being used.
    pub(crate) fn of_keyring(problem: KeyringProblem) -> Self {
        let hint = match problem {
            KeyringProblem::Absent => "start it in a desktop session, or keep identities in a file: SOPS_AGE_KEY_FILE",
            KeyringProblem::Unreachable(_) | KeyringProblem::Slow { .. } => {
                "start a program that offers the Secret Service, such as gnome-keyring-daemon or KeePassXC"
            }
            KeyringProblem::Locked(_) => "unlock it, and run the command again",
            KeyringProblem::Failed(_) => "see what the program that keeps the keyring shows",
        };
        Self {
            place: Some("the keyring".to_owned()),
            what: problem.to_string(),
            hint: Some(hint.to_owned()),
            exit: Exit::Failed,
        }
    }

    /// `error` about what has no place but the one that it tells itself.
    pub(crate) fn of(error: &OpError) -> Self {
        let failure = Self::at(Path::new(""), error);
        Self { place: failure.place.filter(|place| !place.is_empty()), ..failure }
    }

    /// `error` about the file at `place`.
    pub(crate) fn at(place: &Path, error: &OpError) -> Self {
        if let OpError::EditStopped { fault, kept } = error {
            return Self::at(place, fault).with_kept(place, kept);
        }
        let (place, what) = match error {
            OpError::File(FileError { path, problem })
            | OpError::Journal(JournalError::File(FileError { path, problem })) => {
                (path.as_path(), with_causes(problem))
            }
            OpError::Policy(error) => {
                let at = error.place.map(|place| format!(" at {place}")).unwrap_or_default();
                (error.path.as_path(), format!("{}{at}", with_causes(&error.kind)))
            }
            OpError::Config(error) => {
                let at = error.place.map(|place| format!(" at {place}")).unwrap_or_default();
                (error.path.as_path(), format!("{}{at}", error.kind))
            }
            _ => (place, with_causes(error)),
        };
        Self { place: Some(place.display().to_string()), what, hint: hint(error), exit: Exit::of(error) }
    }
}

impl Failure {
    /// That of taking a cluster out.
    pub(crate) fn of_removal(error: &OpError) -> Self {
        let mut failure = Self::of(error);
        if let OpError::PolicyChange { fault, .. } = error
            && matches!(**fault, PolicyEditError::Emptied(_))
        {
            failure.hint = Some("give those rules another recipient first, or drop them with --drop-rules".to_owned());
        }
        failure
    }

    /// The same failure of an edit whose text is kept.
    fn with_kept(mut self, file: &Path, kept: &Path) -> Self {
        self.what.push_str(&format!("; what was typed is kept, encrypted, in {}", kept.display()));
        let resume = format!("`secrets edit --resume {}` goes on from it", file.display());
        self.hint = Some(self.hint.map_or_else(|| resume.clone(), |hint| format!("{hint}; {resume}")));
        self
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let path = error.path.clone();
        Self::at(&path, &error.into())
    }
}

/// What to do about an error.
fn hint(error: &OpError) -> Option<String> {
    let hint_text = match error {
        OpError::File(error) => return hint_for_file(&error.problem).map(str::to_owned),
        OpError::Sops(error) => return hint_for_sops(error).map(str::to_owned),
        OpError::Git(error) => return error.hint(),
        OpError::NoRepository(_) => "start in a repository, or with -C DIR",
        OpError::Change(error) => return error.hint().map(str::to_owned),
        OpError::Value(error) => hint_for_value(error.fault),
        OpError::MetadataTyped(_) => "give the key another name",
        OpError::NoEditor => "set EDITOR",
        OpError::EditorWords { .. } | OpError::Editor(_) => "correct EDITOR or SOPS_EDITOR",
        OpError::Kept { .. } => "go on from it with --resume, or remove it with --discard",
        OpError::NothingKept => "leave --resume out",
        OpError::MetadataPath => "recipients change with `secrets rotate` and `secrets sync`",
        OpError::Policy(error) => return error.hint().map(str::to_owned),
        OpError::PolicyEdit(error) => return error.hint().map(str::to_owned),
        OpError::NoPolicyUpward(_) => "start with a .sops.yaml at the top of the repository, or name one with --config",
        OpError::Onto { fault, .. } => return hint(fault),
        OpError::NoIdentity { tried, .. } => return Some(hint_for_search(tried)),
        OpError::Recipient(fault) | OpError::NamedRecipient { fault, .. } => fault.hint(),
        OpError::Wrap(error) => return error.hint().map(str::to_owned),
        OpError::Format(FormatError::Unsupported(_)) => "if the content is YAML, say so with --input-type yaml",
        OpError::Format(FormatError::Unknown) => "give --input-type yaml, or --filename-override NAME",
        OpError::Config(_) => "see docs/clusters.md for what .secrets.toml can hold",
        OpError::Journal(error) => return hint_for_journal(error).map(str::to_owned),
        OpError::NoJournalPlace => "set XDG_STATE_HOME to a directory of your own",
        OpError::NoPolicy => "add a .sops.yaml with a creation rule, or name recipients with --age",
        OpError::NoRule { .. } => "see `secrets explain FILE`; add a rule, or name recipients with --age",
        OpError::TwoSelectors { .. } => "leave the flag out, or use the kind of selector that the rule has",
        OpError::NoRecipient(Naming::Rule { .. }) => "add a recipient to the rule's `age`",
        OpError::NoRecipient(_) => "name at least one recipient",
        OpError::EmptyGroup { .. } => "add a recipient to the group, or take the group out",
        OpError::Threshold { .. } => {
            "a threshold is at least 2, and no more than the rule has `key_groups`, of which there are at most 255"
        }
        OpError::TooFewGroups(short) => return Some(hint_for_groups(short)),
        OpError::Shares(_) => "a share was changed or put there twice; see the file's history",
        OpError::ForeignKey { .. } => "use sops for this file, or remove the key",
        OpError::NothingEncrypted { .. } => "correct the selector, or insist with --allow-unencrypted",
        OpError::OntoSelector { .. } | OpError::OntoRecipients { .. } | OpError::OntoGroups { .. } => {
            "encrypt without --onto: every value gets a new ciphertext then"
        }
        OpError::UnknownRecipients(_) => {
            "add them to the rule, take them out with --rm-age, or insist with --keep-recipients"
        }
        OpError::KeepWhere { .. } => "add them to a group of the rule, or take them out with --rm-age",
        OpError::GroupEmptied(_) => "give the group another recipient first, or take the group out of the rule",
        OpError::RecipientPresent(_) => "leave --add-age out; with --keep-recipients it stays",
        OpError::RecipientAbsent(_) => "see who is with `secrets explain` and in the file's `sops` block",
        OpError::Path(_) => "write it as stringData.password, users[0].token, data.\"tls.crt\"",
        error => return hint_for_clusters(error).map(str::to_owned),
    };
    Some(hint_text.to_owned())
}

/// What to do about an error of `cluster`, `access` or `exposure`.
fn hint_for_clusters(error: &OpError) -> Option<&'static str> {
    Some(match error {
        OpError::NoCluster { .. } => "see `secrets cluster list`",
        OpError::NoClusterRecipient(_) => "name it in the policy with `secrets recipient add CLUSTER RECIPIENT`",
        OpError::ClusterHasRecipient(_) => "`secrets cluster rotate` gives it another one",
        OpError::SeveralRecipients(_) => "leave one in the policy, or in .secrets.toml",
        OpError::UnnamedRecipient { known: Known::Config, .. } => {
            "name it in the policy with `secrets recipient add`, and put that name into .secrets.toml"
        }
        OpError::UnnamedRecipient { .. } => "name it with `secrets recipient add CLUSTER RECIPIENT` first",
        OpError::RecipientOfCluster(_) => "give each cluster an identity of its own",
        OpError::SameRecipient(_) => "give it a new one",
        OpError::NextName(_) => "give the cluster another name",
        OpError::NoClusterDirectory(_) => {
            "say where it is with --directory DIR, or which one it is like with --like CLUSTER"
        }
        OpError::NotBegun(_) => {
            "begin with `secrets cluster rotate CLUSTER`; `secrets cluster status` shows how far it is"
        }
        OpError::Begun(_) => "finish it first, with `secrets cluster rotate CLUSTER --finish`",
        OpError::PolicyChange { fault, .. } => return fault.hint(),
        OpError::OtherFormat(_) => {
            "--keep-going leaves it as it is; then `sops updatekeys` and `sops rotate -i` make it what the policy says"
        }
        OpError::IdentityCount(_) => "name a file with the one identity of the cluster, or one that does not exist",
        OpError::IdentityAbsent(_) => {
            "name the file that it is in with --identity-file, that of the old one with --old-identity, or leave --secret-file out"
        }
        OpError::NoFluxIdentity(_) => {
            "make one with `secrets identity new`: Flux has no plugins, and reads no SSH keys"
        }
        OpError::SecretName(_) => "leave --secret-file out, and make the Secret with `secrets flux secret`",
        OpError::NoSuchRecipient(_) => "see `secrets access`",
        OpError::OutsideRepository { .. } => "start in that repository, or with -C DIR",
        _ => return None,
    })
}

const fn hint_for_value(fault: JsonFault) -> &'static str {
    match fault {
        JsonFault::Syntax => "a text needs quotes, as in '\"text\"', or --string to be taken as it is",
        JsonFault::NumberTooLarge => "put it in quotes: SOPS would lose digits",
        JsonFault::DuplicateKey => "remove one of the two",
        JsonFault::TooDeep => "set a part of it at a longer path",
    }
}

fn hint_for_journal(error: &JournalError) -> Option<&'static str> {
    match error {
        JournalError::Busy(_) => Some("wait until it has ended"),
        JournalError::NotPrivate(_) => Some("take it away from others with `chmod go-w`, or remove it"),
        JournalError::Unreadable(_) => Some("if no run of `secrets` is to be finished or taken back, remove it"),
        JournalError::Outside { .. } => Some("name the file in a run of its own, with the path behind its links"),
        JournalError::File(error) => hint_for_file(&error.problem),
        _ => None,
    }
}

fn hint_for_file(problem: &FileProblem) -> Option<&'static str> {
    match problem {
        FileProblem::Write(cause) if matches!(cause.kind(), ErrorKind::NotFound) => Some("make the directory first"),
        FileProblem::Exists => Some("choose another name, or remove the file first"),
        FileProblem::Changed => Some("run the command again"),
        FileProblem::NotText { .. } => Some("SOPS takes YAML in UTF-8 only"),
        _ => None,
    }
}

const fn hint_for_sops(error: &SopsError) -> Option<&'static str> {
    match error {
        SopsError::Document(error) => error.fault.hint(),
        SopsError::NotEncrypted => Some("`secrets encrypt` encrypts it"),
        SopsError::AlreadyEncrypted(_) => {
            Some("change it with `secrets edit`; if `sops` is a key of your own, give it another name")
        }
        SopsError::Metadata { fault: MetadataFault::Selector(_) | MetadataFault::TwoSelectors(..), .. } => {
            Some("correct the selector; the values are encrypted as it said when they were")
        }
        SopsError::Metadata { .. } => Some("take the `sops` block from the last commit in which the file was good"),
        SopsError::Value { fault: ValueFault::InClear, .. } => {
            Some("a value was added by hand: take it out and add it with `secrets edit` or `secrets set`")
        }
        SopsError::Value { .. } => {
            Some("a value was changed, or its key renamed or moved, without decrypting; see the file's history")
        }
        SopsError::MacMismatch | SopsError::MacUnreadable => Some(
            "see the file's history for who changed it; `secrets decrypt --ignore-mac` shows the values as they are",
        ),
        _ => None,
    }
}

fn hint_for_groups(short: &TooFewGroups) -> String {
    let foreign = short.groups.iter().filter(|group| group.state == GroupState::Foreign).count();
    if short.groups.len() - foreign < short.needed && foreign > 0 {
        return "use sops for this file: without keys that are not age's there are too few groups".to_owned();
    }
    short.tried.as_ref().map_or_else(|| "see the file's history for its `sops` block".to_owned(), hint_for_search)
}

fn hint_for_search(tried: &NoIdentity) -> String {
    let join = |items: Vec<String>| items.join(", ");
    let searched = join(tried.searched.iter().map(ToString::to_string).collect());
    let found = if tried.found.is_empty() {
        "found no identity".to_owned()
    } else {
        format!("found the identities of {}", join(tried.found.iter().map(ToString::to_string).collect()))
    };
    let mut hint = format!("{found}; looked in {searched}");
    if !tried.problems.is_empty() {
        let problems = join(tried.problems.iter().map(ToString::to_string).collect());
        hint.push_str(&format!("; problems: {problems}"));
    }
    let mut remedies: Vec<&str> = tried.problems.iter().filter_map(remedy).collect();
    remedies.dedup();
    if !remedies.is_empty() {
        hint.push_str(&format!("; {}", remedies.join("; ")));
    }
    hint
}

/// What to do about a source that gave no identity.
const fn remedy(problem: &Problem) -> Option<&'static str> {
    let Problem::Source { place, problem } = problem else { return None };
    match problem {
        SourceProblem::NoTerminal if place.is_ssh() => Some(
            "without a terminal, name a private copy of the SSH key that has no passphrase in \
             SOPS_AGE_SSH_PRIVATE_KEY_FILE, or print one with SOPS_AGE_SSH_PRIVATE_KEY_CMD",
        ),
        SourceProblem::NoTerminal => Some(
            "without a terminal, decrypt the identities with `age -d` to a private file and name that in \
             SOPS_AGE_KEY_FILE, or print them with SOPS_AGE_KEY_CMD",
        ),
        SourceProblem::WorkFactor { .. } => {
            Some("decrypt the identities with `age -d`, and encrypt them with `age -p`")
        }
        SourceProblem::NotForPassphrase | SourceProblem::EncryptedTwice => {
            Some("decrypt the identities with `age -d`, and encrypt them once, with `age -p`")
        }
        SourceProblem::Ssh(
            SshFault::OldEncryption | SshFault::Format | SshFault::Cipher(_) | SshFault::Rounds { .. },
        ) => Some("`ssh-keygen -p -f FILE` writes an SSH key as it is written today"),
        SourceProblem::Ssh(SshFault::Kind(_) | SshFault::SecurityToken | SshFault::RsaTooSmall { .. }) => {
            Some("make a key that can decrypt with `secrets identity new`")
        }
        _ => None,
    }
}
