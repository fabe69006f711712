//! The file itself: opened with care, gone on with, replaced.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{AuditFileError, AuditKey};
use crate::audit::chain::{Line, Link, MAX_LINE, algorithm};

/// How a process begins to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// With the first line of a new file. So many bytes that a crash left behind were dropped.
    File(u64),
    /// After the last line of another process.
    Start(u64),
}

#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
    written: u64,
}

impl LogFile {
    pub(super) fn open(
        path: &Path,
        key: Option<&AuditKey>,
    ) -> Result<(Self, Link, First), AuditFileError> {
        check_directory(path)?;
        let known = match fs::symlink_metadata(path) {
            Ok(metadata) => Some(check(&metadata).map(|()| metadata)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let mut file = match known {
            Some(_) => OpenOptions::new().read(true).append(true).open(path)?,
            None => create(path)?,
        };
        // The path may have become another file since.
        let opened = file.metadata()?;
        check(&opened)?;
        if !same(&opened, &fs::symlink_metadata(path)?) {
            return Err(AuditFileError::SymbolicLink);
        }
        lock(&file)?;
        let (mut link, first, written) = resume(&mut file, key)?;
        if written == 0
            && let Some(newest) = newest_aside(path)?
        {
            // A crash between the two files of a rotation, or someone removed the file: the chain goes on.
            check(&fs::symlink_metadata(&newest)?)?;
            let mut newest = OpenOptions::new().read(true).append(true).open(newest)?;
            link = resume(&mut newest, key)?.0;
        }
        Ok((Self { file, path: path.to_owned(), written }, link, first))
    }

    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.written = self.written.saturating_add(count as u64);
        Ok(count)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Moves this file aside, under the number of its last line, and makes a new one in its place. This
    /// one can still be written to.
    pub(super) fn replace(&self, last: u64) -> Result<Self, AuditFileError> {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{last:012}"));
        let aside = PathBuf::from(name);
        if fs::symlink_metadata(&aside).is_ok() {
            return Err(AuditFileError::Io { kind: io::ErrorKind::AlreadyExists });
        }
        fs::rename(&self.path, &aside)?;
        let next = create(&self.path).and_then(|file| lock(&file).map(|()| file));
        let file = next.inspect_err(|_| {
            // If this fails too, the log goes on under the other name.
            let _ = fs::rename(&aside, &self.path);
        })?;
        // The names should survive a crash as well. Not every file system can promise it.
        if let Ok(directory) = File::open(directory_of(&self.path)) {
            let _ = directory.sync_all();
        }
        Ok(Self { file, path: self.path.clone(), written: 0 })
    }
}

/// The file that was moved aside last.
fn newest_aside(path: &Path) -> Result<Option<PathBuf>, AuditFileError> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(None) };
    let number = |entry: &fs::DirEntry| {
        let entry = entry.file_name();
        let digits = entry.to_str()?.strip_prefix(name)?.strip_prefix('.')?;
        (digits.len() >= 12).then(|| digits.parse::<u64>().ok()).flatten()
    };
    let mut newest = None;
    for entry in fs::read_dir(directory_of(path))? {
        let entry = entry?;
        if let Some(number) = number(&entry) {
            newest = newest.max(Some((number, entry.path())));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

fn create(path: &Path) -> Result<File, AuditFileError> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(options.open(path)?)
}

fn lock(file: &File) -> Result<(), AuditFileError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => AuditFileError::InUse,
        TryLockError::Error(error) => error.into(),
    })
}

fn check(metadata: &Metadata) -> Result<(), AuditFileError> {
    if metadata.is_symlink() {
        return Err(AuditFileError::SymbolicLink);
    }
    if !metadata.is_file() {
        return Err(AuditFileError::NotAFile);
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o022 != 0 {
        return Err(AuditFileError::WritableByOthers);
    }
    Ok(())
}

/// In a directory that everyone can write to, everyone can put another file in the place of this one,
/// unless only owners may remove files there.
fn check_directory(path: &Path) -> Result<(), AuditFileError> {
    let metadata = fs::metadata(directory_of(path))?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o002 != 0 && mode & 0o1000 == 0 {
            return Err(AuditFileError::DirectoryWritableByOthers);
        }
    }
    if metadata.is_dir() { Ok(()) } else { Err(AuditFileError::NotAFile) }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same(_: &Metadata, other: &Metadata) -> bool {
    !other.is_symlink()
}

/// Finds the end of the chain. A line that a crash cut short is dropped, and said to be.
fn resume(file: &mut File, key: Option<&AuditKey>) -> Result<(Link, First, u64), AuditFileError> {
    let size = file.metadata()?.len();
    let start = size.saturating_sub(MAX_LINE as u64 * 2);
    let tail = read_at(file, start, MAX_LINE * 2)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let torn = (tail.len() - whole) as u64;
    if torn > MAX_LINE as u64 {
        return Err(AuditFileError::ChainBroken);
    }
    let end = size - torn;
    if torn > 0 {
        file.set_len(end)?;
    }
    if end == 0 {
        return Ok((Link::START, First::File(torn), 0));
    }
    check_first(&read_at(file, 0, MAX_LINE)?, key)?;
    let whole = tail.get(..whole).unwrap_or_default();
    let last = whole.split_inclusive(|byte| *byte == b'\n').next_back().unwrap_or_default();
    match Line::parse(last).filter(|line| line.is_sealed(key)) {
        Some(line) => Ok((Link::after(line.head()), First::Start(torn), end)),
        None => Err(AuditFileError::ChainBroken),
    }
}

/// Whether a file is chained in the way that this process does.
fn check_first(head: &[u8], key: Option<&AuditKey>) -> Result<(), AuditFileError> {
    let line = head.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let parsed = Line::parse(line).ok_or(AuditFileError::ChainBroken)?;
    let value: Value = serde_json::from_slice(line).map_err(|_| AuditFileError::ChainBroken)?;
    let key_id = key.map(AuditKey::id);
    if value.get("chain").and_then(Value::as_str) != Some(algorithm(key))
        || value.get("key_id").and_then(Value::as_str) != key_id.as_deref()
    {
        return Err(AuditFileError::OtherKey);
    }
    if parsed.is_sealed(key) { Ok(()) } else { Err(AuditFileError::ChainBroken) }
}

fn read_at(file: &mut File, start: u64, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
