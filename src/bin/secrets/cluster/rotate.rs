//! `secrets cluster rotate`

use std::path::PathBuf;

use clap::Args;
use gitops_secrets::{keys::shorten_recipient, ops::{
    error::OpError,
    membership::{ClusterIdentity, Drafts, Rotating, Turnover, begin, emergency, finish},
    survey::SopsEntry,
}};

use super::{
    change::{ChangeArguments, Ground, Made},
    identity::{KeepArguments, ToKeep},
    remove::tell_readable,
};
use crate::{app::App, exit::Exit, failure::Failure};

/// What is typed.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The cluster
    name: String,
    /// Take the old recipient out, and give all its files new data keys; without, the new one comes beside it
    #[arg(long)]
    finish: bool,
    /// Do both at once: the cluster reads nothing until it has the new identity
    #[arg(long, conflicts_with = "finish")]
    emergency: bool,
    /// The new recipient, of an identity that was made elsewhere
    #[arg(long, value_name = "RECIPIENT", conflicts_with_all = ["finish", "keyring", "post_quantum"])]
    recipient: Option<String>,
    #[command(flatten)]
    keep: KeepArguments,
    /// Where the cluster's identity is, for a Secret with both; else it is looked for where identities are
    #[arg(long, value_name = "FILE", requires = "secret_file")]
    old_identity: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArguments,
}

/// One step, with all that it needs.
struct Step<'a> {
    arguments: &'a Arguments,
    ground: &'a Ground,
    rotating: &'a Rotating,
    /// The new recipient.
    next: String,
    to_keep: ToKeep,
}

/// Goes one step on.
pub(super) fn run(app: &App, arguments: &Arguments) -> Result<Exit, Failure> {
    let ground = Ground::enter(app, &arguments.change)?;
    let rotating = Rotating::of(&ground.overview, &arguments.name).map_err(|error| Failure::of(&error))?;
    let is_begun = rotating.next.is_some();
    if arguments.finish && !is_begun && ground.is_resumed {
        let cluster = &rotating.cluster;
        app.ui.note(&format!("the identity of {cluster} is changed: that is what the run before this one did"));
        return Ok(Exit::Done);
    }
    if arguments.finish && !is_begun {
        return Err(Failure::of(&OpError::NotBegun(rotating.cluster)));
    }
    let step = Step::prepare(app, arguments, &ground, &rotating)?;
    if arguments.finish || arguments.emergency { step.finish(app) } else { step.begin(app) }
}

impl<'a> Step<'a> {
    /// The new recipient: the one that is there, that is given, or of an identity that is made; and the Secret.
    fn prepare(
        app: &App,
        arguments: &'a Arguments,
        ground: &'a Ground,
        rotating: &'a Rotating,
    ) -> Result<Self, Failure> {
        let Arguments { keep, .. } = arguments;
        let given = rotating.next.as_deref().or(arguments.recipient.as_deref());
        let identity = if given.is_some() { None } else { Some(keep.prepare(app, &ground.overview)?) };
        let made = identity.as_ref().map(|identity| identity.recipient.as_str());
        let next = given.or(made).unwrap_or_default().trim().to_owned();
        let mut secrets = None;
        if keep.secret_file.is_some() {
            let found = if identity.is_none() { Some(keep.find(app, &next, None)?) } else { None };
            let is_for_both = !arguments.finish && !arguments.emergency;
            let old_file = arguments.old_identity.as_deref();
            let old = if is_for_both { Some(keep.find(app, &rotating.own, old_file)?) } else { None };
            let identities: Vec<&ClusterIdentity> = [&old, &identity, &found].into_iter().flatten().collect();
            secrets = keep.secrets(app, (&ground.overview, &rotating.cluster), &identities)?;
        }
        Ok(Self { arguments, ground, rotating, next, to_keep: ToKeep { identity, secrets } })
    }

    fn begin(&self, app: &App) -> Result<Exit, Failure> {
        let Rotating { cluster: name, own, .. } = self.rotating;
        let shown = shorten_recipient(&self.next);
        if self.rotating.next.is_some() {
            app.ui.note(&format!("{name} has its next recipient already, {shown}; no other one is made"));
        }
        let drafts = begin(&app.session, &self.ground.overview, self.rotating, &self.next);
        let turnover = Turnover { added: std::slice::from_ref(&self.next), removed: &[] };
        let made = self.make(app, drafts, turnover)?;
        let Made::Written(exit) = made else { return Ok(self.not_made(app, made)) };
        app.ui.print(&format!("{name} has two recipients\n    {}\n  + {shown}\n", shorten_recipient(own)))?;
        self.arguments.keep.tell_kept(app, &self.ground.overview, &self.to_keep);
        app.ui.hint(&format!("what comes next is told by `secrets cluster status {name}`"));
        Ok(exit)
    }

    fn finish(&self, app: &App) -> Result<Exit, Failure> {
        let Rotating { cluster: name, own, released_with, .. } = self.rotating;
        let overview = &self.ground.overview;
        let drafts = if self.arguments.finish {
            finish(&app.session, overview, self.rotating)
        } else {
            emergency(&app.session, overview, self.rotating, &self.next)
        };
        let removed = std::slice::from_ref(own);
        let turnover = Turnover { added: std::slice::from_ref(&self.next), removed };
        let made = self.make(app, drafts, turnover)?;
        let Made::Written(exit) = made else { return Ok(self.not_made(app, made)) };
        let (new, old) = (shorten_recipient(&self.next), shorten_recipient(own));
        app.ui.print(&format!("{name} has another recipient\n  - {old}\n  + {new}\n"))?;
        self.arguments.keep.tell_kept(app, overview, &self.to_keep);
        app.ui.hint(&match released_with {
            Some(follows) => format!(
                "{name} follows {follows}: release this; until that is deployed, both identities stay in its decryption \
                 Secret, and then the new one alone"
            ),
            None => "commit and push; and give the cluster a decryption Secret with the new identity alone".to_owned(),
        });
        let is_held = |file: &&SopsEntry| file.terms.is_opened_by(|key| key.id() == own);
        let readable = overview.survey.files.iter().filter(is_held).map(|file| overview.survey.path(file).to_owned());
        tell_readable(app, "the old identity", removed, &readable.collect::<Vec<_>>());
        Ok(exit)
    }

    fn make(&self, app: &App, drafts: Result<Drafts, OpError>, turnover: Turnover<'_>) -> Result<Made, Failure> {
        let drafts = drafts.map_err(|error| Failure::of(&error))?;
        let keep = || self.arguments.keep.keep(app, &self.to_keep);
        self.ground.change(app, (drafts, turnover), &self.arguments.change, keep)
    }

    fn not_made(&self, app: &App, made: Made) -> Exit {
        if self.to_keep.identity.is_some() && self.arguments.change.dry_run {
            app.ui.note("no identity was kept: the next one that is made is another one");
        }
        let (Made::Not(exit) | Made::Written(exit)) = made;
        exit
    }
}
