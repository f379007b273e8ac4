//! Why a policy was not changed.

use crate::{
    base::span::LineColumn,
    document::{error::DocumentError, yaml::change::ChangeError},
    policy::PolicyError,
};

/// The policy is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyEditError {
    /// The policy cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy is not YAML whose every byte can be kept.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A value cannot be changed in its place.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// YAML does not allow the name, or would read it in different ways.
    #[error("{0:?} cannot be a name: letters, digits, `-` and `_` can")]
    BadName(String),
    /// The name is in use.
    #[error("`{name}` is the name of another recipient{}", at(*place))]
    NameTaken {
        /// The name.
        name: String,
        /// Where it is.
        place: Option<LineColumn>,
    },
    /// The recipient is in the policy under a name.
    #[error("the recipient has a name already: {}", .0.join(", "))]
    RecipientNamed(Vec<String>),
    /// Nobody has the name.
    #[error("no recipient is named `{name}`{}", there_are(known))]
    UnknownName {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// It is no age recipient, and no name of one.
    #[error("{0:?} is no age recipient, and no name of one")]
    NotAge(String),
    /// Groups that nobody could open would be left.
    #[error("{}", emptied(.0))]
    Emptied(Vec<EmptiedGroup>),
    /// There is no such rule.
    #[error("there is no rule {}; the policy has {count}", rule + 1)]
    NoRule {
        /// The rule, from 0.
        rule: usize,
        /// How many there are.
        count: usize,
    },
    /// No rule is for the files of that directory alone.
    #[error("no rule has a `path_regex` for `{0}`")]
    NoRuleOf(String),
    /// The rule has several key groups, and it is not said which.
    #[error("rule {} has {groups} key groups", rule + 1)]
    SeveralGroups {
        /// The rule, from 0.
        rule: usize,
        /// How many groups it has.
        groups: usize,
    },
    /// The rule names the recipient.
    #[error("rule {} names the recipient already", rule + 1)]
    InRule {
        /// The rule, from 0.
        rule: usize,
    },
    /// The rule does not name the recipient.
    #[error("rule {} does not name the recipient", rule + 1)]
    NotInRule {
        /// The rule, from 0.
        rule: usize,
    },
    /// Of two recipients, one of which takes the other's place, the rule names one.
    #[error("rule {} names one of the cluster's two recipients and not the other", rule + 1)]
    OneSided {
        /// The rule, from 0.
        rule: usize,
    },
    /// The rule takes its recipients from elsewhere in the file, where other rules may take them too.
    #[error("rule {} takes its recipients from an anchor or by `<<` at {place}", rule + 1)]
    Shared {
        /// The rule, from 0.
        rule: usize,
        /// Where it does.
        place: LineColumn,
    },
    /// A new rule needs somebody to encrypt for.
    #[error("a rule without recipients")]
    NoRecipients,
    /// A directory that is none.
    #[error("{0:?} is no directory below the policy")]
    BadDirectory(String),
    /// The rule does not get the files that it is for, or gets others.
    #[error("a rule for `{path_regex}` would not be the one for {path}")]
    Misses {
        /// The expression.
        path_regex: String,
        /// A path that it is for.
        path: String,
    },
    /// The new text would not mean what is asked for, so that nothing is changed.
    #[error("the policy is written in a way in which this cannot be changed in place")]
    Layout,
}

/// A key group that would lose its last key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmptiedGroup {
    /// The rule, from 0.
    pub rule: usize,
    /// The group, from 0.
    pub group: usize,
    /// How many groups the rule has.
    pub groups: usize,
    /// How many of them are needed to decrypt.
    pub threshold: usize,
}

impl PolicyEditError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Policy(error) => return error.hint(),
            Self::Document(error) => return error.fault.hint(),
            Self::Change(error) => return error.hint(),
            Self::NameTaken { .. } => "give it another name, or remove the one that has it",
            Self::RecipientNamed(_) => "use the name that it has",
            Self::Emptied(_) => "give those rules another recipient first, or remove them",
            Self::SeveralGroups { .. } => "each group holds a share of the data key: say which group",
            Self::Shared { .. } => "change the list there by hand: other rules may use it too",
            Self::UnknownName { .. } | Self::NotAge(_) => "see `secrets recipient list`",
            Self::Layout => "change it by hand; what is written in the plainest way can be changed here",
            Self::NoRule { .. } | Self::NoRuleOf(_) => "see `secrets explain PATH`",
            Self::Misses { .. } => "a rule before it is for the same path",
            Self::OneSided { .. } => "name both in it, or neither",
            Self::NoRecipients => "name at least one recipient",
            Self::BadName(_) | Self::InRule { .. } | Self::NotInRule { .. } | Self::BadDirectory(_) => return None,
        })
    }
}

fn at(place: Option<LineColumn>) -> String {
    place.map(|place| format!(" at {place}")).unwrap_or_default()
}

fn there_are(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) }
}

fn emptied(groups: &[EmptiedGroup]) -> String {
    let one = |emptied: &EmptiedGroup| match emptied.groups {
        1 => format!("rule {}", emptied.rule + 1),
        groups => format!(
            "group {} of rule {}, which has {groups} groups and needs {}",
            emptied.group + 1,
            emptied.rule + 1,
            emptied.threshold
        ),
    };
    let shown: Vec<_> = groups.iter().map(one).collect();
    format!("nobody would be left in {}", shown.join(", "))
}
