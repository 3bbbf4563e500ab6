//! The pipeline's S3 as real files: buckets are folders, objects are files, and an index in memory says which objects
//! exist at this instant of virtual time.
//!
//! Bytes are staged from any thread and become an object only when committed, so what a reader sees depends on virtual
//! time alone. A reader that pinned an object keeps its bytes even when it is overwritten or deleted later.
//! Knows nothing of tables or SQL.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::disk;
use crate::units::SimTime;

use super::catalog::Catalog;
use super::error::LakeError;
use super::notes::Notes;
use super::paths::{BucketName, ObjectKey};
use super::staging::Staged;

const STAGING: &str = ".staging";
/// Where the catalog is saved, below the lake's folder.
pub(super) const CATALOG_FILE: &str = "catalog.json";

/// What is known of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Bytes of the file.
    pub size: u64,
    /// Records in it, as its writer said; unknown after a lake is opened from disk.
    pub records: Option<u64>,
    /// When it became visible.
    pub committed_at: SimTime,
    /// Number of the commit in this lake, from 1; 0 after a lake is opened from disk.
    pub version: u64,
}

/// One object's bytes, wherever they are now. Kept alive by readers that pinned it.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) meta: ObjectMeta,
    place: Mutex<Place>,
}

#[derive(Debug)]
struct Place {
    path: PathBuf,
    /// True once the object was overwritten or deleted: the file goes when the last reader goes.
    retired: bool,
}

impl Object {
    fn new(meta: ObjectMeta, path: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            meta,
            place: Mutex::new(Place {
                path,
                retired: false,
            }),
        })
    }
    /// A file beside any lake, to be read like an object.
    pub(super) fn loose(path: PathBuf) -> Result<Arc<Self>, LakeError> {
        let size = path
            .metadata()
            .map_err(|e| LakeError::io("read a file", path.display(), e))?
            .len();
        let key = path.file_name().unwrap_or_default();
        let meta = ObjectMeta {
            bucket: "run".to_owned(),
            key: key.to_string_lossy().into_owned(),
            size,
            records: None,
            committed_at: SimTime::ZERO,
            version: 0,
        };
        Ok(Self::new(meta, path))
    }
    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Opens the file. Never follows a link.
    pub(super) fn open(&self) -> Result<File, LakeError> {
        let place = self.place();
        refuse_link(&place.path)?;
        File::open(&place.path).map_err(|e| LakeError::io("read an object", &self.meta.key, e))
    }
    /// All bytes.
    pub(super) fn read(&self) -> Result<Vec<u8>, LakeError> {
        use std::io::Read as _;
        let mut file = self.open()?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.meta.size).unwrap_or(0));
        file.read_to_end(&mut bytes)
            .map_err(|e| LakeError::io("read an object", &self.meta.key, e))?;
        Ok(bytes)
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let place = self.place();
        if place.retired {
            // A leftover in the staging folder is removed at the next open; nothing else can be done here.
            fs::remove_file(&place.path).ok();
        }
    }
}

type Objects = BTreeMap<String, Arc<Object>>;

#[derive(Debug, Default)]
pub(super) struct Index {
    buckets: BTreeMap<String, Objects>,
    commits: u64,
    pub(super) notes: Notes,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    staged: AtomicU64,
    index: RwLock<Index>,
    catalog: RwLock<CatalogState>,
}

#[derive(Debug, Default)]
struct CatalogState {
    catalog: Arc<Catalog>,
    unsaved: bool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self
            .catalog
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if state.unsaved {
            save_catalog(&self.root, &state.catalog).ok();
        }
        // Succeeds only when nothing is staged any more, so that finished lakes hold buckets and catalog alone.
        fs::remove_dir(self.root.join(STAGING)).ok();
    }
}

/// The buckets and the catalog of one run. Cheap to clone; all clones are the same lake.
#[derive(Debug, Clone)]
pub struct Lake(Arc<Inner>);

impl Lake {
    /// Makes a lake in a new or empty folder.
    ///
    /// # Errors
    /// [`LakeError::NotEmpty`] when something is there; [`LakeError::Io`] when it cannot be written.
    pub fn create(dir: &Path) -> Result<Self, LakeError> {
        fs::create_dir_all(dir).map_err(|e| LakeError::io("make the lake", dir.display(), e))?;
        let mut entries =
            fs::read_dir(dir).map_err(|e| LakeError::io("read the lake", dir.display(), e))?;
        if entries.next().is_some() {
            return Err(LakeError::NotEmpty(dir.display().to_string()));
        }
        Self::at(dir, Index::default(), Catalog::default())
    }

