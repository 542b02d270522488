//! Helper threads: idle readers decompress bzip2 blocks and hash files for busy ones.
//!
//! A reader offers tasks ahead of its need. If no other thread has taken a task by the time its result is needed, the reader
//! runs the task itself, so it never waits for a thread that may not come.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Tasks that are offered ahead per idle thread: the running one, and the next.
const AHEAD: usize = 2;

/// Work that any thread may do, once.
pub trait Work: Send + 'static {
    /// Whether it takes so long that a thread that waits for another task should not begin it.
    const IS_LONG: bool;

    /// Does it, and keeps the result.
    fn run(&mut self);
}

/// The work that is offered to idle threads. Unless other threads call [`Helpers::help`], each reader does its own work.
#[derive(Default)]
pub struct Helpers {
    queue: Mutex<TaskQueue>,
    /// Wakes helping threads: a task was offered, or they should return.
    offered: Condvar,
    /// Wakes threads that wait for a task: a task has been run, or another one can be run meanwhile.
    ran: Condvar,
    n_idle: AtomicUsize,
}

#[derive(Default)]
struct TaskQueue {
    short: VecDeque<Arc<dyn RunOffered>>,
    long: VecDeque<Arc<dyn RunOffered>>,
    is_over: bool,
}

impl TaskQueue {
    fn next(&mut self) -> Option<Arc<dyn RunOffered>> {
        self.short.pop_front().or_else(|| self.long.pop_front())
    }

    fn remove<W: Work>(&mut self, task: &Arc<Offered<W>>) {
        let tasks = if W::IS_LONG { &mut self.long } else { &mut self.short };
        tasks.retain(|queued| !std::ptr::addr_eq(Arc::as_ptr(queued), Arc::as_ptr(task)));
    }
}

/// Work that was offered, with its state.
pub struct Offered<W>(Mutex<OfferedState<W>>);

enum OfferedState<W> {
    Waiting(W),
    Running,
    Done(W),
    /// Taken by [`Helpers::finish`], or lost because its thread panicked.
    Gone,
}

/// A task of any kind.
trait RunOffered: Send + Sync {
    fn run(&self, helpers: &Helpers);
}

impl Helpers {
    /// No tasks and no helping threads yet.
    pub fn new() -> Helpers {
        Helpers::default()
    }

    /// Runs tasks of other threads until [`Helpers::dismiss`]. For idle threads.
    pub fn help(&self) {
        self.help_until(|| false);
    }

    /// Runs tasks of other threads until `is_over` returns true or [`Helpers::dismiss`]; `is_over` is evaluated after each task
    /// and after [`Helpers::rouse`].
    pub fn help_until(&self, is_over: impl Fn() -> bool) {
        self.n_idle.fetch_add(1, Ordering::Relaxed);
        let mut queue = lock(&self.queue);
        while !queue.is_over && !is_over() {
            match queue.next() {
                Some(task) => {
                    drop(queue);
                    task.run(self);
                    queue = lock(&self.queue);
                }
                None => queue = self.offered.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
        self.n_idle.fetch_sub(1, Ordering::Relaxed);
    }

    /// Wakes helping threads to evaluate their `is_over`.
    pub fn rouse(&self) {
        drop(lock(&self.queue));
        self.offered.notify_all();
    }

    /// Makes helping threads return, now and in future calls.
    pub fn dismiss(&self) {
        lock(&self.queue).is_over = true;
        self.offered.notify_all();
    }

    /// The number of tasks that a reader should offer beyond the one that it needs.
    pub fn n_ahead(&self) -> usize {
        AHEAD * self.n_idle.load(Ordering::Relaxed)
    }

    /// Offers work to helping threads; [`Helpers::finish`] returns it when it is done.
    pub fn offer<W: Work>(&self, work: W) -> Arc<Offered<W>> {
        let task = Arc::new(Offered(Mutex::new(OfferedState::Waiting(work))));
        let mut queue = lock(&self.queue);
        let tasks = if W::IS_LONG { &mut queue.long } else { &mut queue.short };
        tasks.push_back(Arc::clone(&task) as Arc<dyn RunOffered>);
        drop(queue);
        self.offered.notify_one();
        if !W::IS_LONG {
            self.ran.notify_one();
        }
        task
    }

    /// Returns the work when it is done: runs it now, unless another thread has begun it. While it waits for that thread it
    /// runs short tasks. None if the thread panicked.
    pub fn finish<W: Work>(&self, task: &Arc<Offered<W>>) -> Option<W> {
        self.forget(task);
        task.run(self);
        loop {
            // `Outcome` notifies after it has taken this lock, so no notification is missed.
            let mut queue = lock(&self.queue);
            let mut state = lock(&task.0);
            match std::mem::replace(&mut *state, OfferedState::Gone) {
                OfferedState::Done(work) => return Some(work),
                OfferedState::Gone => return None,
                other => *state = other,
            }
            drop(state);
            match queue.short.pop_front() {
                Some(next) => {
                    drop(queue);
                    next.run(self);
                }
                None => drop(self.ran.wait(queue).unwrap_or_else(PoisonError::into_inner)),
            }
        }
    }

    /// Takes work back whose result is not needed any more, unless a thread has begun it.
    pub fn forget<W: Work>(&self, task: &Arc<Offered<W>>) {
        lock(&self.queue).remove(task);
    }
}

impl<W: Work> RunOffered for Offered<W> {
    fn run(&self, helpers: &Helpers) {
        let mut work = {
            let mut state = lock(&self.0);
            match std::mem::replace(&mut *state, OfferedState::Running) {
                OfferedState::Waiting(work) => work,
                other => {
                    *state = other;
                    return;
                }
            }
        };
        let mut outcome = Outcome { helpers, task: self, state: OfferedState::Gone };
        work.run();
        outcome.state = OfferedState::Done(work);
    }
}

/// Publishes the new state of a task on drop, so that waiting threads see it even if the work panicked.
struct Outcome<'a, W> {
    helpers: &'a Helpers,
    task: &'a Offered<W>,
    state: OfferedState<W>,
}

impl<W> Drop for Outcome<'_, W> {
    fn drop(&mut self) {
        *lock(&self.task.0) = std::mem::replace(&mut self.state, OfferedState::Gone);
        drop(lock(&self.helpers.queue));
        self.helpers.ran.notify_all();
    }
}

