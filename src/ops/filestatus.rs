//! `filestatus`: whether a file is encrypted, told without a key.

use super::error::OpError;
use crate::sops::{
    error::{MetadataFault, SopsError},
    file::SopsFile,
};

/// Whether `text` is a SOPS file: whether it has metadata with a version and a MAC.
///
/// # Errors
/// [`OpError::Sops`] for what is neither that nor a document in clear.
///
/// # Source
/// `sops filestatus` of SOPS 3.13.2.
pub fn is_encrypted(text: &str) -> Result<bool, OpError> {
    match SopsFile::read(text) {
        Ok(_) => Ok(true),
        Err(SopsError::NotEncrypted) => Ok(false),
        Err(SopsError::Metadata { fault: MetadataFault::Missing("version" | "mac"), .. }) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}