    /// Opens the lake of a finished run: the files that are there, and its catalog. Files left in staging are removed.
    ///
    /// # Errors
    /// [`LakeError::Link`] when a symbolic link is inside, [`LakeError::CatalogFile`] when the catalog does not parse.
    pub fn open(dir: &Path) -> Result<Self, LakeError> {
        let root = canonical(dir)?;
        let staging = root.join(STAGING);
        refuse_link(&staging)?;
        if staging.is_dir() {
            fs::remove_dir_all(&staging)
                .map_err(|e| LakeError::io("clear the staging folder", staging.display(), e))?;
        }
        let mut index = Index::default();
        for (name, path) in entries(&root)? {
            refuse_link(&path)?;
            let bucket = BucketName::from_folder(&name);
            if let (true, Some(bucket)) = (path.is_dir(), bucket) {
                let mut objects = Objects::new();
                collect_objects(&bucket, &path, &mut Vec::new(), &mut objects)?;
                index.buckets.insert(bucket.as_str().to_owned(), objects);
            }
        }
        let file = root.join(CATALOG_FILE);
        let catalog = if file.is_file() {
            let text = fs::read_to_string(&file)
                .map_err(|e| LakeError::io("read the catalog", file.display(), e))?;
            Catalog::from_json(&text)?
        } else {
            Catalog::default()
        };
        Self::at(&root, index, catalog)
    }

    /// A lake of nothing, for a run that has none. Writes nothing.
    pub(super) fn nothing(dir: &Path) -> Result<Self, LakeError> {
        Self::at(dir, Index::default(), Catalog::default())
    }

    fn at(dir: &Path, index: Index, catalog: Catalog) -> Result<Self, LakeError> {
        Ok(Self(Arc::new(Inner {
            root: canonical(dir)?,
            staged: AtomicU64::new(0),
            index: RwLock::new(index),
            catalog: RwLock::new(CatalogState {
                catalog: Arc::new(catalog),
                unsaved: false,
            }),
        })))
    }

    /// The lake's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// Makes a bucket; one that exists already is fine.
    ///
    /// # Errors
    /// [`LakeError::BucketName`] for a name that S3 would refuse.
    pub fn create_bucket(&self, name: &str) -> Result<(), LakeError> {
        let bucket = BucketName::parse(name)?;
        let path = self.0.root.join(bucket.folder());
        refuse_link(&path)?;
        fs::create_dir_all(&path).map_err(|e| LakeError::io("make a bucket", path.display(), e))?;
        self.index_mut().buckets.entry(name.to_owned()).or_default();
        Ok(())
    }

    /// Names of the buckets, in order.
    #[must_use]
    pub fn buckets(&self) -> Vec<String> {
        self.index().buckets.keys().cloned().collect()
    }

    /// Makes the staged bytes the object, visible from now; an object of the same key is replaced (last writer wins).
    ///
    /// # Errors
    /// A bad bucket or key, an unknown bucket;
    /// [`LakeError::Collision`] when another key's file or folder is in the way; a disk that refuses.
    pub fn commit(
        &self,
        staged: Staged,
        bucket: &str,
        key: &str,
        at: SimTime,
        records: u64,
    ) -> Result<ObjectMeta, LakeError> {
        let (bucket, key) = (BucketName::parse(bucket)?, ObjectKey::parse(key)?);
        let mut path = self.0.root.join(bucket.folder());
        let relative = key.path();
        let mut index = self.index_mut();
        let version = index.commits + 1;
        let objects = index
            .buckets
            .get_mut(bucket.as_str())
            .ok_or_else(|| LakeError::NoSuchBucket(bucket.as_str().to_owned()))?;
        let collision = || LakeError::Collision {
            key: key.as_str().to_owned(),
        };
        for folder in relative.parent().into_iter().flat_map(Path::components) {
            path.push(folder);
            refuse_link(&path)?;
            if path.is_file() {
                return Err(collision());
            }
        }
        fs::create_dir_all(&path).map_err(|e| LakeError::io("make a folder", path.display(), e))?;
        let path = self.0.root.join(bucket.folder()).join(relative);
        let old = objects.get(key.as_str()).cloned();
        match &old {
            Some(old) => self.retire(old)?,
            // A file or folder that the index does not know: a folder of other keys, or a key in another letter case.
            None if path.symlink_metadata().is_ok() => return Err(collision()),
            None => {}
        }
        let (size, records) = (staged.size(), staged.rows().unwrap_or(records));
        if let Err(e) = fs::rename(staged.path(), &path) {
            if let Some(old) = &old {
                reinstate(old, &path);
            }
            return Err(LakeError::io("commit an object", path.display(), e));
        }
        staged.moved();
        let meta = ObjectMeta {
            bucket: bucket.as_str().to_owned(),
            key: key.as_str().to_owned(),
            size,
            records: Some(records),
            committed_at: at,
            version,
        };
        objects.insert(key.as_str().to_owned(), Object::new(meta.clone(), path));
        index.commits = version;
        Ok(meta)
    }

