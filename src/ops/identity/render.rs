//! What was found out about identities, as text for people and JSON for programs. Neither holds a private half.

use serde::Serialize;

use super::{
    list::Listing,
    test::{FileTest, TestedKey},
};
use crate::{
    keys::{FoundIdentity, Problem, SearchOutcome},
    ops::{error::OpError, named::Named},
};

/// The name and version of the JSON of a list; see `docs/cli.md`.
const LIST_SCHEMA: &str = "secrets-identity-list/1";
/// The same of a test.
const TEST_SCHEMA: &str = "secrets-identity-test/1";

#[derive(Serialize)]
struct JsonListing<'a> {
    schema: &'static str,
    identities: Vec<JsonIdentity<'a>>,
    not_opened: Vec<JsonClosed<'a>>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct JsonIdentity<'a> {
    recipient: &'a str,
    names: &'a [String],
    #[serde(flatten)]
    place: JsonPlace,
}

#[derive(Serialize)]
struct JsonPlace {
    source: &'static str,
    path: Option<String>,
    line: Option<usize>,
}

#[derive(Serialize)]
struct JsonClosed<'a> {
    source: &'static str,
    path: Option<String>,
    reason: &'static str,
    recipient: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonTest<'a> {
    schema: &'static str,
    opens: bool,
    groups: Vec<Vec<JsonKey<'a>>>,
    searched: Vec<JsonSearched>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct JsonKey<'a> {
    kind: &'static str,
    key: &'a str,
    names: &'a [String],
    held: Vec<JsonPlace>,
}

#[derive(Serialize)]
struct JsonSearched {
    source: &'static str,
    path: Option<String>,
    outcome: &'static str,
    identities: usize,
}

/// One line for each identity: the recipient, with its name if the policy has one, and where it is from.
#[must_use]
pub fn render_listing_text(listing: &Listing) -> String {
    listing.identities.iter().map(|(named, found)| line(&format!("{named}  {}", found.place()))).collect()
}

/// One object.
///
/// # Errors
/// Those of the serializer, of which there are none for these types.
pub fn render_listing_json(listing: &Listing) -> Result<String, serde_json::Error> {
    let identities = listing.identities.iter().map(|(named, found)| JsonIdentity {
        recipient: &found.recipient,
        names: named.names(),
        place: JsonPlace::of(found),
    });
    let not_opened = listing.closed.iter().map(|closed| JsonClosed {
        source: closed.source.name(),
        path: closed.source.path().map(|path| path.display().to_string()),
        reason: closed.reason.name(),
        recipient: closed.recipient.as_deref(),
    });
    let json = JsonListing {
        schema: LIST_SCHEMA,
        identities: identities.collect(),
        not_opened: not_opened.collect(),
        problems: told(&listing.problems),
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&json)?))
}

/// One line for each key of the file, with where its identity is from, and one that tells whether the file opens.
#[must_use]
pub fn render_test_text(test: &FileTest) -> String {
    let mut text = String::new();
    for (index, group) in test.groups.iter().enumerate() {
        if test.groups.len() > 1 {
            text.push_str(&line(&format!("group {}", index + 1)));
        }
        for TestedKey { named, held } in group {
            let places: Vec<String> = held.iter().map(FoundIdentity::place).collect();
            let held = if places.is_empty() { "not held".to_owned() } else { format!("held: {}", places.join("; ")) };
            text.push_str(&line(&format!("{named}  {held}")));
        }
    }
    text.push_str(&match &test.failure {
        None => "it opens\n".to_owned(),
        Some(OpError::TooFewGroups(short)) => {
            let (needed, groups, opened) = (short.needed, short.groups.len(), short.opened());
            format!("it does not open: {needed} of {groups} key groups are needed, and {opened} opened\n")
        }
        Some(_) => "it does not open\n".to_owned(),
    });
    text
}

/// One object.
///
/// # Errors
/// Those of the serializer, of which there are none for these types.
pub fn render_test_json(test: &FileTest) -> Result<String, serde_json::Error> {
    let groups = test.groups.iter().map(|group| group.iter().map(json_key).collect());
    let searched = test.tried().into_iter().flat_map(|tried| &tried.searched).map(|searched| {
        let (outcome, identities) = match searched.outcome {
            SearchOutcome::Absent => ("absent", 0),
            SearchOutcome::Locked => ("passphrase", 0),
            SearchOutcome::Identities(count) => ("read", count),
        };
        let path = searched.source.path().map(|path| path.display().to_string());
        JsonSearched { source: searched.source.name(), path, outcome, identities }
    });
    let json = JsonTest {
        schema: TEST_SCHEMA,
        opens: test.failure.is_none(),
        groups: groups.collect(),
        searched: searched.collect(),
        problems: test.tried().map(|tried| told(&tried.problems)).unwrap_or_default(),
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&json)?))
}

fn json_key(TestedKey { named, held }: &TestedKey) -> JsonKey<'_> {
    let kind = Named::kind(named);
    JsonKey { kind, key: named.id(), names: named.names(), held: held.iter().map(JsonPlace::of).collect() }
}

impl JsonPlace {
    fn of(found: &FoundIdentity) -> Self {
        let path = found.source.path().map(|path| path.display().to_string());
        Self { source: found.source.name(), path, line: found.line }
    }
}

fn told(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Names of files and keys can hold anything; a line stays a line.
fn line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).chain(['\n']).collect()
}
