//! The recorder: a thread that owns an episode's file, so that nobody else ever waits for a disk.
//!
//! Whoever feeds it only tries, and counts what does not fit; it polls, since a parked receiver would make the
//! control thread's send take a lock.
use crate::control::links;
use crate::demonstration::episode::{End, Gripper, Meta, Options, PART, Tick, Writer};
use crate::demonstration::store::{folder_of, rename_new};
use crossbeam_channel::{Receiver, Sender};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Between two looks at the queue.
const LOOK: Duration = Duration::from_millis(2);
/// Between two chunks: what a killed process loses at most.
const FLUSH: Duration = Duration::from_millis(200);
/// Ticks in a chunk at most, however fast they come.
const CHUNK: u64 = 250;
/// Between two calls that wait for the disk: what a loss of power costs at most.
const SYNC: Duration = Duration::from_secs(1);

/// Why nothing is recorded, or not all of it.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{}: there is already an episode of that name, which is never overwritten: choose another", file.display())]
    Exists { file: PathBuf },
    #[error("{}: left by a recording that was cut off, or is still going on: 'franka-imit demos repair' saves it; \
             or choose another name", part.display())]
    Unfinished { part: PathBuf },
    #[error("{}: cannot be recorded to: {source}", file.display())]
    Begin { file: PathBuf, source: io::Error },
    #[error("{}: the recording cannot be finished: {source}; what was written is kept", file.display())]
    Finish { file: PathBuf, source: io::Error },
    #[error("the recorder has died; {}: 'franka-imit demos repair' saves what was written", part.display())]
    Died { part: PathBuf },
}

/// An episode that has been kept.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Saved {
    /// Its file.
    pub file: PathBuf,
    /// Ticks in it.
    pub ticks: u64,
    /// Ticks that came and are not in it: the queue was full, or the disk.
    pub dropped: u64,
    /// Its size, bytes.
    pub bytes: u64,
    /// Why it ends before its time, if it does.
    pub cut_short: Option<String>,
}

/// What the thread and its owner share.
#[derive(Default)]
struct Shared {
    written: AtomicU64,
    /// Ticks that came after the file could not be written any more.
    unwritten: AtomicU64,
    /// Nothing more will come: the thread empties the queue and ends.
    is_over: AtomicBool,
    failed: Mutex<Option<String>>,
    gripper: Mutex<Option<Gripper>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An episode that is being recorded. Dropped without [`Recorder::keep`], it stays as an unfinished file.
pub struct Recorder {
    feed: Sender<Tick>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Option<Open>>>,
    meta: Meta,
    file: PathBuf,
    dropped: u64,
}

/// The file, while the thread has it.
struct Open {
    writer: Writer<File>,
    file: File,
}

/// The name of a file while it is being written.
pub fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(PART);
    name.into()
}

impl Recorder {
    /// Begins an episode in `file`, on a thread of its own that keeps to `cores`.
    ///
    /// # Errors
    /// [`Error`] when the name is taken or nothing can be written there; nothing is overwritten.
    pub fn begin(file: &Path, meta: Meta, options: Options, cores: &[usize]) -> Result<Recorder, Error> {
        if file.exists() {
            return Err(Error::Exists { file: file.to_owned() });
        }
        let part = part_of(file);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => Error::Unfinished { part: part.clone() },
            _ => Error::Begin { file: file.to_owned(), source },
        };
        let handle = File::options().write(true).create_new(true).open(&part).map_err(failed)?;
        let opened = (|| {
            // Whoever wants to repair it can see that it is still being written.
            handle.try_lock().map_err(|error| match error {
                TryLockError::Error(error) => error,
                TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
            })?;
            Ok(Open { writer: Writer::begin(handle.try_clone()?, &meta, options)?, file: handle })
        })();
        let open = opened.map_err(|source| {
            let _ = std::fs::remove_file(&part); // ours, and empty
            Error::Begin { file: file.to_owned(), source }
        })?;
        let (feed, ticks) = links::recording();
        let shared = Arc::new(Shared::default());
        let thread = {
            let (shared, cores, name) = (Arc::clone(&shared), cores.to_vec(), file.display().to_string());
            std::thread::Builder::new().name("recorder".into()).spawn(move || {
                crate::robot::realtime::pin(&cores);
                work(open, &ticks, &shared, &name)
            })
        };
        let thread = thread.map_err(|source| Error::Begin { file: file.to_owned(), source })?;
        Ok(Recorder { feed, shared, thread: Some(thread), meta, file: file.to_owned(), dropped: 0 })
    }

    /// The end for whoever has ticks and must not wait: it tries to send, and counts what does not fit.
    pub fn feed(&self) -> Sender<Tick> {
        self.feed.clone()
    }

    /// Adds a tick; one that does not fit is counted as dropped.
    pub fn add(&mut self, tick: &Tick) {
        self.dropped += u64::from(self.feed.try_send(*tick).is_err());
    }

    /// What the gripper says from now on.
    pub fn set_gripper(&self, gripper: Option<Gripper>) {
        *locked(&self.shared.gripper) = gripper;
    }

    /// Ticks written so far.
    pub fn ticks(&self) -> u64 {
        self.shared.written.load(Relaxed)
    }

    /// Why nothing more is recorded, if so: a full disk, for example.
    pub fn failed(&self) -> Option<String> {
        locked(&self.shared.failed).clone()
    }

    /// What is known of the episode.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The same, to say more: the operator's words may come late.
    pub fn meta_mut(&mut self) -> &mut Meta {
        &mut self.meta
    }

    /// Writes what is left, closes and syncs the file, and gives it its name. `because` says how it ended; `dropped`
    /// are the ticks that did not fit into [`Recorder::feed`].
    ///
    /// # Errors
    /// [`Error`] when the file cannot be closed or named; what was written stays and can be repaired. A recording that
    /// the disk has cut short is no error here but [`Saved::cut_short`].
    pub fn keep(mut self, because: &str, dropped: u64) -> Result<Saved, Error> {
        let open = self.join()?;
        let part = part_of(&self.file);
        let failed = |source| Error::Finish { file: self.file.clone(), source };
        let ticks = self.shared.written.load(Relaxed);
        let dropped = dropped + self.dropped + self.shared.unwritten.load(Relaxed);
        if let Some(Open { writer, file }) = open {
            let end = End { ticks, dropped, because: because.to_string() };
            writer.finish(&self.meta, &end).map_err(failed)?;
            file.sync_all().map_err(failed)?;
        }
        rename_new(&part, &self.file).map_err(failed)?;
        let bytes = std::fs::metadata(&self.file).map_or(0, |file| file.len());
        Ok(Saved { file: self.file.clone(), ticks, dropped, bytes, cut_short: self.failed() })
    }

    /// Throws the episode away.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn discard(mut self) -> Result<(), Error> {
        drop(self.join()?);
        let part = part_of(&self.file);
        std::fs::remove_file(&part).map_err(|source| Error::Finish { file: part, source })
    }

    fn join(&mut self) -> Result<Option<Open>, Error> {
        self.shared.is_over.store(true, Relaxed);
        let thread = self.thread.take().and_then(|thread| thread.join().ok());
        thread.ok_or_else(|| Error::Died { part: part_of(&self.file) })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // whatever it has written is on the disk
        }
    }
}

