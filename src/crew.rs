//! Threads without a file of their own, at work for those who read one: the bzip2 blocks that come next, and the digests
//! of the files.
//!
//! A reader offers what is to be done. When it needs something that nobody has taken it does that itself, so it never
//! waits for a thread that may not come.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Tasks that are offered ahead for each idle thread: one at work, and the next.
const AHEAD: usize = 2;

/// What any thread may do, once.
pub trait Work: Send + 'static {
    /// Whether it takes so long that a thread somebody will soon need again should not begin it.
    const IS_LONG: bool;

    /// Does it, and keeps the result.
    fn run(&mut self);
}

/// The work that may be done by whoever has time. Without [`Crew::help`] from other threads a reader does all by
/// itself.
#[derive(Default)]
pub struct Crew {
    queue: Mutex<Queue>,
    /// There is something to do, or to leave for: for those who help.
    offered: Condvar,
    /// A task has been run, or may be run meanwhile: for those who wait for one.
    ran: Condvar,
    n_idle: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    short: VecDeque<Arc<dyn Run>>,
    long: VecDeque<Arc<dyn Run>>,
    is_over: bool,
}

impl Queue {
    fn next(&mut self) -> Option<Arc<dyn Run>> {
        self.short.pop_front().or_else(|| self.long.pop_front())
    }

    fn remove<W: Work>(&mut self, task: &Arc<Task<W>>) {
        let tasks = if W::IS_LONG { &mut self.long } else { &mut self.short };
        tasks.retain(|queued| !std::ptr::addr_eq(Arc::as_ptr(queued), Arc::as_ptr(task)));
    }
}

/// Work on its way through the queue.
pub struct Task<W>(Mutex<State<W>>);

enum State<W> {
    Waiting(W),
    Running,
    Done(W),
    /// Taken back, or lost with the thread that ran it.
    Gone,
}

/// A task of any kind.
trait Run: Send + Sync {
    fn run(&self, crew: &Crew);
}

impl Crew {
    /// Nobody yet.
    pub fn new() -> Crew {
        Crew::default()
    }

    /// Does the work of others until [`Crew::dismiss`]: for a thread that has nothing else to do.
    pub fn help(&self) {
        self.help_until(|| false);
    }

    /// The same, but also until `is_over`; it is asked again after [`Crew::rouse`].
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

    /// Lets those who help look whether something else is to be done.
    pub fn rouse(&self) {
        drop(lock(&self.queue));
        self.offered.notify_all();
    }

    /// Sends everybody home, now and later.
    pub fn dismiss(&self) {
        lock(&self.queue).is_over = true;
        self.offered.notify_all();
    }

    /// How many tasks a reader should offer beyond the one that it needs.
    pub fn n_ahead(&self) -> usize {
        AHEAD * self.n_idle.load(Ordering::Relaxed)
    }

    /// Offers work.
    pub fn offer<W: Work>(&self, work: W) -> Arc<Task<W>> {
        let task = Arc::new(Task(Mutex::new(State::Waiting(work))));
        let mut queue = lock(&self.queue);
        let tasks = if W::IS_LONG { &mut queue.long } else { &mut queue.short };
        tasks.push_back(Arc::clone(&task) as Arc<dyn Run>);
        drop(queue);
        self.offered.notify_one();
        if !W::IS_LONG {
            self.ran.notify_one();
        }
        task
    }

    /// The work, done: by another thread, or now. Whoever has to wait for it does what is short meanwhile. Nothing if the
    /// thread that ran it panicked.
    pub fn finish<W: Work>(&self, task: &Arc<Task<W>>) -> Option<W> {
        self.forget(task);
        task.run(self);
        loop {
            // Whoever runs a task notifies under this lock.
            let mut queue = lock(&self.queue);
            let mut state = lock(&task.0);
            match std::mem::replace(&mut *state, State::Gone) {
                State::Done(work) => return Some(work),
                State::Gone => return None,
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

    /// Takes work back that nobody needs any more, unless somebody has begun it.
    pub fn forget<W: Work>(&self, task: &Arc<Task<W>>) {
        lock(&self.queue).remove(task);
    }
}

impl<W: Work> Run for Task<W> {
    fn run(&self, crew: &Crew) {
        let mut work = {
            let mut state = lock(&self.0);
            match std::mem::replace(&mut *state, State::Running) {
                State::Waiting(work) => work,
                other => {
                    *state = other;
                    return;
                }
            }
        };
        let mut outcome = Outcome { crew, task: self, state: State::Gone };
        work.run();
        outcome.state = State::Done(work);
    }
}

/// What became of a task: told to whoever waits for it, even if its work panicked.
struct Outcome<'a, W> {
    crew: &'a Crew,
    task: &'a Task<W>,
    state: State<W>,
}

impl<W> Drop for Outcome<'_, W> {
    fn drop(&mut self) {
        *lock(&self.task.0) = std::mem::replace(&mut self.state, State::Gone);
        drop(lock(&self.crew.queue));
        self.crew.ran.notify_all();
    }
}

/// A thread that panicked left nothing half done here.
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

    /// Work that says its name.
    fn says(name: &'static str, to: &Sender<&'static str>) -> impl FnMut() + Send + 'static {
        let to = to.clone();
        move || to.send(name).unwrap()
    }

    #[test]
    fn what_nobody_takes_is_done_by_whoever_needs_it() {
        let (say, said) = channel();
        let crew = Crew::new();
        let needed = crew.offer(Short(says("needed", &say)));
        crew.forget(&crew.offer(Short(says("forgotten", &say))));
        assert!(crew.finish(&needed).is_some());
        crew.dismiss();
        crew.help();
        assert_eq!(said.try_iter().collect::<Vec<_>>(), ["needed"]);
    }

    #[test]
    fn who_has_nothing_to_do_takes_what_is_long_last() {
        let (say, said) = channel();
        let crew = Crew::new();
        crew.offer(Long(says("long", &say)));
        crew.offer(Short(says("one", &say)));
        crew.offer(Short(says("two", &say)));
        thread::scope(|scope| {
            scope.spawn(|| crew.help());
            assert_eq!(said.iter().take(3).collect::<Vec<_>>(), ["one", "two", "long"]);
            crew.dismiss();
        });
    }

    #[test]
    fn whoever_waits_does_what_is_short_and_begins_nothing_long() {
        static IS_BEGUN: AtomicBool = AtomicBool::new(false);
        let (say, said) = channel();
        let (end, ended) = channel();
        let crew = Crew::new();
        let lasting = crew.offer(Short(move || {
            IS_BEGUN.store(true, Ordering::Release);
            ended.recv().unwrap();
        }));
        thread::scope(|scope| {
            // Somebody who does this one task.
            scope.spawn(|| crew.help_until(|| IS_BEGUN.load(Ordering::Acquire)));
            while !IS_BEGUN.load(Ordering::Acquire) {
                thread::yield_now();
            }
            crew.offer(Long(says("long", &say)));
            crew.offer(Short(move || end.send(()).unwrap()));
            assert!(crew.finish(&lasting).is_some());
        });
        assert_eq!(said.try_iter().count(), 0);
    }

    #[test]
    fn work_that_panics_is_nothing_to_whoever_waits_for_it() {
        let crew = Arc::new(Crew::new());
        let task = crew.offer(Short(|| panic!("as this test wants")));
        let helping = Arc::clone(&crew);
        assert!(thread::spawn(move || helping.help()).join().is_err());
        assert!(crew.finish(&task).is_none());
    }
}
