//! The contents of blobs, each read once, and worked on in several threads while git reads the next.

use std::{
    io::{self, BufRead as _, Read as _, Write as _},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use zeroize::Zeroizing;

use super::{GitError, ObjectId, program::Git};
use crate::base::process::{ProgramInput, ProgramOutput, Running};

/// How much is handed to a thread at once, in bytes, so that small blobs do not cost more to hand over than to read.
const PORTION_BYTES: usize = 256 << 10;

/// More threads have nothing to do: one git reads for all.
const THREADS_LIMIT: usize = 8;

/// What became of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobOutcome<T> {
    /// What was made of its content.
    Read(T),
    /// It was not read: it has more bytes than the bound.
    TooLarge {
        /// How many.
        bytes: u64,
    },
    /// It is not in the repository: of a partial clone, or lost.
    Missing,
}

type Portion = Vec<(usize, Zeroizing<Vec<u8>>)>;

impl Git {
    /// What `work` makes of the content of each of `wanted`, in their order. It is given the position in `wanted`, and called
    /// from several threads.
    ///
    /// No content has more than `limit_bytes`; about ten of them are in memory at the same time.
    ///
    /// # Errors
    /// [`GitError`] where git fails, as it does for a corrupt object.
    pub fn map_blobs<T: Send>(
        &self,
        wanted: &[ObjectId],
        limit_bytes: u64,
        work: impl Fn(usize, Zeroizing<Vec<u8>>) -> T + Sync,
    ) -> Result<Vec<BlobOutcome<T>>, GitError> {
        let mut outcomes: Vec<Option<BlobOutcome<T>>> = self.measure(wanted, limit_bytes)?;
        let left = |(index, (id, outcome)): (usize, (&ObjectId, &Option<_>))| outcome.is_none().then_some((index, *id));
        let left: Vec<(usize, ObjectId)> = wanted.iter().zip(&outcomes).enumerate().filter_map(left).collect();
        for (index, made) in self.read(&left, limit_bytes, work)? {
            if let Some(outcome) = outcomes.get_mut(index) {
                *outcome = Some(BlobOutcome::Read(made));
            }
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(BlobOutcome::Missing)).collect())
    }

    /// What can be told of each without its content; `None` for one that is to be read.
    fn measure<T>(&self, wanted: &[ObjectId], limit_bytes: u64) -> Result<Vec<Option<BlobOutcome<T>>>, GitError> {
        let (mut running, input, mut output) = self.start(&["cat-file", "--batch-check", "--buffer"])?;
        let heard = thread::scope(|scope| {
            scope.spawn(|| write_ids(input, wanted.iter()));
            let mut hear = |id: &ObjectId| {
                let line = self.token(&running, &mut output, b'\n')?.unwrap_or_default();
                Ok(match self.parse_answer(&line, id)? {
                    None => Some(BlobOutcome::Missing),
                    Some(bytes) if bytes > limit_bytes => Some(BlobOutcome::TooLarge { bytes }),
                    Some(_) => None,
                })
            };
            let heard: Result<Vec<_>, GitError> = wanted.iter().map(&mut hear).collect();
            Heard::new(heard, &mut running, &mut output)
        });
        self.ended(heard, running)
    }

    fn read<T: Send>(
        &self,
        wanted: &[(usize, ObjectId)],
        limit_bytes: u64,
        work: impl Fn(usize, Zeroizing<Vec<u8>>) -> T + Sync,
    ) -> Result<Vec<(usize, T)>, GitError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let (mut running, input, mut output) = self.start(&["cat-file", "--batch", "--buffer"])?;
        let (sender, receiver) = mpsc::sync_channel::<Portion>(1);
        let receiver = Mutex::new(receiver);
        let take = || receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let worker = || {
            let mut made = Vec::new();
            while let Ok(portion) = take() {
                made.extend(portion.into_iter().map(|(index, content)| (index, work(index, content))));
            }
            made
        };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_LIMIT);
        let (heard, made) = thread::scope(|scope| {
            scope.spawn(|| write_ids(input, wanted.iter().map(|(_, id)| id)));
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            let heard = self.hand_out(wanted, limit_bytes, (&running, &mut output), &sender);
            let heard = Heard::new(heard, &mut running, &mut output);
            // The workers end with what they have.
            drop(sender);
            let made: Vec<_> = workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect();
            (heard, made)
        });
        self.ended(heard, running)?;
        if made.len() == wanted.len() { Ok(made) } else { Err(self.odd("not all blobs")) }
    }

    /// Reads the contents, and hands them to the threads.
    fn hand_out(
        &self,
        wanted: &[(usize, ObjectId)],
        limit_bytes: u64,
        (running, output): (&Running, &mut ProgramOutput),
        sender: &mpsc::SyncSender<Portion>,
    ) -> Result<(), GitError> {
        let (mut portion, mut portion_bytes) = (Portion::new(), 0);
        for (index, id) in wanted {
            let line = self.token(running, output, b'\n')?.unwrap_or_default();
            let bytes = self.parse_answer(&line, id)?.filter(|bytes| *bytes <= limit_bytes);
            let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
            let bytes = bytes.ok_or_else(|| self.odd("a blob that was another one before"))?;
            let mut content = Zeroizing::new(vec![0; bytes]);
            let mut line_end = [0];
            let read = output.read_exact(&mut content).and_then(|()| output.read_exact(&mut line_end));
            read.map_err(|cause| self.failed(running.unheard(cause)))?;
            portion.push((*index, content));
            portion_bytes += bytes;
            // A blob that is large goes by itself.
            let is_next_at_hand = !output.buffer().is_empty();
            if portion_bytes >= PORTION_BYTES || !is_next_at_hand {
                // Nobody receives only where all threads of ours have panicked, which is seen in what they made.
                drop(sender.send(std::mem::take(&mut portion)));
                portion_bytes = 0;
            }
        }
        drop(sender.send(portion));
        Ok(())
    }

    /// The size out of `ID blob SIZE`; `None` for `ID missing`. Anything else is no answer to a question for the blob `id`.
    fn parse_answer(&self, line: &[u8], id: &ObjectId) -> Result<Option<u64>, GitError> {
        let line = String::from_utf8_lossy(line);
        let words: Vec<&str> = line.split(' ').collect();
        let is_of = |name: &str| ObjectId::parse(name.as_bytes()).is_some_and(|found| found == *id);
        match words.as_slice() {
            [name, "missing"] if is_of(name) => Ok(None),
            [name, "blob", bytes] if is_of(name) => {
                bytes.parse().map(Some).map_err(|_number| self.odd("a blob without its size"))
            }
            [name, kind, _] if is_of(name) => Err(self.odd(&format!("a {kind} in the place of the blob {id}"))),
            _ => Err(self.odd(&format!("no answer to what {id} is"))),
        }
    }

    /// Awaits the end of git. What it says itself goes before what was missed in its output.
    fn ended<T>(&self, heard: Heard<T>, running: Running) -> Result<T, GitError> {
        match (heard.heard, running.finish()) {
            (Ok(heard), Ok(_)) => Ok(heard),
            (Err(_), Err(cause)) if heard.is_by_itself => Err(self.failed(cause)),
            (Ok(_), Err(cause)) => Err(self.failed(cause)),
            (Err(missed), _) => Err(missed),
        }
    }
}

/// What was heard of git, which has ended, by itself or because nobody listens any more.
struct Heard<T> {
    heard: Result<T, GitError>,
    is_by_itself: bool,
}

impl<T> Heard<T> {
    /// Where it went wrong, git is ended: it may still want to be read, and whoever writes to it would wait.
    fn new(heard: Result<T, GitError>, running: &mut Running, output: &mut ProgramOutput) -> Self {
        let is_by_itself = heard.is_ok() || output.fill_buf().is_ok_and(<[u8]>::is_empty);
        if !is_by_itself {
            running.stop();
        }
        Self { heard, is_by_itself }
    }
}

/// What cannot be written is missed where the answer is read.
fn write_ids<'i>(input: ProgramInput, ids: impl Iterator<Item = &'i ObjectId>) -> io::Result<()> {
    let mut input = io::BufWriter::new(input);
    for id in ids {
        writeln!(input, "{id}")?;
    }
    input.flush()
}
