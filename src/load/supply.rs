//! Requests made ready ahead of the cursor, by a thread of its own, in a window that is bounded: preparing is never in
//! the timed path, and memory is flat in the number of requests.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::LoadError;
use crate::foundation::seed::Seed;
use crate::instruments::record::Phase;
use crate::kinds::dataset::workload::Workload;
use crate::kinds::dataset::{Layers, Params, Row, Rows, position};
use crate::kinds::protocol::{Prepared, Protocol};

/// Bytes of bodies that wait at most, beside the first.
const WINDOW_BYTES: usize = 64 << 20;
/// Bytes of prepared bodies that are kept for rows that come again.
const CACHE_BYTES: usize = 256 << 20;

/// A request that is ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) prepared: Arc<Prepared>,
    /// The request's own seed.
    pub(super) seed: u64,
    /// The dataset's row; `None` where no dataset is declared.
    pub(super) row: Option<u64>,
    /// Whether a warm-up took a row that the measured requests use too.
    pub(super) reused_row: bool,
}

/// What the supply has.
pub(super) enum Taken {
    /// The next.
    Ready(Ready),
    /// Not yet.
    Starved,
    /// Nothing any more: the dataset has ended, or preparing failed.
    Ended,
}

/// Where requests come from: rows, and what turns them into requests.
#[derive(Clone)]
pub struct Requests {
    /// The rows; `None` where no dataset is declared: one empty row, again and again.
    pub rows: Option<Arc<dyn Rows>>,
    /// Whether rows are read again when they end.
    pub cycle: bool,
    /// The layers of parameters; `warmup` is used for warm-ups alone.
    pub layers: Layers,
    /// The cost of a request.
    pub workload: Option<Arc<Workload>>,
    /// The wire format.
    pub protocol: Arc<dyn Protocol>,
}

/// Makes the requests of one phase, one after the other.
pub(super) struct Maker {
    requests: Requests,
    layers: Layers,
    phase: Phase,
    /// Rows that the measured requests take, where that is known.
    measured: Option<u64>,
    /// The requests' seeds are derived from it.
    seed: Seed,
    next: u64,
    cache: HashMap<u64, Arc<Prepared>>,
    cached_bytes: usize,
    cacheable: bool,
}

impl Maker {
    pub(super) fn new(
        requests: &Requests,
        phase: Phase,
        measured: Option<u64>,
        seed: Seed,
    ) -> Self {
        let mut layers = requests.layers.clone();
        if phase == Phase::Measured {
            layers.warmup = Params::new();
        }
        // A drawn parameter makes each request its own.
        let drawn = [
            &layers.target,
            &layers.dataset,
            &layers.dataset_override,
            &layers.matrix,
            &layers.warmup,
        ]
        .into_iter()
        .any(has_range);
        let len = requests.rows.as_ref().map_or(Some(1), |rows| rows.len());
        let repeats = requests.cycle || requests.rows.is_none();
        Self {
            requests: requests.clone(),
            layers,
            phase,
            measured,
            seed,
            next: 0,
            cache: HashMap::new(),
            cached_bytes: 0,
            cacheable: !drawn && repeats && len.is_some(),
        }
    }

    /// The position of the next request's row, and whether it is one that the measured requests use too.
    fn position(&self) -> Option<(u64, bool)> {
        let len = self
            .requests
            .rows
            .as_ref()
            .map_or(Some(1), |rows| rows.len());
        let index = self.next;
        if self.phase == Phase::Measured {
            let cycle = self.requests.cycle || self.requests.rows.is_none();
            return position(index, len, cycle).map(|at| (at, false));
        }
        match len {
            // Far beyond what any repeat reaches, where it is not known how far it goes.
            None => Some((self.measured.unwrap_or(1 << 40) + index, false)),
            Some(0) => None,
            Some(len) => {
                let used = self.measured.unwrap_or(len).min(len);
                let free = len - used;
                if index < free {
                    Some((used + index, false))
                } else {
                    Some(((index - free) % len, true))
                }
            }
        }
    }

    /// Makes the next request; `None` where the rows have ended.
    fn make(&mut self) -> Result<Option<Ready>, LoadError> {
        let Some((at, reused)) = self.position() else {
            return Ok(None);
        };
        let seed = self.seed.index(self.next);
        self.next += 1;
        let reused_row = reused && self.requests.rows.is_some();
        if let Some(prepared) = self.cache.get(&at) {
            let row = self
                .requests
                .rows
                .is_some()
                .then_some(prepared.request.row.number);
            return Ok(Some(Ready {
                prepared: Arc::clone(prepared),
                seed: seed.as_u64(),
                row,
                reused_row,
            }));
        }
        let row = match &self.requests.rows {
            Some(rows) => rows.row(at)?,
            None => Row::default(),
        };
        let number = row.number;
        let keep = self.cacheable && !has_range(&row.params);
        let request = self
            .layers
            .request(row, seed, self.requests.workload.as_deref());
        let prepared =
            self.requests
                .protocol
                .prepare(request)
                .map_err(|source| LoadError::Prepare {
                    row: number,
                    source,
                })?;
        let bytes = prepared.exchange.body.len() + 1024;
        let prepared = Arc::new(prepared);
        if keep && self.cached_bytes + bytes <= CACHE_BYTES {
            self.cached_bytes += bytes;
            self.cache.insert(at, Arc::clone(&prepared));
        }
        let row = self.requests.rows.is_some().then_some(number);
        Ok(Some(Ready {
            prepared,
            seed: seed.as_u64(),
            row,
            reused_row,
        }))
    }
}

