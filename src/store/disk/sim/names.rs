//! Names on the simulated disk: which are there, and which outlast a power cut.
//!
//! A name that was made, taken away or changed is pending until the directories
//! it touches are synced. At a cut each pending change has happened or not, by
//! lot; a rename happens whole or not at all, and with a directory goes all that
//! is in it, however well that was synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Dir,
    /// The number of a file.
    File(u64),
}

enum Change {
    Add(PathBuf, Node),
    Remove(PathBuf),
    Rename { from: PathBuf, to: PathBuf },
}

struct Pending {
    change: Change,
    /// Directories whose sync is missing.
    unsynced: BTreeSet<PathBuf>,
}

pub(super) struct Names {
    now: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    pending: Vec<Pending>,
}

impl Names {
    /// A disk with nothing but its root.
    pub fn new() -> Self {
        let root = BTreeMap::from([(PathBuf::from("/"), Node::Dir)]);
        Self { now: root.clone(), durable: root, pending: Vec::new() }
    }

    pub fn is_dir(&self, path: &Path) -> bool {
        self.now.get(path) == Some(&Node::Dir)
    }

    /// The file of this name.
    pub fn file(&self, path: &Path) -> io::Result<u64> {
        match self.now.get(path) {
            Some(Node::File(id)) => Ok(*id),
            Some(Node::Dir) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = u64> {
        self.now.values().filter_map(|node| match node {
            Node::File(id) => Some(*id),
            Node::Dir => None,
        })
    }

    /// The files in a directory, by name.
    pub fn files_in<'a>(&'a self, dir: &'a Path) -> impl Iterator<Item = (&'a str, u64)> {
        self.now.iter().filter_map(move |(path, node)| match node {
            Node::File(id) if path.parent() == Some(dir) => {
                Some((path.file_name()?.to_str()?, *id))
            }
            _ => None,
        })
    }

    pub fn add(&mut self, path: &Path, node: Node) -> io::Result<()> {
        self.check_parent(path)?;
        if self.now.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.change(Change::Add(path.to_owned(), node));
        Ok(())
    }

    pub fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.file(path)?;
        self.change(Change::Remove(path.to_owned()));
        Ok(())
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.file(from)?;
        self.check_parent(to)?;
        self.change(Change::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    pub fn sync(&mut self, dir: &Path) -> io::Result<()> {
        if !self.is_dir(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let Self { durable, pending, .. } = self;
        pending.retain_mut(|pending| {
            pending.unsynced.remove(dir);
            if pending.unsynced.is_empty() {
                pending.change.apply(durable);
            }
            !pending.unsynced.is_empty()
        });
        Ok(())
    }

    /// After a power cut.
    pub fn settle(&mut self, random: &mut fastrand::Rng) {
        let mut left = std::mem::take(&mut self.durable);
        for pending in self.pending.drain(..) {
            if random.bool() {
                pending.change.apply(&mut left);
            }
        }
        // A directory comes before what is in it.
        self.now.clear();
        for (path, node) in left {
            if path.parent().is_none_or(|dir| self.now.get(dir) == Some(&Node::Dir)) {
                self.now.insert(path, node);
            }
        }
        self.durable = self.now.clone();
    }

    fn check_parent(&self, path: &Path) -> io::Result<()> {
        match path.parent().and_then(|dir| self.now.get(dir)) {
            Some(Node::Dir) => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        let unsynced = change.paths().filter_map(Path::parent).map(Path::to_owned).collect();
        self.pending.push(Pending { change, unsynced });
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Add(path, node) => drop(names.insert(path.clone(), *node)),
            Self::Remove(path) => drop(names.remove(path)),
            Self::Rename { from, to } => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        let (first, second) = match self {
            Self::Add(path, _) | Self::Remove(path) => (path, None),
            Self::Rename { from, to } => (from, Some(to)),
        };
        std::iter::once(first).chain(second).map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of `paths` are there, over many cuts after the same changes.
    fn outcomes(paths: &[&str], change: impl Fn(&mut Names)) -> BTreeSet<Vec<bool>> {
        let after_cut = |seed| {
            let mut names = Names::new();
            change(&mut names);
            names.settle(&mut fastrand::Rng::with_seed(seed));
            paths.iter().map(|path| names.now.contains_key(Path::new(path))).collect()
        };
        (0..200).map(after_cut).collect()
    }

    #[test]
    fn a_rename_happens_whole_or_not_at_all_and_for_good_once_both_sides_are_synced() {
        let before = |names: &mut Names| {
            for dir in ["/a", "/b"] {
                names.add(Path::new(dir), Node::Dir).unwrap();
            }
            names.add(Path::new("/a/x"), Node::File(1)).unwrap();
            ["/", "/a"].iter().for_each(|dir| names.sync(Path::new(dir)).unwrap());
            names.rename(Path::new("/a/x"), Path::new("/b/x")).unwrap();
        };
        let paths = ["/a/x", "/b/x"];
        let either = BTreeSet::from([vec![true, false], vec![false, true]]);
        assert_eq!(outcomes(&paths, before), either);
        let one_side = |names: &mut Names| {
            before(names);
            names.sync(Path::new("/b")).unwrap();
        };
        assert_eq!(outcomes(&paths, one_side), either);
        let both = |names: &mut Names| {
            one_side(names);
            names.sync(Path::new("/a")).unwrap();
        };
        assert_eq!(outcomes(&paths, both), BTreeSet::from([vec![false, true]]));
    }

    #[test]
    fn an_unsynced_directory_may_vanish_with_all_that_was_synced_in_it() {
        let found = outcomes(&["/a", "/a/x"], |names| {
            names.add(Path::new("/a"), Node::Dir).unwrap();
            names.add(Path::new("/a/x"), Node::File(1)).unwrap();
            names.sync(Path::new("/a")).unwrap();
        });
        assert_eq!(found, BTreeSet::from([vec![true, true], vec![false, false]]));
    }

    #[test]
    fn an_unsynced_removal_may_be_undone() {
        let found = outcomes(&["/x"], |names| {
            names.add(Path::new("/x"), Node::File(1)).unwrap();
            names.sync(Path::new("/")).unwrap();
            names.remove(Path::new("/x")).unwrap();
        });
        assert_eq!(found.len(), 2);
    }
}