    /// Stages and commits in one step.
    ///
    /// # Errors
    /// As [`Lake::stage`] and [`Lake::commit`].
    pub fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: &[u8],
        at: SimTime,
        records: u64,
    ) -> Result<ObjectMeta, LakeError> {
        self.commit(self.stage(bytes)?, bucket, key, at, records)
    }

    /// The objects whose key begins with `prefix`, in the order of their keys (bytes). Empty for an unknown bucket.
    #[must_use]
    pub fn list(&self, bucket: &str, prefix: &str) -> Vec<ObjectMeta> {
        let index = self.index();
        with_prefix(&index, bucket, prefix)
            .map(|o| o.meta.clone())
            .collect()
    }

    /// How many objects a bucket has.
    #[must_use]
    pub fn count(&self, bucket: &str) -> usize {
        self.index().buckets.get(bucket).map_or(0, BTreeMap::len)
    }

    /// How many commits there were: while this is the same, no object was added or replaced.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.index().commits
    }

    /// What is known of one object.
    #[must_use]
    pub fn head(&self, bucket: &str, key: &str) -> Option<ObjectMeta> {
        let index = self.index();
        index.buckets.get(bucket)?.get(key).map(|o| o.meta.clone())
    }

    /// The bytes of an object.
    ///
    /// # Errors
    /// [`LakeError::NoSuchKey`], or a disk that refuses.
    pub fn read(&self, bucket: &str, key: &str) -> Result<Vec<u8>, LakeError> {
        self.pin(bucket, key)?.read()
    }

    /// Removes an object; one that is not there is fine, as in S3.
    ///
    /// # Errors
    /// [`LakeError::NoSuchBucket`], or a disk that refuses.
    pub fn delete(&self, bucket: &str, key: &str) -> Result<(), LakeError> {
        let mut index = self.index_mut();
        let objects = index
            .buckets
            .get_mut(bucket)
            .ok_or_else(|| LakeError::NoSuchBucket(bucket.to_owned()))?;
        let Some(object) = objects.get(key).cloned() else {
            return Ok(());
        };
        let path = object.place().path.clone();
        self.retire(&object)?;
        objects.remove(key);
        drop(object);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(LakeError::io("remove an object", path.display(), e));
            }
            _ => {}
        }
        // Folders exist only for their objects: what became empty goes, up to the bucket.
        let depth = key.split('/').count().saturating_sub(1);
        for folder in path.ancestors().skip(1).take(depth) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Moves a replaced object's file aside, to be removed when its last reader is done.
    fn retire(&self, object: &Object) -> Result<(), LakeError> {
        let aside = self.staging_path()?;
        let mut place = object.place();
        // A second name keeps the object in its place until it is replaced or removed, so that a process that is killed in
        // between has lost nothing. Where a file system has no second names, there is this gap.
        fs::hard_link(&place.path, &aside)
            .or_else(|_| fs::rename(&place.path, &aside))
            .map_err(|e| LakeError::io("replace an object", place.path.display(), e))?;
        place.path = aside;
        place.retired = true;
        drop(place);
        Ok(())
    }

    pub(super) fn staging_path(&self) -> Result<PathBuf, LakeError> {
        let staging = self.0.root.join(STAGING);
        refuse_link(&staging)?;
        fs::create_dir_all(&staging)
            .map_err(|e| LakeError::io("make the staging folder", staging.display(), e))?;
        // The number only tells files apart; it is in no result.
        let n = self.0.staged.fetch_add(1, Ordering::Relaxed);
        Ok(staging.join(n.to_string()))
    }

    /// The object as it is now; its bytes stay readable whatever is committed later.
    pub(super) fn pin(&self, bucket: &str, key: &str) -> Result<Arc<Object>, LakeError> {
        let index = self.index();
        let objects = index
            .buckets
            .get(bucket)
            .ok_or_else(|| LakeError::NoSuchBucket(bucket.to_owned()))?;
        objects
            .get(key)
            .cloned()
            .ok_or_else(|| LakeError::NoSuchKey {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            })
    }

    /// Pins every object below a prefix, in key order.
    pub(super) fn pin_all(&self, bucket: &str, prefix: &str) -> Vec<Arc<Object>> {
        let index = self.index();
        with_prefix(&index, bucket, prefix).cloned().collect()
    }

    pub(super) fn index(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.0.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn index_mut(&self) -> std::sync::RwLockWriteGuard<'_, Index> {
        self.0.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The catalog as it is now. Later changes do not show in it.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        let state = self
            .0
            .catalog
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&state.catalog)
    }

    /// Changes the catalog in memory; [`Lake::save_catalog`] or the end of the lake writes it.
    ///
    /// # Errors
    /// Those of the change; the catalog then is as before.
    pub fn change_catalog<T>(
        &self,
        change: impl FnOnce(&mut Catalog) -> Result<T, LakeError>,
    ) -> Result<T, LakeError> {
        let mut state = self
            .0
            .catalog
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // A copy of the table of contents only; definitions are shared.
        let mut next = Catalog::clone(&state.catalog);
        let value = change(&mut next)?;
        state.catalog = Arc::new(next);
        state.unsaved = true;
        Ok(value)
    }

    /// Writes `catalog.json` atomically if anything changed since the last time.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn save_catalog(&self) -> Result<(), LakeError> {
        let mut state = self
            .0
            .catalog
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if state.unsaved {
            save_catalog(&self.0.root, &state.catalog)?;
            state.unsaved = false;
        }
        Ok(())
    }
}