fn has_range(params: &Params) -> bool {
    params
        .values()
        .any(|value| value.get("min").is_some() || value.get("max").is_some())
}

#[derive(Default)]
struct Window {
    queue: VecDeque<Ready>,
    bytes: usize,
    /// No more will be made.
    ended: bool,
    /// No more will be taken.
    closed: bool,
    failed: Option<LoadError>,
}

struct Shared {
    window: Mutex<Window>,
    /// Tells the maker of room, and whoever waits patiently of requests.
    moved: Condvar,
    refilled: Notify,
    most: usize,
}

impl Shared {
    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_full(&self, window: &Window) -> bool {
        window.queue.len() >= self.most || (window.bytes > WINDOW_BYTES && !window.queue.is_empty())
    }

    /// Whether a window that was full is still too full to go on making.
    fn is_still_full(&self, window: &Window) -> bool {
        window.queue.len() > self.most / 2 || window.bytes > WINDOW_BYTES / 2
    }
}

enum Kind {
    /// Made by a thread, ahead of time.
    Ahead(Arc<Shared>),
    /// Made when taken, for the simulated clock: there, making takes no time.
    Inline(Box<Mutex<(Maker, Option<LoadError>)>>),
}

/// The requests of one phase.
pub(super) struct Supply(Kind);

impl Supply {
    /// A supply that makes each request when it is taken.
    pub(super) fn inline(maker: Maker) -> Self {
        Self(Kind::Inline(Box::new(Mutex::new((maker, None)))))
    }

    /// A supply whose thread makes at most `most` requests ahead; the window is full when this returns.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub(super) fn ahead(mut maker: Maker, most: usize) -> Result<Self, LoadError> {
        let shared = Arc::new(Shared {
            window: Mutex::default(),
            moved: Condvar::new(),
            refilled: Notify::new(),
            most: most.max(1),
        });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("supply".into())
            .spawn(move || fill(&mut maker, &theirs))
            .map_err(|source| LoadError::Thread { source })?;
        let mut window = shared.window();
        while !window.ended && !shared.is_full(&window) {
            window = shared
                .moved
                .wait(window)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(window);
        Ok(Self(Kind::Ahead(shared)))
    }

    /// The next request, if it is ready.
    pub(super) fn take(&self) -> Taken {
        match &self.0 {
            Kind::Ahead(shared) => taken(shared, &mut shared.window()),
            Kind::Inline(inner) => {
                let mut guard = inner.lock().unwrap_or_else(PoisonError::into_inner);
                let (maker, failed) = &mut *guard;
                match maker.make() {
                    Ok(Some(ready)) => Taken::Ready(ready),
                    Ok(None) => Taken::Ended,
                    Err(error) => {
                        *failed = Some(error);
                        Taken::Ended
                    }
                }
            }
        }
    }

    /// The next request, waiting for it to be made: where nothing is timed.
    pub(super) fn take_patiently(&self) -> Taken {
        let Kind::Ahead(shared) = &self.0 else {
            return self.take();
        };
        let mut window = shared.window();
        while window.queue.is_empty() && !window.ended {
            window = shared
                .moved
                .wait(window)
                .unwrap_or_else(PoisonError::into_inner);
        }
        taken(shared, &mut window)
    }

    /// Ready after the next refill, or at once where there is none to wait for.
    pub(super) async fn refilled(&self) {
        if let Kind::Ahead(shared) = &self.0 {
            let refilled = shared.refilled.notified();
            tokio::pin!(refilled);
            refilled.as_mut().enable();
            let waiting = {
                let window = shared.window();
                window.queue.is_empty() && !window.ended
            };
            if waiting {
                refilled.await;
            }
        }
    }

    /// What made the supply end before its time.
    pub(super) fn failure(&self) -> Option<LoadError> {
        match &self.0 {
            Kind::Ahead(shared) => shared.window().failed.take(),
            Kind::Inline(inner) => inner
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .1
                .take(),
        }
    }
}

impl Drop for Supply {
    fn drop(&mut self) {
        if let Kind::Ahead(shared) = &self.0 {
            shared.window().closed = true;
            shared.moved.notify_all();
        }
    }
}

fn taken(shared: &Shared, window: &mut Window) -> Taken {
    let Some(ready) = window.queue.pop_front() else {
        return if window.ended {
            Taken::Ended
        } else {
            Taken::Starved
        };
    };
    window.bytes -= ready.prepared.exchange.body.len();
    // The maker is woken when there is room worth its while, not for each request.
    if !shared.is_still_full(window) {
        shared.moved.notify_all();
    }
    Taken::Ready(ready)
}

fn fill(maker: &mut Maker, shared: &Shared) {
    loop {
        let made = maker.make();
        let mut window = shared.window();
        match made {
            Ok(Some(ready)) => {
                window.bytes += ready.prepared.exchange.body.len();
                window.queue.push_back(ready);
            }
            Ok(None) => window.ended = true,
            Err(error) => {
                window.failed = Some(error);
                window.ended = true;
            }
        }
        let full = shared.is_full(&window);
        if window.queue.len() == 1 || window.ended || full {
            shared.moved.notify_all();
            shared.refilled.notify_waiters();
        }
        // Once full, it rests until half of the window is gone.
        while full && !window.closed && shared.is_still_full(&window) {
            window = shared
                .moved
                .wait(window)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if window.ended || window.closed {
            return;
        }
    }
}
