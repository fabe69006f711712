//! Where things are: the root of the repository and its files.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> Result<PathBuf> {
    if let Some(manifest) = std::env::var_os("CARGO_MANIFEST_DIR")
        && let Some(root) = Path::new(&manifest).parent()
        && is_root(root)
    {
        return Ok(root.to_owned());
    }
    let here = std::env::current_dir().map_err(Failure::at(Path::new(".")))?;
    here.ancestors()
        .find(|folder| is_root(folder))
        .map(Path::to_owned)
        .ok_or_else(|| Failure::new("run this inside the palisade repository"))
}

fn is_root(folder: &Path) -> bool {
    folder.join("xtask/Cargo.toml").is_file() && folder.join("Cargo.toml").is_file()
}

/// Every file of the repository that people write, as paths relative to `root`, sorted. Build
/// output, installed packages and hidden folders stay out, except those that hold our own files.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(folder) = pending.pop() {
        let full = root.join(&folder);
        for entry in std::fs::read_dir(&full).map_err(Failure::at(&full))? {
            let entry = entry.map_err(Failure::at(&full))?;
            let kind = entry.file_type().map_err(Failure::at(&full))?;
            let path = folder.join(entry.file_name());
            if kind.is_dir() {
                if is_ours(&entry.file_name().to_string_lossy()) {
                    pending.push(path);
                }
            } else if kind.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_ours(folder: &str) -> bool {
    match folder {
        ".ci" | ".cargo" | ".config" | ".github" => true,
        "target" | "node_modules" | "artifacts" | "__pycache__" => false,
        other => !other.starts_with('.'),
    }
}
