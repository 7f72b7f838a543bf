//! What is wrong with a configuration and how it is told: place, source line, caret, hint.
//!
//! Owns the text. What counts as wrong is decided in `document` (the YAML itself), `read` (shape and
//! spelling) and `check` (meaning).

use std::fmt;
use std::io;

use serde::Serialize;

/// Problems beyond this many are counted, not kept: nobody reads them, and a hostile file could hold
/// half a million.
const KEPT: usize = 100;

/// Longest piece of a source line that is shown.
const EXCERPT: usize = 120;

/// A position in the file: line and column from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Place {
    /// The whole file; also the place of everything that was not written but is a default.
    pub(super) const NONE: Self = Self { line: 0, column: 0 };
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// Whether this is in the file.
    pub(super) const fn is_written(self) -> bool {
        self.line > 0
    }
}

/// One mistake, or one warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file as the caller named it.
    pub file: String,
    /// From 1; 0 when the problem is with the whole file.
    pub line: u64,
    /// From 1, in characters; 0 when the problem is with the whole file.
    pub column: u64,
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The source line, cut around the column when it is long.
    #[serde(skip)]
    excerpt: String,
    /// Where the caret goes in `excerpt`.
    #[serde(skip)]
    caret: usize,
}

impl Problem {
    /// A problem with the file as a whole, such as one that cannot be read.
    pub(super) fn of_file(file: &str, message: String, hint: Option<String>) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, message, hint, excerpt: String::new(), caret: 0 }
    }

    /// Another one at the same place.
    pub(super) fn saying(&self, message: String, hint: Option<String>) -> Self {
        Self { message, hint, ..self.clone() }
    }

    /// Place, message and hint.
    fn line(&self) -> String {
        let Self { file, line, column, message, .. } = self;
        let place = if *line == 0 { file.clone() } else { format!("{file}:{line}:{column}") };
        let hint = self.hint.as_ref().map(|hint| format!("; hint: {hint}"));
        format!("{place}: {message}{}", hint.unwrap_or_default())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            writeln!(f, "{}: {}", self.file, self.message)?;
            return self.hint.iter().try_for_each(|hint| writeln!(f, "  = hint: {hint}"));
        }
        let number = self.line.to_string();
        let gutter = number.len() + 1;
        writeln!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        writeln!(f, "{:gutter$}|", "")?;
        writeln!(f, "{}", format!("{number} | {}", self.excerpt).trim_end())?;
        writeln!(f, "{:gutter$}| {:caret$}^", "", "", caret = self.caret)?;
        self.hint.iter().try_for_each(|hint| writeln!(f, "{:gutter$}= hint: {hint}", ""))
    }
}

/// A configuration that is not usable: everything that is wrong with it, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
    more: usize,
    unread: Option<io::ErrorKind>,
}

impl ConfigError {
    pub(super) fn of_file(file: &str, message: String, hint: Option<String>) -> Self {
        Self { problems: vec![Problem::of_file(file, message, hint)], more: 0, unread: None }
    }

    /// The file cannot be read at all.
    pub(super) fn unread(file: &str, error: &io::Error) -> Self {
        Self { unread: Some(error.kind()), ..Self::of_file(file, format!("cannot be read: {error}"), None) }
    }

    /// With what else is wrong.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.problems.extend(other.problems);
        self
    }

    /// The mistakes a line each, for a log: the lines of the file may hold secrets.
    #[must_use]
    pub fn without_excerpts(&self) -> String {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.problems.iter().map(Problem::line).chain(more).collect::<Vec<_>>().join("\n")
    }

    /// Why the file could not be read, if that is what is wrong.
    #[must_use]
    pub fn why_unread(&self) -> Option<io::ErrorKind> {
        self.unread
    }

    /// In the order of the file; at most a hundred.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            problem.fmt(f)?;
        }
        if self.more > 0 {
            writeln!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// A problem before the source line is looked up.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    place: Place,
    message: String,
    hint: Option<String>,
}

impl Draft {
    fn new(place: Place, message: String) -> Self {
        Self { place, message, hint: None }
    }

    /// Adds what to do about it.
    pub(super) fn hint(&mut self, text: impl Into<String>) {
        self.hint = Some(text.into());
    }

    /// Adds the name that was probably meant, else all that are possible.
    pub(super) fn nearest<'a>(&mut self, written: &str, known: impl Iterator<Item = &'a str> + Clone) {
        if let Some(name) = nearest(written, known.clone()) {
            self.hint(format!("did you mean `{name}`?"));
            return;
        }
        self.known(known);
    }

    /// Adds all names that are possible.
    pub(super) fn known<'a>(&mut self, known: impl Iterator<Item = &'a str>) {
        let known: Vec<_> = known.take(24).map(|name| format!("`{name}`")).collect();
        if !known.is_empty() {
            self.hint(format!("known here: {}", known.join(", ")));
        }
    }
}

