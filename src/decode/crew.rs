//! Threads without a file of their own, at work on the bzip2 blocks of files that others read.
//!
//! A reader puts the blocks that come next into the queue. When it needs one that nobody has taken it decodes that one
//! itself, so it never waits for a thread that may not come.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::container::Block;

/// Blocks that are decoded ahead for each idle thread: one at work, and the next.
const AHEAD: usize = 2;

/// The blocks that may be decoded by whoever has time. Without [`Crew::help`] from other threads a reader decodes all
/// by itself.
#[derive(Default)]
pub struct Crew {
    queue: Mutex<Queue>,
    changed: Condvar,
    n_idle: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    tasks: VecDeque<Arc<Task>>,
    is_over: bool,
}

/// A block on its way through the queue.
pub(super) struct Task(Mutex<State>);

enum State {
    Waiting(Block),
    Running,
    Done(Block),
    /// Taken back, or lost with the thread that ran it.
    Gone,
}

impl Crew {
    /// Nobody yet.
    pub fn new() -> Crew {
        Crew::default()
    }

    /// Decodes the blocks of others until [`Crew::dismiss`]: for a thread that has nothing else to do.
    pub fn help(&self) {
        self.help_until(|| false);
    }

    /// The same, but also until `is_over`; it is asked again after [`Crew::rouse`].
    pub fn help_until(&self, is_over: impl Fn() -> bool) {
        self.n_idle.fetch_add(1, Ordering::Relaxed);
        let mut queue = lock(&self.queue);
        while !queue.is_over && !is_over() {
            match queue.tasks.pop_front() {
                Some(task) => {
                    drop(queue);
                    self.run(&task);
                    queue = lock(&self.queue);
                }
                None => queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
        self.n_idle.fetch_sub(1, Ordering::Relaxed);
    }

    /// Lets those who help look whether something else is to be done.
    pub fn rouse(&self) {
        drop(lock(&self.queue));
        self.changed.notify_all();
    }

    /// Sends everybody home, now and later.
    pub fn dismiss(&self) {
        lock(&self.queue).is_over = true;
        self.changed.notify_all();
    }

    /// How many blocks a reader should offer beyond the one that it needs.
    pub(super) fn n_ahead(&self) -> usize {
        AHEAD * self.n_idle.load(Ordering::Relaxed)
    }

    /// Offers a block.
    pub(super) fn offer(&self, block: Block) -> Arc<Task> {
        let task = Arc::new(Task(Mutex::new(State::Waiting(block))));
        lock(&self.queue).tasks.push_back(Arc::clone(&task));
        self.changed.notify_all();
        task
    }

    /// The block, decoded: by another thread, or now. Whoever has to wait for it decodes what comes next meanwhile.
    pub(super) fn finish(&self, task: &Arc<Task>) -> Block {
        lock(&self.queue).tasks.retain(|queued| !Arc::ptr_eq(queued, task));
        self.run(task);
        loop {
            // Whoever runs a block notifies under this lock.
            let mut queue = lock(&self.queue);
            let mut state = lock(&task.0);
            match std::mem::replace(&mut *state, State::Gone) {
                State::Done(block) => return block,
                State::Gone => return Block::lost(),
                other => *state = other,
            }
            drop(state);
            match queue.tasks.pop_front() {
                Some(next) => {
                    drop(queue);
                    self.run(&next);
                }
                None => drop(self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner)),
            }
        }
    }

    /// A block that is no longer needed.
    pub(super) fn forget(&self, task: &Arc<Task>) {
        lock(&self.queue).tasks.retain(|queued| !Arc::ptr_eq(queued, task));
    }

    fn run(&self, task: &Task) {
        let mut block = {
            let mut state = lock(&task.0);
            match std::mem::replace(&mut *state, State::Running) {
                State::Waiting(block) => block,
                other => {
                    *state = other;
                    return;
                }
            }
        };
        let mut outcome = Outcome { crew: self, task, state: State::Gone };
        block.decode();
        outcome.state = State::Done(block);
    }
}

/// What became of a block: told to whoever waits for it, even if its decoder panicked.
struct Outcome<'a> {
    crew: &'a Crew,
    task: &'a Task,
    state: State,
}

impl Drop for Outcome<'_> {
    fn drop(&mut self) {
        *lock(&self.task.0) = std::mem::replace(&mut self.state, State::Gone);
        drop(lock(&self.crew.queue));
        self.crew.changed.notify_all();
    }
}

/// A thread that panicked left nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