/// The thread: gives the file back, unless it could not be written any more.
fn work(mut open: Open, ticks: &Receiver<Tick>, shared: &Shared, name: &str) -> Option<Open> {
    let (mut flushed, mut synced) = (Instant::now(), Instant::now());
    loop {
        let is_over = shared.is_over.load(Relaxed);
        match write(&mut open, ticks, shared, &mut flushed, &mut synced) {
            Ok(()) if is_over => return Some(open),
            Ok(()) => {}
            Err(error) => {
                let words = format!("recording to {name} has stopped: {error}; what was written is kept");
                log::error!("{words}");
                *locked(&shared.failed) = Some(words);
                break;
            }
        }
        std::thread::sleep(LOOK);
    }
    drop(open); // what it tries to write still, nobody counts on
    loop {
        let is_over = shared.is_over.load(Relaxed);
        let lost = ticks.try_iter().count() as u64;
        shared.unwritten.fetch_add(lost, Relaxed);
        if is_over {
            return None;
        }
        std::thread::sleep(LOOK);
    }
}

/// Everything that has come, in chunks, each on time however much comes.
fn write(
    open: &mut Open,
    ticks: &Receiver<Tick>,
    shared: &Shared,
    flushed: &mut Instant,
    synced: &mut Instant,
) -> io::Result<()> {
    for tick in ticks.try_iter() {
        let gripper = tick.gripper.or(*locked(&shared.gripper));
        open.writer.add(&Tick { gripper, ..tick })?;
        if open.writer.ticks().is_multiple_of(CHUNK) || flushed.elapsed() > FLUSH {
            flush(open, shared, flushed)?;
        }
    }
    if flushed.elapsed() > FLUSH {
        flush(open, shared, flushed)?;
    }
    if synced.elapsed() > SYNC {
        open.file.sync_data()?;
        *synced = Instant::now();
    }
    if shared.is_over.load(Relaxed) && ticks.is_empty() {
        flush(open, shared, flushed)?;
    }
    Ok(())
}

fn flush(open: &mut Open, shared: &Shared, flushed: &mut Instant) -> io::Result<()> {
    open.writer.flush()?;
    shared.written.store(open.writer.ticks(), Relaxed);
    *flushed = Instant::now();
    Ok(())
}

/// The wall clock, ns since 1970, when a monotonic clock that now shows `now_ns` was 0: read once an episode, for whoever
/// lays it beside another machine's.
pub fn realtime_ns(now_ns: u64) -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since_1970.as_nanos() as u64).saturating_sub(now_ns)
}

/// Where `--record` writes: the file itself, or in a folder a file named after the moment.
pub fn file_in(place: &Path, name: &str) -> PathBuf {
    let is_file = place.extension().is_some_and(|e| e == crate::demonstration::episode::EXTENSION);
    if is_file {
        return place.to_owned();
    }
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.3fZ").to_string().replace('.', "-");
    folder_of(place).join(format!("{name}-{now}.{}", crate::demonstration::episode::EXTENSION))
}
