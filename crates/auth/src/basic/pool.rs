//! How many passwords are hashed at once, and how many attempts wait for it.

use std::{
    collections::HashMap,
    fmt,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use palisade_security::{AddressBlock, AuthnError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Gives a limited number of permits, and lets a limited number of attempts wait for one. An address may have
/// a quarter of the places: one guesser must not keep everyone else out.
pub(super) struct Pool {
    permits: Arc<Semaphore>,
    max_waiting: usize,
    waiting: Mutex<HashMap<AddressBlock, usize>>,
}

impl Pool {
    pub(super) fn new(at_once: NonZeroUsize, max_waiting: usize) -> Self {
        let permits = at_once.get().min(Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(permits)), max_waiting, waiting: Mutex::default() }
    }

    /// Sets how many permits there are.
    pub(super) fn with_at_once(self, at_once: NonZeroUsize) -> Self {
        Self::new(at_once, self.max_waiting)
    }

    /// Sets how many may wait.
    pub(super) fn with_max_waiting(self, max_waiting: usize) -> Self {
        Self { max_waiting, ..self }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    ///
    /// [`AuthnError::Busy`] if too many wait, of this address or of all.
    pub(super) async fn enter(
        &self,
        address: AddressBlock,
    ) -> Result<OwnedSemaphorePermit, AuthnError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = self.place(address)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        permit.map_err(|_| AuthnError::Unavailable)
    }

    fn place(&self, address: AddressBlock) -> Result<Place<'_>, AuthnError> {
        let mut waiting = self.lock();
        let total: usize = waiting.values().sum();
        let own = waiting.get(&address).copied().unwrap_or_default();
        if total >= self.max_waiting || own >= self.max_waiting.div_ceil(4) {
            return Err(AuthnError::Busy);
        }
        *waiting.entry(address).or_default() += 1;
        Ok(Place { pool: self, address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AddressBlock, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds a place among those who wait until it is dropped.
struct Place<'a> {
    pool: &'a Pool,
    address: AddressBlock,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.pool.lock();
        if let Some(count) = waiting.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                waiting.remove(&self.address);
            }
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("free", &self.permits.available_permits())
            .field("max_waiting", &self.max_waiting)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use palisade_security::PeerInfo;

    use super::*;

    fn at(last: u8) -> AddressBlock {
        AddressBlock::of(&PeerInfo::new((Ipv4Addr::new(192, 0, 2, last), 1).into()))
    }

    #[tokio::test]
    async fn k4_places_are_bounded_and_come_back() {
        let pool = Pool::new(NonZeroUsize::MIN, 8);
        let permit = pool.enter(at(1)).await.unwrap();
        let own: Vec<_> = (0..2).map(|_| pool.place(at(1)).unwrap()).collect();
        assert_eq!(pool.place(at(1)).map(drop), Err(AuthnError::Busy), "a quarter is his");
        let others: Vec<_> = (2..8).map(|n| pool.place(at(n)).unwrap()).collect();
        assert_eq!(pool.place(at(9)).map(drop), Err(AuthnError::Busy), "all are taken");
        drop(own);
        assert!(pool.place(at(9)).is_ok());
        drop(others);
        assert!(pool.lock().is_empty());
        let (entered, ()) = tokio::join!(pool.enter(at(1)), async {
            assert_eq!(pool.lock().len(), 1, "it waits");
            drop(permit);
        });
        assert!(entered.is_ok() && pool.lock().is_empty());
    }
}
