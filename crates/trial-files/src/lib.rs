//! Files and directories for one user alone, whatever the umask: they hold personal data and keys. And text files as
//! editors save them.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// The rights of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Creates a file of mode 0600 and opens it for reading and writing. Never follows a link, never opens a file that exists.
///
/// # Errors
/// `AlreadyExists` if anything has that name, or those of the file system.
pub fn create_new(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path)?;
    // A umask can only narrow the mode; the owner needs all of it.
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}

/// Opens a file for reading and writing, and creates it with mode 0600 if it is absent. A file that exists keeps its mode.
///
/// # Errors
/// Those of the file system.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    loop {
        match create_new(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            created => return created,
        }
        match OpenOptions::new().read(true).write(true).open(path) {
            // It was removed between the two calls; a dangling link stays one.
            Err(error) if error.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() => {}
            opened => return opened,
        }
    }
}

/// Creates a file of mode 0600 in place of one that an interrupted run may have left.
///
/// # Errors
/// Those of the file system.
pub fn create_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => create_new(path),
    }
}

/// Writes a file of mode 0600: the whole content is durable, or the file is unchanged.
///
/// # Errors
/// Those of the file system.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = with_suffix(path, ".new");
    let mut file = create_anew(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(new, path)
}

/// Creates a directory of mode 0700, and those above it that are absent. A directory that exists keeps its mode.
///
/// # Errors
/// Those of the file system.
pub fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
}

/// The mode of a file or directory, if anybody but its owner has a right to it; `None` also if it is absent.
///
/// # Errors
/// Those of the file system.
pub fn exposed_mode(path: &Path) -> io::Result<Option<u32>> {
    match path.metadata() {
        Ok(data) => Ok(Some(data.permissions().mode() & 0o7777).filter(|mode| mode & OTHERS != 0)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The bytes of a text file, without the byte order mark that some editors add.
///
/// # Errors
/// Those of the file system.
pub fn read_unmarked(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = fs::read(path)?;
    if bytes.starts_with(MARK) {
        // In place: no copy of a secret is left behind.
        bytes.drain(..MARK.len());
    }
    Ok(bytes)
}

/// The text of a file, without byte order mark.
///
/// # Errors
/// Those of the file system, or `InvalidData` if it is not UTF-8; the message says its likely encoding.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read_unmarked(path)?;
    let is_utf16 = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    let found = if is_utf16 { "it is UTF-16; save it as UTF-8" } else { "it is not UTF-8; save it as UTF-8" };
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, found))
}

/// The path with a suffix after its last name, as programs name companion files.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use rustix::fs::Mode;
    use rustix::process::umask;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    /// The umask belongs to the process: one test for all of it, as each test is a process of its own or the only one
    /// here.
    #[test]
    fn created_files_are_for_their_owner_alone_whatever_the_umask() {
        let home = tempfile::tempdir().unwrap();
        let before = umask(Mode::empty());
        for mask in [0o000, 0o022, 0o077, 0o277] {
            umask(Mode::from_raw_mode(mask));
            let path = |name: &str| home.path().join(format!("{mask:o}-{name}"));
            create_new(&path("new")).unwrap();
            open_or_create(&path("opened")).unwrap();
            fs::write(path("anew"), "left by an interrupted run").unwrap();
            fs::set_permissions(path("anew"), Permissions::from_mode(0o666)).unwrap();
            create_anew(&path("anew")).unwrap();
            replace(&path("replaced"), b"content").unwrap();
            for name in ["new", "opened", "anew", "replaced"] {
                assert_eq!(mode(&path(name)), 0o600, "{name} under {mask:o}");
            }
            assert_eq!(fs::read(path("anew")).unwrap(), b"");
        }
        for mask in [0o000, 0o022] {
            umask(Mode::from_raw_mode(mask));
            let path = home.path().join(format!("{mask:o}-a"));
            create_directory(&path.join("b")).unwrap();
            assert_eq!((mode(&path), mode(&path.join("b"))), (0o700, 0o700));
        }
        umask(before);
    }

    #[test]
    fn a_byte_order_mark_is_no_text_and_another_encoding_is_named() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        for (bytes, text) in [(&b"\xEF\xBB\xBFkey\n"[..], "key\n"), (b"key", "key"), (b"\xEF\xBB\xBF", ""), (b"", "")] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(read_text(&path).unwrap(), text);
        }
        for (bytes, words) in [(&b"\xFF\xFEk\0"[..], "UTF-16"), (b"\xFE\xFF\0k", "UTF-16"), (b"\xFFk", "not UTF-8")] {
            fs::write(&path, bytes).unwrap();
            let error = read_text(&path).unwrap_err();
            assert!(error.kind() == ErrorKind::InvalidData && error.to_string().contains(words), "{error}");
        }
        assert_eq!(read_text(&home.path().join("absent")).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn an_existing_file_is_not_created_anew() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, "kept").unwrap();
        assert_eq!(create_new(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        open_or_create(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"kept");
        let link = home.path().join("link");
        std::os::unix::fs::symlink(home.path().join("elsewhere"), &link).unwrap();
        assert_eq!(create_new(&link).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(open_or_create(&link).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!home.path().join("elsewhere").exists());
        replace(&link, b"ours").unwrap();
        assert!(link.symlink_metadata().unwrap().is_file(), "the link is gone, not followed");
    }

    #[test]
    fn a_mode_with_rights_for_others_is_reported() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        assert_eq!(exposed_mode(&path).unwrap(), None);
        fs::write(&path, "").unwrap();
        for (mode, exposed) in [(0o600, None), (0o400, None), (0o640, Some(0o640)), (0o604, Some(0o604))] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(exposed_mode(&path).unwrap(), exposed);
        }
    }
}
