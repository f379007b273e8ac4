//! Many files at once: a queue that a few threads take from.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// What `work` makes of each of `jobs`, in their order. One job needs no thread.
pub fn map<J: Sync, T: Send>(jobs: &[J], work: impl Fn(&J) -> T + Sync) -> Vec<T> {
    // Asking how many there are reads a handful of files, which is not done for nothing.
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if jobs.len() > 1 { processors().min(jobs.len()) } else { 1 };
    if threads <= 1 {
        return jobs.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs.len()));
    let take = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return };
            let made = work(job);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((index, made));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(take);
        }
        take();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once_and_the_order_is_kept() {
        for count in [0, 1, 2, 500] {
            let jobs: Vec<usize> = (0..count).collect();
            let calls = AtomicUsize::new(0);
            let made = map(&jobs, |job| {
                calls.fetch_add(1, Ordering::Relaxed);
                job * 2
            });
            assert_eq!(made, jobs.iter().map(|job| job * 2).collect::<Vec<_>>());
            assert_eq!(calls.into_inner(), count);
        }
    }
}
