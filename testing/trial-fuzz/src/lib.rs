//! Fuzz targets as ordinary tests.
//!
//! A target is a test that passes inputs to a check, which panics on a fault. An ordinary build plays its corpus, and a
//! fixed number of inputs derived from the corpus by a fixed seed: the same ones every time. In a build for an engine
//! (`--cfg fuzzing_libfuzzer`, see `tests/fuzz/run`) the engine creates the inputs, guided by the branches that they
//! reach, until it finds a fault or its time runs out.
//!
//! Tests in a module named `fuzz` are found by `tests/fuzz/run`. The name of a target is that of its test, and of its
//! files in `tests/fuzz`: `NAME.corpus` with inputs, and `NAME.dict` with pieces of inputs, each a line as
//! [`slice::escape_ascii`] writes it.

#[cfg(not(fuzzing_libfuzzer))]
mod lines;
#[cfg(not(fuzzing_libfuzzer))]
mod mutation;

/// The length of the longest generated input, in bytes.
#[cfg(not(fuzzing_libfuzzer))]
const LONGEST: usize = 1_024;

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    name: &'static str,
    #[cfg_attr(fuzzing_libfuzzer, expect(dead_code, reason = "the engine makes inputs until its time runs out"))]
    made: usize,
}

impl Target {
    /// The target of this name, which in an ordinary build generates 2,000 inputs.
    pub const fn new(name: &'static str) -> Self {
        Self { name, made: 2_000 }
    }

    /// Generates this many inputs in an ordinary build.
    #[must_use]
    pub const fn makes(self, made: usize) -> Self {
        Self { made, ..self }
    }

    /// Passes inputs to a check, which panics on a fault.
    #[cfg(not(fuzzing_libfuzzer))]
    pub fn check(self, check: impl Fn(&[u8])) {
        let inputs = lines::read(self.name, "corpus");
        assert!(!inputs.is_empty(), "tests/fuzz/{}.corpus has no input", self.name);
        for input in &inputs {
            self.hand(input, &check);
        }
        let pieces = lines::read(self.name, "dict");
        let mut mutations = mutation::Mutations::new(&inputs, &pieces);
        for _ in 0..self.made {
            self.hand(&mutations.input(LONGEST), &check);
        }
    }

    /// Passes one input on, and reports it if the check fails.
    #[cfg(not(fuzzing_libfuzzer))]
    fn hand(self, input: &[u8], check: &impl Fn(&[u8])) {
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(input)));
        if let Err(panic) = checked {
            let shown = input.escape_ascii();
            panic!("{} fails for: {shown}\n{}", self.name, message(&*panic));
        }
    }

    /// Passes the engine's inputs to a check. Does not return.
    #[cfg(fuzzing_libfuzzer)]
    pub fn check(self, check: impl Fn(&[u8])) {
        let check = std::panic::AssertUnwindSafe(check);
        bolero::check!(name = self.name).with_shrink_time(std::time::Duration::ZERO).for_each(|input: &[u8]| {
            let _ = &check;
            (check.0)(input);
        });
    }
}

#[cfg(not(fuzzing_libfuzzer))]
fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

#[cfg(test)]
mod fuzz {
    use super::Target;

    /// The engine is guided: the bug is found not by chance (1 in 2^96 inputs), but byte by byte by an engine that sees
    /// the branches that an input has reached.
    #[test]
    fn planted() {
        Target::new("planted").makes(100_000).check(|input| {
            let mut rest = input.iter();
            let is_found = b"one step a t".iter().all(|wanted| rest.next() == Some(wanted));
            assert!(!is_found, "the bug that was planted");
        });
    }
}
