//! Cases end in any order; reports have them in that of the plan.

use std::collections::BTreeMap;

use crate::event::{CaseFinished, Event};

/// Holds back cases until all before them are over. Held are those that ended while an earlier one went on.
#[derive(Debug, Default)]
pub struct InOrder {
    next: usize,
    waiting: BTreeMap<usize, Box<CaseFinished>>,
}

impl InOrder {
    /// Takes an event; `emit` hears those whose turn it is. A case begins and ends in one go.
    pub fn event(&mut self, event: Event, emit: &mut dyn FnMut(Event)) {
        match event {
            Event::CaseStarted { .. } => {}
            Event::CaseFinished(finished) => {
                self.waiting.insert(finished.index, finished);
                while let Some(finished) = self.waiting.remove(&self.next) {
                    self.next += 1;
                    whole(finished, emit);
                }
            }
            Event::RunFinished(_) => {
                // Cases that were never begun leave gaps.
                for finished in std::mem::take(&mut self.waiting).into_values() {
                    whole(finished, emit);
                }
                emit(event);
            }
            Event::RunStarted { .. } => emit(event),
        }
    }
}

fn whole(finished: Box<CaseFinished>, emit: &mut dyn FnMut(Event)) {
    emit(Event::CaseStarted { index: finished.index, case: finished.case.clone() });
    emit(Event::CaseFinished(finished));
}
