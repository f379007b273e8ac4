//! Owner, mode, access list and identity of files, where platforms differ.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    path::Path,
};

/// What tells one state of a file from another without reading it.
#[cfg(unix)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Seconds and nanoseconds; a change of mode or owner counts.
    changed: (i64, i64),
}

#[cfg(unix)]
impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What tells one state of a file from another without reading it.
#[cfg(not(unix))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    modified: Option<std::time::SystemTime>,
}

#[cfg(not(unix))]
impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Who may read a file that is being created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// The owner.
    Owner,
    /// Those whom the umask lets.
    Umask,
}

/// Creates a file that must not exist, for writing.
pub(super) fn create(path: &Path, readers: Readers) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(
        &mut options,
        match readers {
            Readers::Owner => 0o600,
            Readers::Umask => 0o666,
        },
    );
    #[cfg(not(unix))]
    let _ = readers;
    options.open(path)
}

/// Whether the mode of `path` and its file system let us write to it, which a mere rename would not ask.
pub(super) fn check_writable(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?;
    #[cfg(not(unix))]
    if fs::metadata(path)?.permissions().readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(())
}

/// Whether `path` is a directory of ours that nobody else can write to.
#[cfg(unix)]
pub(super) fn is_own_directory(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let is_own = |metadata: &Metadata| metadata.uid() == rustix::process::geteuid().as_raw();
    fs::symlink_metadata(path)
        .is_ok_and(|metadata| metadata.is_dir() && is_own(&metadata) && metadata.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
pub(super) fn is_own_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// What is locked for `directory`, without leaving anything there where directories themselves can be.
#[cfg(unix)]
pub(super) fn open_lock(directory: &Path) -> io::Result<File> {
    File::open(directory)
}

#[cfg(not(unix))]
pub(super) fn open_lock(directory: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(directory.join("lock"))
}

/// Gives `new` the owner and access list of `old`. Its mode comes last, with [`open_up`]: until the content is in place,
/// it is the owner's alone.
#[cfg(unix)]
pub(super) fn keep(old: &File, metadata: &Metadata, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let current = new.metadata()?;
    let owner = (metadata.uid() != current.uid()).then(|| metadata.uid());
    let group = (metadata.gid() != current.gid()).then(|| metadata.gid());
    if owner.is_some() || group.is_some() {
        fchown(new, owner, group)?;
    }
    keep_extended(old, new)
}

#[cfg(not(unix))]
pub(super) fn keep(_old: &File, _metadata: &Metadata, _new: &File) -> io::Result<()> {
    Ok(())
}

/// Gives the new file at `path` the mode of the old one. After the owner, because a change of owner clears bits of it.
pub(super) fn open_up(path: &Path, old: &fs::Permissions) -> io::Result<()> {
    fs::set_permissions(path, old.clone())
}

/// Copies the access list and the user's own attributes. Where there is an access list, the mode of the group is only
/// its mask: without the list, the group could read what it may not.
#[cfg(target_os = "linux")]
fn keep_extended(old: &File, new: &File) -> io::Result<()> {
    use rustix::{fs as rfs, io::Errno};

    let mut names = vec![0; 4096];
    let length = match rfs::flistxattr(old, &mut names) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    names.truncate(length);
    for name in names.split(|byte| *byte == 0) {
        if name != b"system.posix_acl_access" && !name.starts_with(b"user.") {
            continue;
        }
        let mut value = vec![0; 64 * 1024];
        let length = rfs::fgetxattr(old, name, &mut value)?;
        value.truncate(length);
        rfs::fsetxattr(new, name, &value, rfs::XattrFlags::empty())?;
    }
    Ok(())
}

#[cfg(all(unix, not(target_os = "linux")))]
fn keep_extended(_old: &File, _new: &File) -> io::Result<()> {
    Ok(())
}

/// Renames `from` to `to`, which must not exist.
pub(super) fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::{fs as rfs, io::Errno};
        match rfs::renameat_with(rfs::CWD, from, rfs::CWD, to, rfs::RenameFlags::NOREPLACE) {
            // The file system does not know the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            outcome => return Ok(outcome?),
        }
    }
    // A link never replaces; the second name goes at once.
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}
