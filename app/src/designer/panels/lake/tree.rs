//! Buckets, prefixes and files as a tree, made from flat lists of keys.
//!
//! Keys are any text: empty parts, dots and slashes at either end are names like others here, never places of a disk.

use std::collections::BTreeSet;

use weir_engine::lake::ObjectMeta;
use weir_engine::units::SimTime;

/// What stands at a place of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bucket,
    Folder,
    File,
}

/// One line of the tree.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Its own part of the key; may be empty.
    pub(super) name: String,
    pub(super) bucket: String,
    /// The key of a file; the prefix with its last slash of a folder; empty for a bucket.
    pub(super) key: String,
    pub(super) depth: usize,
    parent: Option<usize>,
    children: Vec<usize>,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Rows of all files below, when every writer said.
    pub(super) rows: Option<u64>,
    /// When the newest file came.
    pub(super) newest: SimTime,
    /// Number of the commit that made a file.
    pub(super) version: u64,
}

impl Entry {
    fn new(
        kind: Kind,
        name: &str,
        bucket: &str,
        key: &str,
        depth: usize,
        parent: Option<usize>,
    ) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            depth,
            parent,
            children: Vec::new(),
            files: 0,
            bytes: 0,
            rows: Some(0),
            newest: SimTime::ZERO,
            version: 0,
        }
    }
    /// Names the entry in any later tree of the same lake.
    pub(super) fn id(&self) -> String {
        let mark = if self.kind == Kind::File { 'f' } else { 'd' };
        format!("{mark}{}/{}", self.bucket, self.key)
    }
    /// As a person writes it.
    pub(super) fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
    pub(super) fn has_children(&self) -> bool {
        !self.children.is_empty()
    }
}

/// The tree. Parents come before their children.
#[derive(Debug, Default)]
pub(super) struct Tree {
    entries: Vec<Entry>,
    roots: Vec<usize>,
}

