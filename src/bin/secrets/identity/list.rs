//! `secrets identity list`

use clap::Args;
use gitops_secrets::ops::identity::{list::list, render_listing_json, render_listing_text};

use crate::{app::App, exit::Exit, explain::ReportFormat, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How the list is given
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
}

/// Prints the recipients; no command is run and no passphrase asked for.
pub(crate) fn run(app: &App, arguments: &Arguments) -> Result<Exit, Failure> {
    let listing = list(&app.session);
    match arguments.format {
        ReportFormat::Text => {
            app.ui.print(&render_listing_text(&listing))?;
            listing.closed.iter().for_each(|closed| app.ui.note(&closed.to_string()));
            if listing.identities.is_empty() && listing.closed.is_empty() {
                app.ui.note("no identity is at hand; `secrets identity new` makes one");
            }
        }
        ReportFormat::Json => {
            app.ui.print(&render_listing_json(&listing).map_err(|error| Failure::plain(&error))?)?;
        }
    }
    listing.problems.iter().for_each(|problem| app.ui.warn(&problem.to_string()));
    Ok(Exit::Done)
}
