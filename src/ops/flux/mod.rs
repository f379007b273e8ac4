//! What Flux needs from a repository: the decryption Secret of a cluster, made and checked.

mod error;
mod secret;
mod verify;

pub use error::FluxError;
pub use secret::{
    Comments, Identities, Needed, Place, asked_by, check_identities, check_version, render, seal, version_of,
};
pub use verify::{SecretReport, render_report, render_report_json, verify_secret};
