//! Errors of templates.

use std::io;
use std::path::{Path, PathBuf};

use super::sources::Source;

/// The reason why templates cannot be used. Contains no value of a mail.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The directory or a file in it cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The directory or the file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is too long, or cannot be a template.
    #[error("{}: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A template is broken.
    #[error("{}{}: {reason}", place(name, path.as_deref()), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Broken {
        /// Its name.
        name: String,
        /// Its file, if it is not built in.
        path: Option<PathBuf>,
        /// The line, from 1, if one is known.
        line: Option<usize>,
        /// The fault.
        reason: String,
    },
}

fn place(name: &str, path: Option<&Path>) -> String {
    path.map_or_else(|| format!("the built-in template {name}"), |path| path.display().to_string())
}

impl TemplateError {
    pub(super) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unreadable { path: path.to_owned(), source }
    }

    /// The engine's complaint. Its details can quote a mail's values: they are given only while loading, of an example.
    pub(super) fn broken(error: &minijinja::Error, name: &str, is_example: bool) -> Self {
        // The innermost error names the included template.
        let mut innermost = error;
        while let Some(inner) = std::error::Error::source(innermost).and_then(|inner| inner.downcast_ref()) {
            innermost = inner;
        }
        let detail = innermost.detail().filter(|_| is_example).map(|detail| format!(": {detail}")).unwrap_or_default();
        Self::Broken {
            name: innermost.name().unwrap_or(name).to_owned(),
            path: None,
            line: innermost.line(),
            reason: format!("{}{detail}", innermost.kind()),
        }
    }

    /// A body leaves out a required value.
    pub(super) fn silent(name: String, variable: &str) -> Self {
        Self::Broken { name, path: None, line: None, reason: format!("does not say {{{{ {variable} }}}}") }
    }

    pub(super) fn subject(name: String, reason: &str) -> Self {
        Self::Broken { name, path: None, line: None, reason: format!("the subject {reason}") }
    }

    /// Names the file besides the template.
    pub(super) fn at(self, sources: &[Source]) -> Self {
        match self {
            Self::Broken { name, line, reason, .. } => {
                let path = sources.iter().find(|source| source.name == name).and_then(|source| source.path.clone());
                Self::Broken { name, path, line, reason }
            }
            other => other,
        }
    }
}
