//! Bringing files to the disk: one by one where there are few, all of a file system at once where there are many.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// Up to so many files, each is flushed by itself; beyond, one barrier per file system is cheaper, even where it
/// has to flush what others have written.
const FEW: usize = 8;

/// Returns when the content of `files`, which are in `directories`, is on the disk.
pub(super) fn sync_contents<'a>(
    files: impl ExactSizeIterator<Item = &'a Path>,
    directories: &BTreeSet<PathBuf>,
) -> io::Result<()> {
    if files.len() > FEW && sync_file_systems(directories)? {
        return Ok(());
    }
    files.map(Path::to_owned).try_for_each(|path| File::open(path)?.sync_all())
}

/// Returns when the names in `directories` are on the disk.
pub(super) fn sync_names(directories: &BTreeSet<PathBuf>) -> io::Result<()> {
    if cfg!(not(unix)) || directories.len() > FEW && sync_file_systems(directories)? {
        return Ok(());
    }
    directories.iter().try_for_each(|directory| File::open(directory)?.sync_all())
}

/// Flushes each file system that one of `directories` is on; false where the platform has no call for it.
#[cfg(target_os = "linux")]
fn sync_file_systems(directories: &BTreeSet<PathBuf>) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let mut synced = BTreeSet::new();
    for directory in directories {
        let directory = File::open(directory)?;
        if synced.insert(directory.metadata()?.dev()) {
            rustix::fs::syncfs(&directory)?;
        }
    }
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_systems(_directories: &BTreeSet<PathBuf>) -> io::Result<bool> {
    Ok(false)
}
