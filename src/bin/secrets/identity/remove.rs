//! `secrets identity remove`

use clap::Args;
use gitops_secrets::keys::{Ask as _, shorten_recipient};

use crate::{app::App, exit::Exit, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Its recipient, whole or as `secrets identity list` shows it
    recipient: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Removes it for good, once that is confirmed.
pub(crate) fn run(app: &App, arguments: &Arguments) -> Result<Exit, Failure> {
    let keyring = app.session.keyring();
    let kept = keyring.list_recipients().map_err(Failure::of_keyring)?;
    let typed = arguments.recipient.trim();
    let meant: Vec<&String> =
        kept.iter().filter(|kept| *kept == typed || shorten_recipient(kept) == typed).collect();
    let [recipient] = meant.as_slice() else {
        let what = if meant.is_empty() { "no identity" } else { "several identities" };
        return Err(Failure {
            place: Some("the keyring".to_owned()),
            what: format!("{what} of {}", shorten_recipient(typed)),
            hint: Some("`secrets identity list` shows what is there".to_owned()),
            exit: Exit::Failed,
        });
    };
    let shown = shorten_recipient(recipient);
    if !arguments.yes {
        let question = format!(
            "Remove the identity of {shown} from the keyring for good? What only it opens stays closed. [y/N] "
        );
        let answer = app.terminal.line(&question).map_err(|_no_answer| {
            Failure::usage("an identity is not removed without being asked", "confirm it on a terminal, or with --yes")
        })?;
        if !matches!(answer.to_lowercase().as_str(), "y" | "yes") {
            app.ui.note("nothing was removed");
            return Ok(Exit::Failed);
        }
    }
    keyring.remove_identity(recipient).map_err(Failure::of_keyring)?;
    app.ui.tell(&format!("Removed: {shown}"));
    Ok(Exit::Done)
}
