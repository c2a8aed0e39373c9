//! Long work as JavaScript sees it: whoever runs a job calls `step` until it says that it is done.

use super::engine::{Store, promise};
use super::output;
use crate::blob::CollectOptions;
use crate::error::{Error, Result};
use crate::job::Step;
use crate::store::{Collection, Housekeeping, Optimizing, Ownership, Reindexing, Verification, VerifyOptions};
use js_sys::Promise;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Work under way.
#[wasm_bindgen]
pub struct Job {
    store: Rc<Store>,
    state: Rc<RefCell<State>>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

enum State {
    Ready(Work),
    /// A step has it.
    Running,
    /// It is done, cancelled, or failed.
    Ended,
}

enum Work {
    Collect(Box<Collection>),
    Verify(Box<Verification>),
    Housekeep(Box<Housekeeping>),
    Optimize(Box<Optimizing>),
    Reindex(Box<Reindexing>),
}

impl Work {
    /// Runs a step, and says whether it was the last.
    async fn step(&mut self, store: &Store) -> Result<(JsValue, bool)> {
        Ok(match self {
            Self::Collect(work) => ended(&store.collect(work).await?),
            Self::Verify(work) => ended(&store.verify(work).await?),
            Self::Housekeep(work) => ended(&store.housekeep(work).await?),
            Self::Optimize(work) => ended(&store.optimize(work).await?),
            Self::Reindex(work) => ended(&store.reindex(work).await?),
        })
    }
}

fn ended<R: output::Report>(step: &Step<R>) -> (JsValue, bool) {
    (output::step(step), matches!(step, Step::Done(..)))
}

impl Job {
    fn new(store: Rc<Store>, work: Work) -> Self {
        Self { store, state: Rc::new(RefCell::new(State::Ready(work))) }
    }

    pub(super) fn collect(store: Rc<Store>, options: CollectOptions) -> Self {
        Self::new(store, Work::Collect(Box::new(Collection::new(options))))
    }

    pub(super) fn housekeeping(store: Rc<Store>, ownership: Ownership) -> Self {
        Self::new(store, Work::Housekeep(Box::new(Housekeeping::new(ownership))))
    }

    pub(super) fn optimize(store: Rc<Store>) -> Self {
        Self::new(store, Work::Optimize(Box::default()))
    }

    pub(super) fn reindex(store: Rc<Store>) -> Self {
        Self::new(store, Work::Reindex(Box::default()))
    }

    pub(super) fn verify(store: Rc<Store>, options: VerifyOptions) -> Self {
        Self::new(store, Work::Verify(Box::new(Verification::new(options))))
    }
}

#[wasm_bindgen]
impl Job {
    /// Runs the next step.
    #[wasm_bindgen(unchecked_return_type = "Promise<JobStep>")]
    pub fn step(&self) -> Promise {
        let (store, state) = (Rc::clone(&self.store), Rc::clone(&self.state));
        promise(Box::pin(async move {
            let mut work = match state.replace(State::Running) {
                State::Ready(work) => work,
                State::Running => return Err(Error::invalid("step", "the step before it has not ended")),
                State::Ended => {
                    state.replace(State::Ended);
                    return Err(Error::Cancelled.into());
                }
            };
            let step = work.step(&store).await;
            let cancelled = matches!(*state.borrow(), State::Ended);
            match step {
                _ if cancelled => Err(Error::Cancelled.into()),
                Ok((step, is_last)) => {
                    state.replace(if is_last { State::Ended } else { State::Ready(work) });
                    Ok(step)
                }
                Err(error) => {
                    state.replace(State::Ended);
                    Err(error)
                }
            }
        }))
    }

    /// Ends the job; what it did so far stays done.
    pub fn cancel(&self) {
        self.state.replace(State::Ended);
    }
}
