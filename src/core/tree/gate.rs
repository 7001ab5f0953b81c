//! [`Gate`]: how many trees are put together at once, and with how much memory.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Lets in as many as there are processors, the heaviest first. Downloads wait for the network and may be many;
/// unpacking waits for nothing, and more threads at it than processors only keep the largest artifact from being done
/// in time.
///
/// A place comes with memory that is used again by the next one in: what fits is written in tree order and hashed without
/// being read again, what does not goes by way of the disk. So the peak is the same for every artifact.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The memory of the places that are free.
    free: Vec<Vec<u8>>,
    /// What those weigh who wait.
    waiting: Vec<u64>,
}

/// Leave to be inside, given back when dropped.
#[derive(Debug)]
pub struct Pass<'a> {
    gate: &'a Gate,
    /// Empty, and with room for what this place may hold.
    pub memory: Vec<u8>,
}

impl Gate {
    /// A gate for this many at once, at least one.
    pub fn new(places: usize) -> Self {
        let places = places.max(1);
        let each = MEMORY.checked_div(places).unwrap_or(MEMORY);
        // Memory that is reserved and never touched takes no room, but where there is a limit on addresses. Without it
        // everything goes by way of the disk.
        let memory = |_| {
            let mut memory = Vec::new();
            let _ = memory.try_reserve_exact(each);
            memory
        };
        let free = (0..places).map(memory).collect();
        Self { state: Mutex::new(State { free, waiting: Vec::new() }), freed: Condvar::new() }
    }

    /// Waits for a place.
    pub fn enter(&self, weight: u64) -> Pass<'_> {
        let mut state = self.lock();
        state.waiting.push(weight);
        let memory = loop {
            let heavier = state.waiting.iter().any(|other| *other > weight);
            match state.free.pop() {
                Some(memory) if !heavier => break memory,
                Some(memory) => state.free.push(memory),
                None => {}
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        if let Some(index) = state.waiting.iter().position(|other| *other == weight) {
            state.waiting.swap_remove(index);
        }
        drop(state);
        // The next one may have waited only for this one's weight to go.
        self.freed.notify_all();
        Pass { gate: self, memory }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is whole, so what a panicking thread left is right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut memory = std::mem::take(&mut self.memory);
        memory.clear();
        self.gate.lock().free.push(memory);
        self.gate.freed.notify_all();
    }
}

/// Bytes of all places together: most packages fit, and the whole process stays under 64 MiB above its start.
const MEMORY: usize = 24 << 20;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn lets_in_no_more_than_it_has_places() {
        let gate = super::Gate::new(2);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for weight in 0..20 {
                let (gate, inside, most) = (&gate, &inside, &most);
                scope.spawn(move || {
                    let _pass = gate.enter(weight);
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert!((1..=2).contains(&most.into_inner()));
        assert_eq!(gate.state.into_inner().expect("no panic").free.len(), 2);
    }
}
