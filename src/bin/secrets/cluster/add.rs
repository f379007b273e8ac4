//! `secrets cluster add`

use std::path::{Component, Path, PathBuf};

use clap::Args;
use gitops_secrets::{
    keys::shorten_recipient,
    ops::{
        error::OpError,
        membership::{Added, NewCluster, Turnover, add, find_left_out},
    },
};

use super::{
    change::{ChangeArguments, Ground, Made, listed},
    identity::{KeepArguments, ToKeep},
};
use crate::{app::App, exit::Exit, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The cluster, and its recipient in the policy: letters, digits, `-` and `_`
    name: String,
    /// Its recipient
    #[arg(long, value_name = "RECIPIENT", conflicts_with = "generate", required_unless_present = "generate")]
    recipient: Option<String>,
    /// Make an identity for it, which is kept where the next flags say
    #[arg(long)]
    generate: bool,
    #[command(flatten)]
    keep: KeepArguments,
    /// Its directory, which need not exist; else the one it is found in, or one beside those of the other clusters
    #[arg(long = "directory", value_name = "DIR")]
    own_directory: Option<PathBuf>,
    /// Give it the rules of another cluster: copies of those for that one's directory, and a place in those that it shares
    #[arg(long, value_name = "CLUSTER")]
    like: Option<String>,
    /// Who else reads its files, by name or as a recipient; else those that the rules of all other clusters name
    #[arg(long, value_name = "WHO", conflicts_with = "like")]
    with: Vec<String>,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Names the cluster's recipient, gives it rules, and puts its files right.
pub(super) fn run(app: &App, arguments: &Arguments) -> Result<Exit, Failure> {
    arguments.check()?;
    let ground = Ground::enter(app, &arguments.change)?;
    let to_keep = arguments.prepare(app, &ground)?;
    let recipient = to_keep.identity.as_ref().map(|identity| identity.recipient.as_str()).or(arguments.recipient.as_deref());
    let directory = arguments.own_directory.as_ref().map(|directory| below_root(app, &ground, directory)).transpose()?;
    let new = NewCluster {
        name: &arguments.name,
        recipient: recipient.unwrap_or_default(),
        directory: directory.as_deref(),
        like: arguments.like.as_deref(),
        readers: &arguments.with,
    };
    let added = add(&app.session, &ground.overview, &new).map_err(|error| Failure::of(&error))?;
    let Added { drafts, recipient, directory, rules, joined, alone } = added;
    let turnover = Turnover { added: std::slice::from_ref(&recipient), removed: &[] };
    let keep = || arguments.keep.keep(app, &to_keep);
    let made = ground.change(app, (drafts, turnover), &arguments.change, keep)?;
    for rule in alone {
        app.ui.warn(&format!("rule {rule} encrypts for {} alone: nobody else could change its files", arguments.name));
        app.ui.hint("name those who may with --with, or later with `secrets recipient add`");
    }
    let left_out = find_left_out(&app.session, &ground.overview, &arguments.name, &recipient);
    if !left_out.is_empty() {
        let (name, shown) = (&arguments.name, listed(&left_out));
        app.ui.warn(&format!("{name} has to read {} files whose rules do not name it: {shown}", left_out.len()));
        app.ui.hint("with --like CLUSTER it joins the rules of another cluster; see `secrets cluster status`");
    }
    let exit = match made {
        Made::Not(exit) => {
            if to_keep.identity.is_some() && arguments.change.dry_run {
                app.ui.note("no identity was kept: the next one that is made is another one");
            }
            return Ok(exit);
        }
        Made::Written(exit) => exit,
    };
    let name = &arguments.name;
    let numbered = |what: &str, rules: &[usize]| match rules {
        [] => String::new(),
        [rule] => format!("; {what} rule {rule}"),
        rules => format!("; {what} rules {}", rules.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    };
    let rules = format!("{}{}", numbered("new", &rules), numbered("joins", &joined));
    app.ui.print(&format!("{name} in {directory}{rules}\n  + {}\n", shorten_recipient(&recipient)))?;
    arguments.keep.tell_kept(app, &ground.overview, &to_keep);
    app.ui.hint("commit; and give the cluster its identity in a decryption Secret (see `secrets flux secret`)");
    Ok(exit)
}

impl Arguments {
    fn check(&self) -> Result<(), Failure> {
        if !self.generate && (self.keep.has_place() || self.keep.post_quantum) {
            return Err(Failure::usage("an identity is kept that is not made", "add --generate, or leave the flag out"));
        }
        Ok(())
    }

    /// The identity that is made, with its Secret.
    fn prepare(&self, app: &App, ground: &Ground) -> Result<ToKeep, Failure> {
        if !self.generate {
            return Ok(ToKeep::default());
        }
        let identity = self.keep.prepare(app, &ground.overview)?;
        let secrets = self.keep.secrets(app, (&ground.overview, &self.name), &[&identity])?;
        Ok(ToKeep { identity: Some(identity), secrets })
    }
}

/// `directory`, as it was typed, below the root of the repository. It need not exist.
fn below_root(app: &App, ground: &Ground, directory: &Path) -> Result<String, Failure> {
    let mut whole = PathBuf::new();
    for part in app.session.directory().join(directory).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(whole.pop()),
            part => whole.push(part),
        }
    }
    let root = &ground.overview.survey.root;
    let outside = || Failure::at(directory, &OpError::OutsideRepository { root: root.clone() });
    let below = whole.strip_prefix(root).map_err(|_elsewhere| outside())?;
    below.to_str().map(str::to_owned).ok_or_else(outside)
}