impl Tree {
    /// The tree of these buckets with their objects.
    pub(super) fn build(buckets: impl IntoIterator<Item = (String, Vec<ObjectMeta>)>) -> Self {
        let mut tree = Self::default();
        for (bucket, mut objects) in buckets {
            objects.sort_by(|a, b| a.key.cmp(&b.key));
            let root = tree.add(Entry::new(Kind::Bucket, &bucket, &bucket, "", 0, None));
            // Folders that are open while the sorted keys go by: keys with one prefix stand together.
            let mut path: Vec<usize> = vec![root];
            for object in &objects {
                tree.file(&mut path, &bucket, object);
            }
        }
        tree.order();
        tree
    }
    fn add(&mut self, entry: Entry) -> usize {
        let at = self.entries.len();
        match entry.parent.and_then(|p| self.entries.get_mut(p)) {
            Some(parent) => parent.children.push(at),
            None => self.roots.push(at),
        }
        self.entries.push(entry);
        at
    }
    fn file(&mut self, path: &mut Vec<usize>, bucket: &str, object: &ObjectMeta) {
        let is_above = |tree: &Self, at: usize| {
            tree.entries
                .get(at)
                .is_some_and(|e| object.key.starts_with(&e.key))
        };
        while path.len() > 1 && path.last().is_some_and(|at| !is_above(self, *at)) {
            path.pop();
        }
        let mut rest = object.key.as_str();
        if let Some(above) = path.last().and_then(|at| self.entries.get(*at)) {
            rest = object.key.get(above.key.len()..).unwrap_or(rest);
        }
        while let Some((name, below)) = rest.split_once('/') {
            let prefix = object.key.len() - below.len();
            let key = object.key.get(..prefix).unwrap_or_default();
            let parent = path.last().copied();
            let folder = self.add(Entry::new(
                Kind::Folder,
                name,
                bucket,
                key,
                path.len(),
                parent,
            ));
            path.push(folder);
            rest = below;
        }
        let parent = path.last().copied();
        let mut file = Entry::new(Kind::File, rest, bucket, &object.key, path.len(), parent);
        (file.files, file.bytes, file.rows) = (1, object.size, object.records);
        (file.newest, file.version) = (object.committed_at, object.version);
        self.add(file);
        for at in path.iter() {
            let Some(above) = self.entries.get_mut(*at) else {
                continue;
            };
            above.files += 1;
            above.bytes += object.size;
            above.rows = above.rows.zip(object.records).map(|(a, b)| a + b);
            above.newest = above.newest.max(object.committed_at);
        }
    }
    /// Folders before files, both as the keys are sorted.
    fn order(&mut self) {
        let is_file: Vec<bool> = self.entries.iter().map(|e| e.kind == Kind::File).collect();
        for entry in &mut self.entries {
            entry
                .children
                .sort_by_key(|c| is_file.get(*c).copied().unwrap_or(false));
        }
    }
    pub(super) fn get(&self, at: usize) -> Option<&Entry> {
        self.entries.get(at)
    }
    /// The entry with this [`Entry::id`]. Looks at all of them.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|e| e.id() == id)
    }
    pub(super) fn parent(&self, at: usize) -> Option<usize> {
        self.entries.get(at)?.parent
    }
    /// Files in all.
    pub(super) fn files(&self) -> u64 {
        self.roots
            .iter()
            .filter_map(|r| self.entries.get(*r))
            .map(|e| e.files)
            .sum()
    }
    /// Ids of the buckets, and of what is below while there is only one way to go: what is worth being open at first.
    pub(super) fn first_open(&self) -> BTreeSet<String> {
        let mut open = BTreeSet::new();
        for root in &self.roots {
            let mut at = *root;
            while let Some(entry) = self.entries.get(at) {
                open.insert(entry.id());
                match entry.children.as_slice() {
                    [only]
                        if self
                            .entries
                            .get(*only)
                            .is_some_and(|e| e.kind == Kind::Folder) =>
                    {
                        at = *only;
                    }
                    _ => break,
                }
            }
        }
        open
    }
    /// The lines that are shown, in order: below open folders everything; with a filter the files with that text in their
    /// key, and what is above them.
    pub(super) fn visible(&self, open: &BTreeSet<String>, filter: &str) -> Vec<usize> {
        let wanted = filter.trim().to_lowercase();
        let matching = (!wanted.is_empty()).then(|| self.matching(&wanted));
        let mut out = Vec::new();
        let mut next: Vec<usize> = self.roots.iter().rev().copied().collect();
        while let Some(at) = next.pop() {
            let Some(entry) = self.entries.get(at) else {
                continue;
            };
            let is_open = match &matching {
                Some(m) if !m.get(at).copied().unwrap_or(false) => continue,
                Some(_) => true,
                None => entry.has_children() && open.contains(&entry.id()),
            };
            out.push(at);
            if is_open {
                next.extend(entry.children.iter().rev());
            }
        }
        out
    }
    fn matching(&self, wanted: &str) -> Vec<bool> {
        let mut matching = vec![false; self.entries.len()];
        // Children come after their parents, so from the back each one can tell the one above.
        for (at, entry) in self.entries.iter().enumerate().rev() {
            let is_match = match entry.kind {
                Kind::File => entry.key.to_lowercase().contains(wanted),
                Kind::Bucket => entry.name.contains(wanted),
                Kind::Folder => false,
            };
            if is_match && let Some(m) = matching.get_mut(at) {
                *m = true;
            }
            if matching.get(at) == Some(&true)
                && let Some(m) = entry.parent.and_then(|p| matching.get_mut(p))
            {
                *m = true;
            }
        }
        matching
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(keys: &[&str]) -> Tree {
        let object = |key: &&str| ObjectMeta {
            bucket: "b".to_owned(),
            key: (*key).to_owned(),
            size: 10,
            records: Some(2),
            committed_at: SimTime(7),
            version: 1,
        };
        Tree::build([("b".to_owned(), keys.iter().map(object).collect())])
    }

    /// All lines, indented, folders with a slash.
    fn lines(tree: &Tree, filter: &str) -> Vec<String> {
        let open: BTreeSet<String> = tree.entries.iter().map(Entry::id).collect();
        let line = |at: usize| {
            let e = &tree.entries[at];
            let slash = if e.kind == Kind::Folder { "/" } else { "" };
            format!("{}{}{slash}", " ".repeat(e.depth), e.name)
        };
        tree.visible(&open, filter).into_iter().map(line).collect()
    }

    #[test]
    fn keys_become_folders_and_files() {
        let t = tree(&[
            "data/2024/b.parquet",
            "data/2024/a.parquet",
            "data/x.json",
            "data-old/y",
            "top",
        ]);
        let wanted = [
            "b",
            " data-old/",
            "  y",
            " data/",
            "  2024/",
            "   a.parquet",
            "   b.parquet",
            "  x.json",
            " top",
        ];
        assert_eq!(lines(&t, ""), wanted);
        let data = &t.entries[t.find("db/data/").unwrap()];
        assert_eq!((data.files, data.bytes, data.rows), (3, 30, Some(6)));
        assert_eq!(data.location(), "s3://b/data/");
        assert_eq!((t.files(), t.entries[0].files), (5, 5));
    }

    #[test]
    fn hostile_keys_are_names_like_others() {
        let keys = [
            "",
            "/",
            "//",
            "/a",
            "a//b",
            "a/",
            "a",
            "../../etc/passwd",
            "./x",
            "서울/강남 구/\u{202e}x",
            "a/b/",
        ];
        let t = tree(&keys);
        assert_eq!(t.files(), keys.len() as u64);
        let files: BTreeSet<&str> = t
            .entries
            .iter()
            .filter(|e| e.kind == Kind::File)
            .map(|e| e.key.as_str())
            .collect();
        assert_eq!(files, keys.into_iter().collect());
        let ids: BTreeSet<String> = t.entries.iter().map(Entry::id).collect();
        assert_eq!(ids.len(), t.entries.len(), "no two lines have one id");
        assert!(lines(&t, "").contains(&"    passwd".to_owned()));
        // A folder `a` beside a file `a`, and an empty folder in it.
        assert_eq!(t.entries[t.find("db/a/").unwrap()].files, 3);
        assert_eq!(t.entries[t.find("db/a//").unwrap()].name, "");
    }

    #[test]
    fn a_filter_shows_files_and_what_is_above_them() {
        let t = tree(&["x/one.JSON", "x/two.csv", "y/three.csv"]);
        assert_eq!(lines(&t, " json "), ["b", " x/", "  one.JSON"]);
        assert!(lines(&t, "nothing").is_empty());
    }

    #[test]
    fn one_way_is_open_at_first() {
        let t = tree(&["a/b/c/1", "a/b/c/2", "a/b/d/3"]);
        let names: Vec<&str> = t
            .visible(&t.first_open(), "")
            .into_iter()
            .map(|i| t.entries[i].name.as_str())
            .collect();
        assert_eq!(names, ["b", "a", "b", "c", "d"]);
    }

    #[test]
    fn a_hundred_thousand_files_are_folded() {
        let keys: Vec<String> = (0..100_000)
            .map(|i| format!("p/{:02}/{:03}/{i}.json", i % 24, i % 500))
            .collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let t = tree(&keys);
        assert_eq!(t.files(), 100_000);
        assert!(t.visible(&t.first_open(), "").len() < 100);
    }
}
