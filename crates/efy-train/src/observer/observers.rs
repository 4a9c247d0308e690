//! All who are told.

use super::{Event, Observer};
use crate::{Error, Result, State};

/// Observers, in the order in which they are told.
#[derive(Default)]
pub struct Observers<'a>(Vec<Box<dyn Observer + 'a>>);

impl<'a> From<Vec<Box<dyn Observer + 'a>>> for Observers<'a> {
    fn from(observers: Vec<Box<dyn Observer + 'a>>) -> Self {
        Observers(observers)
    }
}

impl Observers<'_> {
    /// Tells all of them what happened, and then what one of them warns of.
    ///
    /// # Errors
    /// The first error of an observer.
    pub fn tell(&mut self, event: &Event<'_>) -> Result<()> {
        self.pass_on(event)?;
        // A warning about a warning waits for the next event, or there might be no end to it.
        let warnings = self.0.iter_mut().filter_map(|one| one.warning());
        let warnings: Vec<String> = warnings.collect();
        warnings
            .iter()
            .try_for_each(|message| self.pass_on(&Event::Warning { message }))
    }

    fn pass_on(&mut self, event: &Event<'_>) -> Result<()> {
        self.0
            .iter_mut()
            .try_for_each(|observer| observer.on(event))
    }

    /// The state of each that has one, under its name.
    ///
    /// # Errors
    /// The first error of an observer; [`Error::State`] when two share a name.
    pub fn state(&mut self) -> Result<State> {
        let mut all = State::default();
        let mut names = Vec::new();
        for observer in &mut self.0 {
            let (name, state) = (observer.name(), observer.state()?);
            if state.tensors().is_empty() && state.values().is_empty() {
                continue;
            }
            if names.contains(&name) {
                let message = format!("two observers with a state are called {name}");
                return Err(Error::State(message));
            }
            names.push(name);
            all.nest(name, state);
        }
        Ok(all)
    }

    /// Gives each what [`state`](Self::state) took from it.
    ///
    /// # Errors
    /// The first error of an observer.
    pub fn restore(&mut self, state: &State) -> Result<()> {
        self.0
            .iter_mut()
            .try_for_each(|observer| observer.restore(&state.inner(observer.name())))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Writes down what it is told, counts, and warns of every second event.
    struct Clerk<'a> {
        name: &'static str,
        heard: &'a RefCell<Vec<String>>,
        count: u64,
    }

    impl Observer for Clerk<'_> {
        fn name(&self) -> &'static str {
            self.name
        }

        fn on(&mut self, event: &Event<'_>) -> Result<()> {
            let said = match event {
                Event::Warning { message } => (*message).to_owned(),
                event => {
                    self.count += 1;
                    event.name().to_owned()
                }
            };
            self.heard
                .borrow_mut()
                .push(format!("{}: {said}", self.name));
            Ok(())
        }

        fn warning(&mut self) -> Option<String> {
            (self.name == "a" && self.count == 2).then(|| {
                self.count += 1;
                "full".to_owned()
            })
        }

        fn state(&mut self) -> Result<State> {
            let mut state = State::default();
            state.put("count", &self.count)?;
            Ok(state)
        }

        fn restore(&mut self, state: &State) -> Result<()> {
            self.count = state.get("count")?;
            Ok(())
        }
    }

    fn clerks<'a>(names: [&'static str; 2], heard: &'a RefCell<Vec<String>>) -> Observers<'a> {
        let clerk = |name| -> Box<dyn Observer + 'a> {
            Box::new(Clerk {
                name,
                heard,
                count: 0,
            })
        };
        Observers::from(names.map(clerk).into_iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_one_warns_of_all_are_told_once() {
        let heard = RefCell::default();
        let mut observers = clerks(["a", "b"], &heard);
        let started = Event::Started { steps: 1, from: 0 };
        for event in [started, Event::Finished, Event::Finished] {
            observers.tell(&event).unwrap();
        }
        let expected = [
            "a: started",
            "b: started",
            "a: finished",
            "b: finished",
            "a: full",
            "b: full",
            "a: finished",
            "b: finished",
        ];
        assert_eq!(*heard.borrow(), expected);
    }

    #[test]
    fn each_gets_its_own_state_back() {
        let heard = RefCell::default();
        let mut observers = clerks(["a", "b"], &heard);
        observers.0[1].on(&Event::Finished).unwrap();
        let state = observers.state().unwrap();
        let mut others = clerks(["b", "a"], &heard);
        others.restore(&state).unwrap();
        let count = |observer: &mut Box<dyn Observer + '_>| -> u64 {
            observer.state().unwrap().get("count").unwrap()
        };
        assert_eq!(others.0.iter_mut().map(count).collect::<Vec<_>>(), [1, 0]);
        let message = clerks(["a", "a"], &heard).state().unwrap_err().to_string();
        assert_eq!(message, "two observers with a state are called a");
    }
}
