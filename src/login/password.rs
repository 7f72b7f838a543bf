//! Password hashing: argon2id on a bounded pool of threads, so that hashing never delays anything else.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::config::Argon2id;
use crate::secret::{random, same};

/// Longer passwords are refused before any hashing, in bytes: by those who ask, in their own words, and here whoever
/// forgets to.
pub const MAX_PASSWORD_BYTES: usize = 1024;
/// Waiting hashes per thread; more are answered with [`PoolError::Full`].
const QUEUE_PER_THREAD: usize = 32;
/// A thread gives its memory back after this long without work.
const IDLE: Duration = Duration::from_secs(30);
/// What one stored hash may cost, whatever a PHC string says.
const MAX_MEMORY_KIB: u32 = 1 << 20;
const MAX_ITERATIONS: u32 = 20;
const MAX_PARALLELISM: u32 = 8;

/// Why a hash was not computed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PoolError {
    #[error("too many sign-ins at once, try again in a moment")]
    Full,
    #[error("the password hashing threads are gone")]
    Gone,
    #[error("a stored password hash is not argon2id within the limits")]
    Unreadable,
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    Wrong,
    /// Right; `rehash` is a new PHC string when the old one was made with other costs.
    Right {
        rehash: Option<String>,
    },
}

/// As many threads as there are cores to spare, sharing one bounded queue.
#[derive(Clone)]
pub struct PasswordPool {
    queue: SyncSender<Job>,
}

struct Job {
    work: Work,
    reply: oneshot::Sender<Result<Done, PoolError>>,
}

enum Work {
    Hash { password: Zeroizing<String>, cost: Argon2id },
    Check { password: Zeroizing<String>, against: Option<String>, cost: Argon2id },
}

enum Done {
    Hashed(String),
    Checked(Checked),
}

impl PasswordPool {
    /// Starts the threads: all cores but one, at least one.
    pub fn start() -> std::io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.saturating_sub(1).max(1);
        let (queue, jobs) = sync_channel(threads * QUEUE_PER_THREAD);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new().name(format!("argon2-{number}")).spawn(move || work_off(&jobs))?;
        }
        Ok(Self { queue })
    }

    /// A PHC string for `password`.
    pub async fn hash(&self, password: Zeroizing<String>, cost: Argon2id) -> Result<String, PoolError> {
        match self.run(Work::Hash { password, cost }).await? {
            Done::Hashed(phc) => Ok(phc),
            Done::Checked(_) => Err(PoolError::Gone),
        }
    }

    /// Checks `password` against a PHC string. Without one the same work is done for nothing, so that the
    /// time tells nobody whether a name exists.
    pub async fn check(
        &self,
        password: Zeroizing<String>,
        against: Option<String>,
        cost: Argon2id,
    ) -> Result<Checked, PoolError> {
        match self.run(Work::Check { password, against, cost }).await? {
            Done::Checked(checked) => Ok(checked),
            Done::Hashed(_) => Err(PoolError::Gone),
        }
    }

    async fn run(&self, work: Work) -> Result<Done, PoolError> {
        let (Work::Hash { password, .. } | Work::Check { password, .. }) = &work;
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(PoolError::TooLong);
        }
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Job { work, reply }).map_err(|error| match error {
            TrySendError::Full(_) => PoolError::Full,
            TrySendError::Disconnected(_) => PoolError::Gone,
        })?;
        answer.await.map_err(|_| PoolError::Gone)?
    }
}

fn work_off(jobs: &Mutex<Receiver<Job>>) {
    let mut memory = Memory::default();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(IDLE);
        match next {
            Ok(job) if job.reply.is_closed() => {}
            Ok(job) => {
                let done = job.work.perform(&mut memory);
                // The request may have been dropped meanwhile; then nobody wants to know.
                let _ = job.reply.send(done);
            }
            Err(RecvTimeoutError::Timeout) => memory = Memory::default(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The blocks of the last hash: allocating them costs a tenth of a hash.
#[derive(Default)]
struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() != count {
            self.0 = vec![Block::default(); count];
        }
        &mut self.0
    }
}

impl Work {
    fn perform(self, memory: &mut Memory) -> Result<Done, PoolError> {
        match self {
            Self::Hash { password, cost } => new_phc(&password, cost, memory).map(Done::Hashed),
            Self::Check { password, against, cost } => {
                check(&password, against.as_deref(), cost, memory).map(Done::Checked)
            }
        }
    }
}

fn check(
    password: &str,
    against: Option<&str>,
    cost: Argon2id,
    memory: &mut Memory,
) -> Result<Checked, PoolError> {
    let Some(phc) = against else {
        raw_hash(password, &[0; 16], cost, memory)?;
        return Ok(Checked::Wrong);
    };
    let stored = ParsedHash::parse(phc).ok_or(PoolError::Unreadable)?;
    let computed = raw_hash(password, &stored.salt, stored.cost, memory)?;
    if !same(&computed, &stored.hash) {
        return Ok(Checked::Wrong);
    }
    let rehash = (stored.cost != cost).then(|| new_phc(password, cost, memory)).transpose()?;
    Ok(Checked::Right { rehash })
}

fn new_phc(password: &str, cost: Argon2id, memory: &mut Memory) -> Result<String, PoolError> {
    let salt: [u8; 16] = random();
    let hash = raw_hash(password, &salt, cost, memory)?;
    let Argon2id { memory_kib, iterations, parallelism } = cost;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    Ok(format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${hash}"))
}

fn raw_hash(password: &str, salt: &[u8], cost: Argon2id, memory: &mut Memory) -> Result<[u8; 32], PoolError> {
    let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, Some(32));
    let params = params.map_err(|_| PoolError::Unreadable)?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = [0; 32];
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut out, memory.blocks(blocks))
        .map_err(|_| PoolError::Unreadable)?;
    Ok(out)
}