fn save_catalog(root: &Path, catalog: &Catalog) -> Result<(), LakeError> {
    let text = catalog.to_json()?;
    let staging = root.join(STAGING);
    let path = root.join(CATALOG_FILE);
    let failed = |e| LakeError::io("save the catalog", path.display(), e);
    fs::create_dir_all(&staging).map_err(failed)?;
    let new = staging.join(CATALOG_FILE);
    let saved = disk::write(&new, text.as_bytes()).and_then(|()| fs::rename(&new, &path));
    saved.map_err(|e| {
        // A part of a catalog is of no use; the one that was saved before stays.
        fs::remove_file(&new).ok();
        failed(e)
    })
}

/// An object that could not be replaced after all is where it was.
fn reinstate(object: &Object, path: &Path) {
    let mut place = object.place();
    let back = if path.exists() {
        fs::remove_file(&place.path)
    } else {
        fs::rename(&place.path, path)
    };
    // Otherwise its bytes stay readable where they are.
    if back.is_ok() || path.exists() {
        path.clone_into(&mut place.path);
        place.retired = false;
    }
}

fn with_prefix<'a>(
    index: &'a Index,
    bucket: &str,
    prefix: &'a str,
) -> impl Iterator<Item = &'a Arc<Object>> {
    index
        .buckets
        .get(bucket)
        .into_iter()
        .flat_map(move |objects| objects.range(prefix.to_owned()..))
        .take_while(move |(key, _)| key.starts_with(prefix))
        .map(|(_, object)| object)
}

fn canonical(dir: &Path) -> Result<PathBuf, LakeError> {
    fs::canonicalize(dir).map_err(|e| LakeError::io("open the lake", dir.display(), e))
}

fn refuse_link(path: &Path) -> Result<(), LakeError> {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_symlink() => Err(LakeError::Link(path.display().to_string())),
        _ => Ok(()),
    }
}

/// Names and paths in a folder, in order. Names that are not UTF-8 cannot be ours and are left out.
fn entries(dir: &Path) -> Result<BTreeMap<String, PathBuf>, LakeError> {
    let failed = |e| LakeError::io("read the lake", dir.display(), e);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Ok(name) = entry.file_name().into_string() {
            found.insert(name, entry.path());
        }
    }
    Ok(found)
}

fn collect_objects(
    bucket: &BucketName,
    dir: &Path,
    segments: &mut Vec<String>,
    objects: &mut Objects,
) -> Result<(), LakeError> {
    // Each level adds a slash and a character to the key, so that depth is bounded by the longest key.
    if segments.len() > super::paths::KEY_BYTES_MAX / 2 {
        return Ok(());
    }
    for (name, path) in entries(dir)? {
        refuse_link(&path)?;
        segments.push(name);
        if path.is_dir() {
            collect_objects(bucket, &path, segments, objects)?;
        } else if let Some(key) = ObjectKey::from_segments(segments) {
            let size = path
                .metadata()
                .map_err(|e| LakeError::io("read an object", path.display(), e))?
                .len();
            let meta = ObjectMeta {
                bucket: bucket.as_str().to_owned(),
                key: key.as_str().to_owned(),
                size,
                records: None,
                committed_at: SimTime::ZERO,
                version: 0,
            };
            objects.insert(key.as_str().to_owned(), Object::new(meta, path));
        }
        segments.pop();
    }
    Ok(())
}
