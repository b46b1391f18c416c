//! Reading one table of the file: each key is asked for by name and rule, and
//! what nobody asked for is unknown.
//!
//! A key outside a list of tables may also come from the environment, as
//! `WATCHPOST_` and its path in capitals (`store.media_max` is
//! `WATCHPOST_STORE_MEDIA_MAX`), or by one of [`ALIASES`]. The environment wins.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::mistake::{Mistake, Place};
use super::nearest::nearest;
use super::rules::{self, Bad};
use crate::domain::Secret;

/// Names under which other programs of this kind take the same values.
const ALIASES: [(&str, &str); 4] = [
    ("API_KEY_ENABLED", "auth.enabled"),
    ("WEBSOCKET_TOKEN", "auth.websocket_token"),
    ("WEBSOCKET_IDLE_TIMEOUT_SECONDS", "websocket_idle_timeout_seconds"),
    ("WEBSOCKET_PING_INTERVAL_SECONDS", "websocket_ping_interval_seconds"),
];

/// What begins the name of every variable of our own.
const PREFIX: &str = "WATCHPOST_";

/// The environment, handed in.
pub type Environment = BTreeMap<String, String>;

/// The text being read, and what has been found wrong with it so far.
pub struct Reader<'a> {
    text: &'a str,
    environment: &'a Environment,
    mistakes: RefCell<Vec<Mistake>>,
    known: RefCell<BTreeSet<String>>,
}

impl<'a> Reader<'a> {
    /// A reader of `text`.
    pub fn new(text: &'a str, environment: &'a Environment) -> Self {
        Self { text, environment, mistakes: RefCell::default(), known: RefCell::default() }
    }

    /// The whole document as a section.
    pub fn root<'r>(&'r self, table: &'r DeTable<'a>) -> Section<'r> {
        let place = Place::in_text(self.text, 0);
        Section::new(self, Some(table), String::new(), place, true)
    }

    /// Notes a mistake.
    pub fn mistake(&self, place: Place, what: impl Into<String>, fix: impl Into<String>) {
        let mistake = Mistake { place, what: what.into(), fix: fix.into() };
        self.mistakes.borrow_mut().push(mistake);
    }

    /// The place of byte `offset`.
    pub fn place(&self, offset: usize) -> Place {
        Place::in_text(self.text, offset)
    }

    /// A variable that is no key of the file.
    pub fn variable(&self, name: &str) -> Option<&'a str> {
        self.known.borrow_mut().insert(name.to_owned());
        self.environment.get(name).map(String::as_str)
    }

    /// Ends the reading: all mistakes in order, and the paths of all keys asked
    /// for.
    pub fn finish(self) -> (Vec<Mistake>, BTreeSet<String>) {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort();
        mistakes.dedup();
        (mistakes, self.known.into_inner())
    }
}

/// Name of the variable that stands for the key at `path`.
pub fn variable_name(path: &str) -> String {
    format!("{PREFIX}{}", path.to_uppercase().replace('.', "_"))
}

