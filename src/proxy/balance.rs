//! Which endpoint a request goes to: of two at random, the one with fewer requests.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use hyper::header::HeaderValue;

use super::endpoint::{Admission, Endpoint};
use super::pool::Pool;
use super::upstream::Upstream;

/// An endpoint and this worker's connections to it.
#[derive(Debug)]
pub struct Place {
    pub endpoint: Arc<Endpoint>,
    pub pool: Rc<Pool>,
}

/// Why there is no endpoint for a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoPlace {
    /// None is known.
    Unavailable,
    /// All run as many requests as they may.
    Busy,
}

/// A worker's view of the endpoints.
#[derive(Debug)]
pub struct Balance {
    upstream: Arc<Upstream>,
    version: Cell<u64>,
    places: RefCell<Vec<Rc<Place>>>,
    credential: RefCell<Option<HeaderValue>>,
}

/// A request that runs at an endpoint, for as long as this lives.
#[derive(Debug)]
pub struct Attempt {
    pub place: Rc<Place>,
    is_trial: bool,
}

impl Attempt {
    fn new(place: &Rc<Place>, is_trial: bool) -> Self {
        place.endpoint.begin();
        Self {
            place: Rc::clone(place),
            is_trial,
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.place.endpoint.end();
        if self.is_trial {
            self.place.endpoint.end_trial();
        }
    }
}

impl Balance {
    /// Must be called where tasks can be spawned on the thread.
    pub fn new(upstream: Arc<Upstream>) -> Self {
        Self {
            upstream,
            // Never that of an upstream, so that the first request looks.
            version: Cell::new(0),
            places: RefCell::default(),
            credential: RefCell::default(),
        }
    }

    /// The gateway's own credential, as of now.
    pub fn credential(&self) -> Option<HeaderValue> {
        self.refresh();
        self.credential.borrow().clone()
    }

    /// Whether there is more than one endpoint.
    pub fn has_several(&self) -> bool {
        self.places.borrow().len() > 1
    }

    /// An endpoint for a request; rather not `avoid`, where it has just failed.
    ///
    /// Endpoints that are ejected or unhealthy are left out while there are others. When there are
    /// none, all are tried: a wrong verdict must not take down what may still work.
    pub fn choose(&self, now: Instant, avoid: Option<&Place>) -> Result<Attempt, NoPlace> {
        self.refresh();
        let places = self.places.borrow();
        let max = self.upstream.settings.max_pending;
        let is_avoided = |place: &Place| {
            avoid.is_some_and(|avoid| Arc::ptr_eq(&avoid.endpoint, &place.endpoint))
        };
        let with_room = |place: &&Rc<Place>| place.endpoint.pending() < max;
        let others = |place: &&Rc<Place>| with_room(place) && !is_avoided(place);
        if let [_, _, _, ..] = places.as_slice() {
            let pair = two_of(&places);
            if let Some(attempt) = best(pair.into_iter().flatten().filter(others), now) {
                return Ok(attempt);
            }
        }
        best(places.iter().filter(others), now)
            .or_else(|| best(places.iter().filter(with_room), now))
            .or_else(|| {
                // Of equals, any: not always the first.
                let start = fastrand::usize(..places.len().max(1));
                let all = places.iter().cycle().skip(start).take(places.len());
                let least = all.filter(with_room);
                let least = least.min_by_key(|place| (is_avoided(place), place.endpoint.pending()));
                least.map(|place| Attempt::new(place, false))
            })
            .ok_or(match places.is_empty() {
                true => NoPlace::Unavailable,
                false => NoPlace::Busy,
            })
    }

    /// Takes over what has changed. Endpoints that stay keep their connections.
    fn refresh(&self) {
        let version = self.upstream.version();
        if version == self.version.get() {
            return;
        }
        self.version.set(version);
        let snapshot = self.upstream.snapshot();
        let mut places = self.places.borrow_mut();
        let kept = std::mem::take(&mut *places);
        let place = |endpoint: Arc<Endpoint>| {
            let known = kept
                .iter()
                .find(|kept| Arc::ptr_eq(&kept.endpoint, &endpoint));
            known.map_or_else(
                || {
                    let pool = Pool::new(&self.upstream.settings);
                    Rc::new(Place { endpoint, pool })
                },
                Rc::clone,
            )
        };
        places.extend(snapshot.endpoints.into_iter().map(place));
        *self.credential.borrow_mut() = snapshot.credential;
    }
}

/// Two different ones at random.
fn two_of(places: &[Rc<Place>]) -> [Option<&Rc<Place>>; 2] {
    let first = fastrand::usize(..places.len());
    let second = (first + fastrand::usize(1..places.len())) % places.len();
    [places.get(first), places.get(second)]
}

/// The one with the fewest requests, or one that is due for its trial.
fn best<'a>(places: impl Iterator<Item = &'a Rc<Place>>, now: Instant) -> Option<Attempt> {
    let mut best: Option<(&Rc<Place>, usize)> = None;
    for place in places {
        match place.endpoint.admit(now) {
            Admission::Closed => {}
            Admission::Trial => return Some(Attempt::new(place, true)),
            Admission::Open => {
                let pending = place.endpoint.pending();
                // Of equals, either.
                if best.is_none_or(|(_, least)| {
                    pending < least || pending == least && fastrand::bool()
                }) {
                    best = Some((place, pending));
                }
            }
        }
    }
    best.map(|(place, _)| Attempt::new(place, false))
}

#[cfg(test)]
mod tests;
