//! `secrets edit`

use std::{
    cell::Cell,
    path::{Path, PathBuf},
};

use clap::{ArgAction, Args};
use gitops_secrets::{
    keys::Ask as _,
    ops::{
        edit::{Edit, EditWishes, Edited, KeptText, Person, find_editor},
        encrypt::{ClearText, Wishes},
        error::OpError,
        recipients::parse_recipients,
    },
    sops::file::MacPolicy,
};

use crate::{
    app::App,
    args::{SelectorArgs, TypeArgs},
    exit::Exit,
    failure::Failure,
    terminal::has_terminal,
};

/// What is typed.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Arguments {
    /// Encrypted file; one that is not there is made from a template that fits its rule
    file: PathBuf,
    /// Go on from the text that is kept from an edit that could not be finished
    #[arg(long, conflicts_with = "discard")]
    resume: bool,
    /// Remove the text that is kept from an edit that could not be finished
    #[arg(long)]
    discard: bool,
    /// Tell whom the file is for
    #[arg(short, long)]
    show_master_keys: bool,
    /// Do not check that nobody changed the values
    #[arg(long)]
    ignore_mac: bool,
    /// Let it pass that no value is encrypted
    #[arg(long)]
    allow_unencrypted: bool,
    /// Recipients of a new file, with commas between them, instead of those of the policy or of `SOPS_AGE_RECIPIENTS`
    #[arg(short, long, value_name = "RECIPIENTS", action = ArgAction::Append)]
    age: Vec<String>,
    /// Of a new file: how many of the policy's key groups are needed to decrypt, if not as many as it says
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    shamir_secret_sharing_threshold: usize,
    #[command(flatten)]
    types: TypeArgs,
    #[command(flatten)]
    selector: SelectorArgs,
}

/// Who sits at the terminal, if anybody does.
struct Typist<'a> {
    app: &'a App,
    file: &'a Path,
    /// Whether the last fault has been told.
    is_told: Cell<bool>,
}

impl Person for Typist<'_> {
    fn goes_on(&self, fault: &OpError) -> bool {
        if !has_terminal() {
            return false;
        }
        self.app.ui.failure(&Failure::at(self.file, fault));
        let answer = self.app.terminal.line("Go on editing? [Y/n] ");
        let goes_on = answer.is_ok_and(|answer| matches!(answer.to_lowercase().as_str(), "" | "y" | "yes"));
        self.is_told.set(!goes_on);
        goes_on
    }
}

/// Edits.
pub(crate) fn run(app: &App, arguments: Arguments) -> Result<Exit, Failure> {
    let file = arguments.file.as_path();
    let wishes = arguments.wishes(app)?;
    let editor = app.at(file, find_editor(app.session.env()))?;
    app.watch_signals()?;
    let edit = app.at(file, Edit::begin(&app.session, file, wishes))?;
    if arguments.show_master_keys {
        for recipient in edit.recipients() {
            app.ui.note(&format!("{}: for {recipient}", file.display()));
        }
    }
    if editor.keeps_copies {
        app.ui.warn("this editor keeps a history of what it saves, in clear, in its own directory");
    }
    app.tell_notes();
    let typist = Typist { app, file, is_told: Cell::new(false) };
    match edit.run(&editor, &typist) {
        Ok(Edited::Written) => Ok(Exit::Done),
        Ok(Edited::Unchanged) => {
            app.ui.note(&format!("{}: File has not changed", file.display()));
            Ok(Exit::Unchanged)
        }
        Err(fault) if typist.is_told.get() => Ok(Exit::of(&fault)),
        Err(fault) => Err(Failure::at(file, &fault)),
    }
}

impl Arguments {
    fn wishes(&self, app: &App) -> Result<EditWishes, Failure> {
        let of_environment = app.session.env().text("SOPS_AGE_RECIPIENTS").filter(|_| self.age.is_empty());
        let lists: Vec<&str> = self.age.iter().map(String::as_str).chain(of_environment).collect();
        let place = Path::new(if self.age.is_empty() { "SOPS_AGE_RECIPIENTS" } else { "--age" });
        let recipients = app.at(place, parse_recipients(lists.iter().copied()))?;
        let new = Wishes {
            recipients: (!lists.is_empty()).then_some(recipients),
            threshold: (self.shamir_secret_sharing_threshold > 0).then_some(self.shamir_secret_sharing_threshold),
            selector: self.selector.selector().map_err(|error| Failure::at(Path::new("the command line"), &error))?,
            clear: if self.allow_unencrypted { ClearText::Allow } else { ClearText::Refuse },
            ..Wishes::default()
        };
        let kept = match (self.resume, self.discard) {
            (true, _) => KeptText::Resume,
            (false, true) => KeptText::Discard,
            (false, false) => KeptText::Refuse,
        };
        let mac = if self.ignore_mac { MacPolicy::Ignore } else { MacPolicy::Require };
        Ok(EditWishes { new, mac, kept, format: self.types.format(None)? })
    }
}