/// An argon2id PHC string whose costs are within the limits.
pub struct ParsedHash {
    cost: Argon2id,
    salt: Vec<u8>,
    hash: [u8; 32],
}

impl ParsedHash {
    /// Reads a PHC string; `None` for other schemes, other versions, other lengths and outrageous costs.
    #[must_use]
    pub fn parse(phc: &str) -> Option<Self> {
        let parsed = PasswordHash::new(phc).ok()?;
        if parsed.algorithm.as_str() != "argon2id" || parsed.version != Some(19) {
            return None;
        }
        let cost = Argon2id {
            memory_kib: parsed.params.get_decimal("m")?,
            iterations: parsed.params.get_decimal("t")?,
            parallelism: parsed.params.get_decimal("p")?,
        };
        let bounded = (8..=MAX_MEMORY_KIB).contains(&cost.memory_kib)
            && (1..=MAX_ITERATIONS).contains(&cost.iterations)
            && (1..=MAX_PARALLELISM).contains(&cost.parallelism);
        let salt = parsed.salt?.as_ref().to_vec();
        let hash = parsed.hash?.as_bytes().try_into().ok()?;
        bounded.then_some(Self { cost, salt, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Argon2id = Argon2id { memory_kib: 64, iterations: 1, parallelism: 1 };
    const DEARER: Argon2id = Argon2id { memory_kib: 128, iterations: 1, parallelism: 1 };

    fn text(password: &str) -> Zeroizing<String> {
        Zeroizing::new(password.to_owned())
    }

    #[tokio::test]
    async fn a_right_password_is_right_and_old_costs_are_renewed() {
        let pool = PasswordPool::start().expect("threads");
        let phc = pool.hash(text("correct horse"), CHEAP).await.expect("hash");
        let check = |password, cost| pool.check(text(password), Some(phc.clone()), cost);
        assert_eq!(check("correct horse", CHEAP).await, Ok(Checked::Right { rehash: None }));
        assert_eq!(check("wrong horse", CHEAP).await, Ok(Checked::Wrong));
        let Ok(Checked::Right { rehash: Some(renewed) }) = check("correct horse", DEARER).await else {
            panic!("not renewed")
        };
        assert!(renewed.starts_with("$argon2id$v=19$m=128,t=1,p=1$"));
        assert_eq!(pool.check(text("correct horse"), None, CHEAP).await, Ok(Checked::Wrong));
    }

    #[tokio::test]
    async fn what_is_too_long_is_never_hashed() {
        // PW-16
        let pool = PasswordPool::start().expect("threads");
        let long = "p".repeat(MAX_PASSWORD_BYTES + 1);
        assert_eq!(pool.hash(text(&long), CHEAP).await, Err(PoolError::TooLong));
        for against in [None, Some("$argon2id$".to_owned())] {
            assert_eq!(pool.check(text(&long), against, CHEAP).await, Err(PoolError::TooLong));
        }
        assert!(pool.hash(text(&long[1..]), CHEAP).await.is_ok());
    }

    #[test]
    fn outrageous_and_foreign_hashes_are_not_read() {
        // PW-19
        let good =
            "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(ParsedHash::parse(good).is_some());
        for (from, to) in [
            ("m=64", "m=4194304"),
            ("t=1", "t=2147483648"),
            ("p=1", "p=0"),
            ("argon2id", "argon2i"),
            ("v=19", "v=16"),
            ("$argon2id", "$2x$"),
            ("$argon2id", "plain"),
        ] {
            assert!(ParsedHash::parse(&good.replacen(from, to, 1)).is_none(), "{to}");
        }
    }
}