/// One table.
pub struct Section<'r> {
    reader: &'r Reader<'r>,
    table: Option<&'r DeTable<'r>>,
    path: String,
    place: Place,
    is_single: bool,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'r> Section<'r> {
    fn new(
        reader: &'r Reader<'_>,
        table: Option<&'r DeTable<'_>>,
        path: String,
        place: Place,
        is_single: bool,
    ) -> Self {
        Self { reader, table, path, place, is_single, asked: RefCell::default() }
    }

    /// Puts the value of `key` into `slot`, if it is given and right.
    pub fn set<T>(
        &self,
        key: &'static str,
        slot: &mut T,
        rule: impl Fn(&DeValue<'_>) -> Result<T, Bad>,
    ) {
        if let Some(value) = self.get(key, rule) {
            *slot = value;
        }
    }

    /// As [`Self::set`], for what need not be there.
    pub fn set_some<T>(
        &self,
        key: &'static str,
        slot: &mut Option<T>,
        rule: impl Fn(&DeValue<'_>) -> Result<T, Bad>,
    ) {
        if let Some(value) = self.get(key, rule) {
            *slot = Some(value);
        }
    }

    /// The value of `key`; absent when it is not given or wrong.
    pub fn get<T>(
        &self,
        key: &'static str,
        rule: impl Fn(&DeValue<'_>) -> Result<T, Bad>,
    ) -> Option<T> {
        let found = self.ask(key);
        if let Some((name, text)) = self.variable(key) {
            return self.keep(key, Place::Variable(name), from_variable(text, &rule));
        }
        let value = found?;
        self.keep(key, self.reader.place(value.span().start), rule(value.get_ref()))
    }

    /// The table at `key`, empty when it is not given.
    pub fn section(&self, key: &'static str) -> Section<'r> {
        let path = self.path_of(key);
        let Some(value) = self.ask(key) else {
            return Self::new(self.reader, None, path, self.place.clone(), self.is_single);
        };
        let place = self.reader.place(value.span().start);
        let table = value.get_ref().as_table();
        if table.is_none() {
            let fix = format!("write a table: [{path}]");
            self.reader.mistake(place.clone(), format!("{path} is a plain value"), fix);
        }
        Self::new(self.reader, table, path, place, self.is_single)
    }

    /// The tables at `key`, at most `max`.
    pub fn sections(&self, key: &'static str, max: usize) -> Vec<Section<'r>> {
        let path = self.path_of(key);
        let Some(value) = self.ask(key) else { return Vec::new() };
        let place = self.reader.place(value.span().start);
        let Some(tables) = value.get_ref().as_array().and_then(all_tables) else {
            let fix = format!("write [[{path}]], once for each");
            self.reader.mistake(place, format!("{path} is not a list of tables"), fix);
            return Vec::new();
        };
        if tables.len() > max {
            let what = format!("there are {} of {path}", tables.len());
            self.reader.mistake(place, what, format!("keep at most {max}"));
        }
        let section = |(offset, table)| {
            Self::new(self.reader, Some(table), path.clone(), self.reader.place(offset), false)
        };
        tables.into_iter().take(max).map(section).collect()
    }

    /// Whether `key` is given, right or wrong.
    pub fn has(&self, key: &'static str) -> bool {
        self.ask(key).is_some() || self.variable(key).is_some()
    }

    /// The secret at `key`, or in the file that `key_file` names; not both.
    pub fn secret(&self, key: &'static str, key_file: &'static str, min: usize) -> Option<Secret> {
        let direct = self.get(key, rules::secret(min));
        let from_file = self.get(key_file, rules::secret_file(min));
        if self.has(key) && self.has(key_file) && !self.is_overridden(key) {
            let what = format!("stands beside {key}");
            self.mistake(key_file, &what, "keep one of the two");
        }
        direct.or(from_file)
    }

    /// Notes a mistake at `key`, or at the table when the key is not given.
    pub fn mistake(&self, key: &'static str, what: &str, fix: impl Into<String>) {
        let place = match (self.variable(key), self.ask(key)) {
            (Some((name, _)), _) => Place::Variable(name),
            (None, Some(value)) => self.reader.place(value.span().start),
            (None, None) => self.place.clone(),
        };
        self.reader.mistake(place, format!("{} {what}", self.path_of(key)), fix);
    }

    /// The reader.
    pub fn reader(&self) -> &'r Reader<'r> {
        self.reader
    }

    /// Ends the section: every key that nobody asked for is a mistake.
    pub fn finish(self) {
        let asked = self.asked.into_inner();
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name: &str = key.get_ref();
            if asked.contains(name) {
                continue;
            }
            let fix = match nearest(name, asked.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("remove it, or use one of {}", join(&asked)),
            };
            let shown: String = name.chars().take(60).collect();
            let table = if self.path.is_empty() { "the file" } else { &self.path };
            let what = format!("{table} has no key {shown:?}");
            self.reader.mistake(self.reader.place(key.span().start), what, fix);
        }
    }

    fn ask(&self, key: &'static str) -> Option<&'r Spanned<DeValue<'r>>> {
        self.asked.borrow_mut().insert(key);
        self.reader.known.borrow_mut().insert(self.path_of(key));
        self.table.and_then(|table| table.get(key))
    }

    fn keep<T>(&self, key: &'static str, place: Place, read: Result<T, Bad>) -> Option<T> {
        read.map_err(|bad| {
            let what = format!("{} {}", self.path_of(key), bad.what);
            self.reader.mistake(place, what, bad.fix);
        })
        .ok()
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn is_overridden(&self, key: &str) -> bool {
        self.variable(key).is_some()
    }

    /// The variable that stands for `key`, if it is set. An empty one counts as
    /// not set: that is how service managers clear a variable.
    fn variable(&self, key: &str) -> Option<(String, &'r str)> {
        if !self.is_single {
            return None;
        }
        let path = self.path_of(key);
        let alias = ALIASES.iter().find(|(_, meant)| *meant == path).map(|(name, _)| *name);
        let names = [Some(variable_name(&path)), alias.map(str::to_owned)];
        names.into_iter().flatten().find_map(|name| {
            let text = self.reader.environment.get(&name)?;
            (!text.is_empty()).then_some((name, text.as_str()))
        })
    }
}

/// A variable's text by `rule`: as a text, as a TOML value, or as a list with
/// commas, whichever the rule takes.
fn from_variable<T>(text: &str, rule: &impl Fn(&DeValue<'_>) -> Result<T, Bad>) -> Result<T, Bad> {
    let as_text = |text| DeValue::String(Cow::Borrowed(text));
    let refused = match rule(&as_text(text)) {
        Ok(value) => return Ok(value),
        Err(bad) => bad,
    };
    if let Some(value) = DeValue::parse(text).ok().and_then(|value| rule(value.get_ref()).ok()) {
        return Ok(value);
    }
    let mut list = DeArray::new();
    text.split(',').for_each(|item| list.push(Spanned::new(0..0, as_text(item.trim()))));
    rule(&DeValue::Array(list)).map_err(|_| refused)
}

fn all_tables<'v>(items: &'v DeArray<'v>) -> Option<Vec<(usize, &'v DeTable<'v>)>> {
    items.iter().map(|item| Some((item.span().start, item.get_ref().as_table()?))).collect()
}

fn join(words: &BTreeSet<&str>) -> String {
    words.iter().copied().collect::<Vec<_>>().join(", ")
}