/// Locks a mutex. A panic cannot leave its content half changed, so poisoning is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::{Sender, channel};
    use std::thread;

    use super::*;

    struct Short<F>(F);

    struct Long<F>(F);

    impl<F: FnMut() + Send + 'static> Work for Short<F> {
        const IS_LONG: bool = false;

        fn run(&mut self) {
            (self.0)();
        }
    }

    impl<F: FnMut() + Send + 'static> Work for Long<F> {
        const IS_LONG: bool = true;

        fn run(&mut self) {
            (self.0)();
        }
    }

    /// Work that sends its name.
    fn sends(name: &'static str, to: &Sender<&'static str>) -> impl FnMut() + Send + 'static {
        let to = to.clone();
        move || to.send(name).unwrap()
    }

    #[test]
    fn a_task_that_no_thread_takes_is_run_by_its_reader() {
        let (say, said) = channel();
        let helpers = Helpers::new();
        let needed = helpers.offer(Short(sends("needed", &say)));
        helpers.forget(&helpers.offer(Short(sends("forgotten", &say))));
        assert!(helpers.finish(&needed).is_some());
        helpers.dismiss();
        helpers.help();
        assert_eq!(said.try_iter().collect::<Vec<_>>(), ["needed"]);
    }

    #[test]
    fn helping_threads_take_long_tasks_last() {
        let (say, said) = channel();
        let helpers = Helpers::new();
        helpers.offer(Long(sends("long", &say)));
        helpers.offer(Short(sends("one", &say)));
        helpers.offer(Short(sends("two", &say)));
        thread::scope(|scope| {
            scope.spawn(|| helpers.help());
            assert_eq!(said.iter().take(3).collect::<Vec<_>>(), ["one", "two", "long"]);
            helpers.dismiss();
        });
    }

    #[test]
    fn a_waiting_thread_runs_short_tasks_only() {
        static IS_BEGUN: AtomicBool = AtomicBool::new(false);
        let (say, said) = channel();
        let (end, ended) = channel();
        let helpers = Helpers::new();
        let lasting = helpers.offer(Short(move || {
            IS_BEGUN.store(true, Ordering::Release);
            ended.recv().unwrap();
        }));
        thread::scope(|scope| {
            // A thread that runs this one task.
            scope.spawn(|| helpers.help_until(|| IS_BEGUN.load(Ordering::Acquire)));
            while !IS_BEGUN.load(Ordering::Acquire) {
                thread::yield_now();
            }
            helpers.offer(Long(sends("long", &say)));
            helpers.offer(Short(move || end.send(()).unwrap()));
            assert!(helpers.finish(&lasting).is_some());
        });
        assert_eq!(said.try_iter().count(), 0);
    }

    #[test]
    fn a_task_that_panicked_returns_none_to_the_waiting_thread() {
        let helpers = Arc::new(Helpers::new());
        let task = helpers.offer(Short(|| panic!("as this test wants")));
        let helping = Arc::clone(&helpers);
        assert!(thread::spawn(move || helping.help()).join().is_err());
        assert!(helpers.finish(&task).is_none());
    }
}