/// `place` in `text`, as a problem that says nothing yet.
pub(super) fn located(file: &str, text: &str, place: Place) -> Option<Problem> {
    Source { file, text }.problems(vec![Draft::new(place, String::new())]).pop()
}

impl ConfigError {
    /// One mistake, at a place that was looked up before.
    pub(super) fn at(place: &Problem, message: String, hint: String) -> Self {
        Self { problems: vec![place.saying(message, Some(hint))], more: 0, unread: None }
    }
}

/// The known name closest to `written`, when it is close enough to be meant.
pub(super) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let written: String = written.chars().take(64).collect::<String>().to_lowercase();
    known
        .map(|name| (strsim::damerau_levenshtein(&written, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 4)
        .min()
        .map(|(_, name)| name)
}

/// Collects problems while a file is read and checked.
#[derive(Debug, Default)]
pub(super) struct Problems {
    errors: Vec<Draft>,
    warnings: Vec<Draft>,
    /// Where drafts beyond the limit go.
    spare: Option<Draft>,
    more: usize,
    /// Whether whoever reads is not the service, whose environment this is then not.
    beside: bool,
    unset: Vec<String>,
}

impl Problems {
    /// What is wrong for whoever is not the service.
    pub(super) fn of_a_command() -> Self {
        Self { beside: true, ..Self::default() }
    }

    /// Whether reading goes on without `name`, which the environment does not have; if so, that is noted.
    pub(super) fn goes_without(&mut self, name: &str) -> bool {
        if self.beside {
            self.unset.push(name.to_owned());
        }
        self.beside
    }

    /// What was not in the environment.
    pub(super) fn take_unset(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unset)
    }

    /// Notes a mistake; the configuration will not be used.
    pub(super) fn error(&mut self, place: Place, message: impl Into<String>) -> &mut Draft {
        self.more += usize::from(self.errors.len() >= KEPT);
        keep(&mut self.errors, &mut self.spare, Draft::new(place, message.into()))
    }

    /// Notes something legal that is probably not meant.
    pub(super) fn warn(&mut self, place: Place, message: impl Into<String>) -> &mut Draft {
        keep(&mut self.warnings, &mut self.spare, Draft::new(place, message.into()))
    }

    /// The warnings, or the mistakes if there is one.
    pub(super) fn finish(self, file: &str, text: &str) -> Result<Vec<Problem>, ConfigError> {
        let source = Source { file, text };
        if self.errors.is_empty() {
            return Ok(source.problems(self.warnings));
        }
        Err(ConfigError { problems: source.problems(self.errors), more: self.more, unread: None })
    }
}

fn keep<'a>(drafts: &'a mut Vec<Draft>, spare: &'a mut Option<Draft>, draft: Draft) -> &'a mut Draft {
    if drafts.len() >= KEPT {
        return spare.insert(draft);
    }
    drafts.push(draft);
    match drafts.last_mut() {
        Some(draft) => draft,
        None => spare.get_or_insert_with(|| Draft::new(Place::NONE, String::new())),
    }
}

struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl Source<'_> {
    /// Sorted by place, each once.
    fn problems(&self, mut drafts: Vec<Draft>) -> Vec<Problem> {
        drafts.sort_by_key(|draft| draft.place);
        let mut problems: Vec<_> = drafts.into_iter().map(|draft| self.problem(draft)).collect();
        problems.dedup();
        problems
    }

    fn problem(&self, draft: Draft) -> Problem {
        let line = usize::try_from(draft.place.line.saturating_sub(1)).unwrap_or(usize::MAX);
        let column = usize::try_from(draft.place.column.saturating_sub(1)).unwrap_or(usize::MAX);
        let source = self.text.lines().nth(line).unwrap_or_default();
        let column = column.min(source.chars().count());
        let skipped = column.saturating_sub(EXCERPT / 2);
        let skipped = if source.chars().count() > EXCERPT { skipped } else { 0 };
        Problem {
            file: self.file.to_owned(),
            line: draft.place.line,
            column: draft.place.column,
            message: draft.message.chars().map(printable).collect(),
            hint: draft.hint.map(|hint| hint.chars().map(printable).collect()),
            excerpt: source.chars().skip(skipped).take(EXCERPT).map(printable).collect(),
            caret: column - skipped,
        }
    }
}

/// Tabs would move the caret, other control characters could drive a terminal.
fn printable(character: char) -> char {
    match character {
        '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other if other.is_control() => '\u{fffd}',
        other => other,
    }
}
