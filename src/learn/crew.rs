//! The gradient of a batch in two halves, on one thread or on two: the same bits either way.
//!
//! The halves and the order in which they are added do not depend on the number of threads, so neither does the
//! result. The second thread lives as long as the crew and spins between two steps, which come within a
//! millisecond of each other; a lock is only ever taken by the one whose turn it is, so none is waited for. All
//! memory is taken in [`Crew::new`].
use crate::policy::{Adam, Network, Workspace, kernel};
use crate::robot::JOINTS;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

/// Halves of a batch; also the most threads.
pub const PARTS: usize = 2;
/// Looks at the other thread before the rest of the time slice is given away.
const SPINS: u32 = 4096;

/// What a batch is and how its samples are judged; each half has its own.
pub trait Objective: Send + 'static {
    /// The samples of one step.
    type Batch: Send + Sync + 'static;

    /// The inputs of a batch, in rows.
    fn inputs(batch: &Self::Batch) -> &[f32];

    /// The gradient of one sample's loss by its outputs; `sample` counts through the whole batch.
    fn slope(&mut self, batch: &Self::Batch, sample: usize, output: &[f32; JOINTS]) -> [f32; JOINTS];
}

struct Part<O> {
    workspace: Workspace,
    objective: O,
}

struct Shared<O: Objective> {
    network: RwLock<Network>,
    batch: RwLock<O::Batch>,
    parts: [Mutex<Part<O>>; PARTS],
    /// Steps begun by the crew, and ended by the second thread.
    turn: AtomicU64,
    done: AtomicU64,
    /// The crew is gone, or the second thread is.
    over: AtomicBool,
}

/// A network, the batch it learns from next, and the threads that work out its gradient.
pub struct Crew<O: Objective> {
    shared: Arc<Shared<O>>,
    second: Option<JoinHandle<()>>,
}

impl<O: Objective> Crew<O> {
    /// A crew for batches of `samples` at most, or larger ones with more walks; `threads` is 1 or 2.
    ///
    /// When the system gives no second thread, the first does all the work.
    pub fn new(
        network: Network,
        batch: O::Batch,
        samples: usize,
        objectives: [O; PARTS],
        threads: usize,
    ) -> Self {
        let half = samples.div_ceil(PARTS);
        let part =
            |objective| Mutex::new(Part { workspace: Workspace::new(network.layout(), half), objective });
        let shared = Arc::new(Shared {
            parts: objectives.map(part),
            network: RwLock::new(network),
            batch: RwLock::new(batch),
            turn: AtomicU64::new(0),
            done: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let second = (threads > 1)
            .then(|| std::thread::Builder::new().name("trainer-2".into()).spawn(move || serve(&theirs)).ok())
            .flatten();
        Self { shared, second }
    }

    /// Threads at work.
    pub fn threads(&self) -> usize {
        1 + usize::from(self.second.is_some())
    }

    /// The network as it is.
    pub fn network(&self) -> RwLockReadGuard<'_, Network> {
        self.shared.network.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The network, to be changed between two steps.
    pub fn network_mut(&mut self) -> RwLockWriteGuard<'_, Network> {
        self.shared.network.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch, to be filled.
    pub fn batch_mut(&mut self) -> RwLockWriteGuard<'_, O::Batch> {
        self.shared.batch.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `with` with the objective of each half, in order.
    pub fn objectives(&mut self, mut with: impl FnMut(&mut O)) {
        self.shared.parts.iter().for_each(|part| with(&mut lock(part).objective));
    }

    /// Work outside the steps with the network and room for its activations.
    pub fn alone<R>(&mut self, with: impl FnOnce(&mut Network, &mut Workspace, &mut O) -> R) -> R {
        let mut network = self.shared.network.write().unwrap_or_else(PoisonError::into_inner);
        let part = &mut *lock(&self.shared.parts[0]);
        with(&mut network, &mut part.workspace, &mut part.objective)
    }

    /// The gradient of the batch by every parameter, handed to `take` with the network. No allocation.
    pub fn gradient(&mut self, take: impl FnOnce(&mut Network, &[f32])) {
        let s = &*self.shared;
        let turn = s.turn.fetch_add(1, Ordering::Release) + 1;
        s.work(0);
        let with_second = self.second.is_some();
        if !(with_second && wait(|| s.done.load(Ordering::Acquire) >= turn, &s.over)) {
            s.work(1);
        }
        let (mut first, second) = (lock(&s.parts[0]), lock(&s.parts[1]));
        let mut network = s.network.write().unwrap_or_else(PoisonError::into_inner);
        kernel::add(network.isa(), first.workspace.gradient_mut(), second.workspace.gradient());
        take(&mut network, first.workspace.gradient());
    }

    /// One update of `adam`.
    pub fn step(&mut self, adam: &mut Adam, learning_rate: f64) {
        self.gradient(|network, gradient| {
            adam.step(network.isa(), network.parameters_mut(), gradient, learning_rate);
        });
    }

    /// The network, when the work is done.
    pub fn into_network(self) -> Network {
        self.network().clone()
    }
}

impl<O: Objective> Drop for Crew<O> {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        if let Some(second) = self.second.take() {
            // A panic in it has been told, and its work was done here.
            let _ = second.join();
        }
    }
}

impl<O: Objective> Shared<O> {
    /// The gradient of one half of the batch, into that half's workspace.
    fn work(&self, half: usize) {
        let network = self.network.read().unwrap_or_else(PoisonError::into_inner);
        let batch = self.batch.read().unwrap_or_else(PoisonError::into_inner);
        let Part { workspace, objective } = &mut *lock(&self.parts[half]);
        let (inputs, width) = (O::inputs(&batch), network.layout().inputs());
        let samples = inputs.len() / width;
        let middle = samples.div_ceil(PARTS);
        let (from, to) = if half == 0 { (0, middle) } else { (middle, samples) };
        workspace.gradient_of(&network, &inputs[from * width..to * width], |sample, output| {
            objective.slope(&batch, from + sample, output)
        });
    }
}

/// The second thread: one half of each step.
fn serve<O: Objective>(shared: &Shared<O>) {
    /// Says so when this thread ends for whatever reason, so that nobody waits for it.
    struct Gone<'a>(&'a AtomicBool);
    impl Drop for Gone<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let _gone = Gone(&shared.over);
    let mut seen = 0;
    while wait(|| shared.turn.load(Ordering::Acquire) > seen, &shared.over) {
        seen += 1;
        shared.work(1);
        shared.done.store(seen, Ordering::Release);
    }
}

/// Waits until `ready`; false when it is `over` instead.
fn wait(ready: impl Fn() -> bool, over: &AtomicBool) -> bool {
    let mut looks = 0;
    loop {
        if ready() {
            return true;
        }
        if over.load(Ordering::Acquire) {
            return ready();
        }
        if looks < SPINS {
            looks += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

fn lock<O>(part: &Mutex<Part<O>>) -> MutexGuard<'_, Part<O>> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
