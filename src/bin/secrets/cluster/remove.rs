//! `secrets cluster remove`

use clap::Args;
use gitops_secrets::{
    keys::shorten_recipient,
    ops::membership::{Removal, Turnover, WithoutRecipients, remove},
};

use super::change::{ChangeArguments, Ground, Made, listed};
use crate::{app::App, exit::Exit, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The cluster; its directory can be gone
    name: String,
    /// Drop rules that encrypt for nobody else
    #[arg(long)]
    drop_rules: bool,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Takes the cluster out of the policies, and gives every file that it could open a new data key.
pub(super) fn run(app: &App, arguments: &Arguments) -> Result<Exit, Failure> {
    let ground = Ground::enter(app, &arguments.change)?;
    let emptied = if arguments.drop_rules { WithoutRecipients::Drop } else { WithoutRecipients::Refuse };
    let removal = remove(&app.session, &ground.overview, &arguments.name, emptied);
    let removal = removal.map_err(|error| Failure::of_removal(&error))?;
    let Removal { drafts, recipients, readable, dropped, is_cluster, is_configured } = removal;
    let name = &arguments.name;
    if !is_cluster {
        app.ui.warn(&format!("the repository has no cluster `{name}`; the recipient of that name is taken out"));
    }
    for rule in &dropped {
        app.ui.warn(&format!("the rule for `{rule}` goes with it: it encrypts for nobody else"));
    }
    let turnover = Turnover { added: &[], removed: &recipients };
    let made = ground.change(app, (drafts, turnover), &arguments.change, || Ok(()))?;
    let Made::Written(exit) = made else {
        let (Made::Not(exit) | Made::Written(exit)) = made;
        return Ok(exit);
    };
    let shown: Vec<String> = recipients.iter().map(|one| format!("  - {}\n", shorten_recipient(one))).collect();
    app.ui.print(&format!("{name} is taken out\n{}", shown.concat()))?;
    if is_configured {
        app.ui.warn(&format!(".secrets.toml speaks of {name} still"));
    }
    tell_readable(app, name, &recipients, &readable);
    Ok(exit)
}

/// What somebody could read, he knows.
pub(super) fn tell_readable(app: &App, name: &str, recipients: &[String], readable: &[String]) {
    if readable.is_empty() {
        app.ui.note(&format!("{name} could open no file as they were; earlier versions are another matter"));
    } else {
        let count = readable.len();
        app.ui.warn(&format!("{name} could open {count} files, and opens what git keeps of them: {}", listed(readable)));
    }
    for recipient in recipients {
        let shown = shorten_recipient(recipient);
        app.ui.hint(&format!("change the secrets themselves at their source; `secrets exposure {shown}` lists them"));
    }
}
