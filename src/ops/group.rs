//! What became of the key groups of a file, of which too few opened.

use serde::Serialize;

use super::named::Named;
use crate::keys::NoIdentity;

/// Too few of the key groups of a file open.
#[derive(Debug)]
pub struct TooFewGroups {
    /// How many are needed.
    pub needed: usize,
    /// Every group, in the order of the file.
    pub groups: Vec<GroupOutcome>,
    /// What was tried; `None` where there was nothing to try.
    pub tried: Option<NoIdentity>,
}

/// What became of one key group.
#[derive(Debug, Serialize)]
pub struct GroupOutcome {
    /// Who it says can open it.
    pub recipients: Vec<Named>,
    /// Whether it opened.
    pub state: GroupState,
}

/// Whether a key group opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// It did.
    Opened,
    /// No identity opens it.
    Closed,
    /// It names none but keys of other services, which are not opened here.
    Foreign,
    /// It names nobody.
    Empty,
}

impl TooFewGroups {
    /// How many opened.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.groups.iter().filter(|group| group.state == GroupState::Opened).count()
    }
}

impl std::error::Error for TooFewGroups {}

impl std::fmt::Display for TooFewGroups {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (needed, groups, opened) = (self.needed, self.groups.len(), self.opened());
        write!(formatter, "{needed} of {groups} key groups are needed, and {opened} opened")?;
        for (index, group) in self.groups.iter().enumerate() {
            let state = match group.state {
                GroupState::Opened => "opened",
                GroupState::Closed => "no identity opens it",
                GroupState::Foreign => "only keys that are not age's",
                GroupState::Empty => "nobody",
            };
            write!(formatter, "; group {}: {state}", index + 1)?;
            for (index, recipient) in group.recipients.iter().enumerate() {
                write!(formatter, "{}{recipient}", if index == 0 { ", for " } else { ", " })?;
            }
        }
        Ok(())
    }
}
