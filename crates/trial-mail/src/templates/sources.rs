//! The sources of templates.

use std::fs;
use std::path::{Path, PathBuf};

use super::{TemplateError, variants};

/// Longer than any mail should be, in bytes.
const MAX_LENGTH: u64 = 256 * 1024;
const PARTS: [&str; 3] = ["subject.txt", "txt", "html"];

/// A template, and its file if it is not built in.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) path: Option<PathBuf>,
}

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../templates/", $name)))),+]
    };
}

const BUILT_IN: [(&str, &str); 43] = built_in![
    "account.en.html",
    "account.en.subject.txt",
    "account.en.txt",
    "account.zh-CN.html",
    "account.zh-CN.subject.txt",
    "account.zh-CN.txt",
    "closed.en.html",
    "closed.en.subject.txt",
    "closed.en.txt",
    "closed.zh-CN.html",
    "closed.zh-CN.subject.txt",
    "closed.zh-CN.txt",
    "layout.html",
    "password.en.html",
    "password.en.subject.txt",
    "password.en.txt",
    "password.zh-CN.html",
    "password.zh-CN.subject.txt",
    "password.zh-CN.txt",
    "password_changed.en.html",
    "password_changed.en.subject.txt",
    "password_changed.en.txt",
    "password_changed.zh-CN.html",
    "password_changed.zh-CN.subject.txt",
    "password_changed.zh-CN.txt",
    "reminder.en.html",
    "reminder.en.subject.txt",
    "reminder.en.txt",
    "reminder.zh-CN.html",
    "reminder.zh-CN.subject.txt",
    "reminder.zh-CN.txt",
    "suspended.en.html",
    "suspended.en.subject.txt",
    "suspended.en.txt",
    "suspended.zh-CN.html",
    "suspended.zh-CN.subject.txt",
    "suspended.zh-CN.txt",
    "warning.en.html",
    "warning.en.subject.txt",
    "warning.en.txt",
    "warning.zh-CN.html",
    "warning.zh-CN.subject.txt",
    "warning.zh-CN.txt",
];

pub(super) fn built_in() -> Vec<Source> {
    BUILT_IN.map(|(name, text)| Source { name: name.to_owned(), text: text.to_owned(), path: None }).into()
}

/// The built-in ones, each replaced by the directory's file of that name, and further files there for these to include.
pub(super) fn overridden(directory: &Path) -> Result<Vec<Source>, TemplateError> {
    let mut sources = built_in();
    let entries = fs::read_dir(directory).map_err(TemplateError::unreadable(directory))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(TemplateError::unreadable(directory))?.path());
    }
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Left by mounts and editors.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let text = read(&path, &name)?;
        sources.retain(|source| source.name != name);
        sources.push(Source { name, text, path: Some(path) });
    }
    Ok(sources)
}

fn read(path: &Path, name: &str) -> Result<String, TemplateError> {
    let unfit = |reason| TemplateError::Unfit { path: path.to_owned(), reason };
    if !is_known(name) {
        let reason =
            format!("is no template; there are {}, and files that begin with _ to be included", known().join(", "));
        return Err(unfit(reason));
    }
    let length = fs::metadata(path).map_err(TemplateError::unreadable(path))?.len();
    if length > MAX_LENGTH {
        return Err(unfit(format!("is longer than {MAX_LENGTH} bytes")));
    }
    trial_files::read_text(path).map_err(TemplateError::unreadable(path))
}

fn is_known(name: &str) -> bool {
    let is_text = Path::new(name).extension().is_some_and(|extension| extension == "txt" || extension == "html");
    (is_text && name.starts_with('_')) || known().iter().any(|known| known == name)
}

fn known() -> Vec<String> {
    let of_mails = variants().flat_map(|(kind, locale)| PARTS.map(|part| format!("{kind}.{locale}.{part}")));
    of_mails.chain(["layout.html".to_owned()]).collect()
}
