//! Inputs derived from others, by a fixed seed.

use fastrand::Rng;

/// The pieces that mutations insert if there is no dictionary.
const PIECES: [&[u8]; 4] = [b"\0", b"\xFF", b" ", b"0"];
/// Changes per input, at most.
const CHANGES: usize = 6;

/// Derives inputs from a corpus and a dictionary.
pub(crate) struct Mutations<'a> {
    inputs: &'a [Vec<u8>],
    pieces: &'a [Vec<u8>],
    random: Rng,
}

impl<'a> Mutations<'a> {
    pub(crate) fn new(inputs: &'a [Vec<u8>], pieces: &'a [Vec<u8>]) -> Self {
        Self { inputs, pieces, random: Rng::with_seed(2_026) }
    }

    /// The next input, of at most `longest` bytes.
    pub(crate) fn input(&mut self, longest: usize) -> Vec<u8> {
        let mut input = self.one_of_the_corpus();
        for _ in 0..=self.below(CHANGES) {
            self.change(&mut input);
        }
        input.truncate(longest);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let place = self.below(input.len() + 1);
        let end = (place + 1 + self.below(8)).min(input.len()).max(place);
        match self.below(6) {
            0 => drop(input.drain(place..end)),
            1 => {
                let again = input[place..end].to_vec();
                input.splice(place..place, again);
            }
            2 => {
                let other = self.one_of_the_corpus();
                input.truncate(place);
                let from = self.below(other.len() + 1);
                input.extend(&other[from..]);
            }
            3 => {
                if let Some(byte) = input.get_mut(place) {
                    *byte ^= 1 << self.below(8);
                }
            }
            4 => {
                let byte = u8::try_from(self.below(256)).unwrap_or_default();
                input.insert(place, byte);
            }
            _ => {
                let piece = self.piece();
                input.splice(place..end, piece);
            }
        }
    }

    fn one_of_the_corpus(&mut self) -> Vec<u8> {
        let place = self.below(self.inputs.len());
        self.inputs.get(place).cloned().unwrap_or_default()
    }

    fn piece(&mut self) -> Vec<u8> {
        let place = self.below(self.pieces.len() + PIECES.len());
        match self.pieces.get(place) {
            Some(piece) => piece.clone(),
            None => PIECES[place - self.pieces.len()].to_vec(),
        }
    }

    /// A number below this one, or 0.
    fn below(&mut self, bound: usize) -> usize {
        self.random.usize(..bound.max(1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn inputs_are_many_and_the_same_every_time() {
        let (inputs, pieces) = ([b"abc".to_vec(), b"0123456789".to_vec()], [b"piece".to_vec()]);
        let made = || {
            let mut mutations = Mutations::new(&inputs, &pieces);
            (0..1_000).map(|_| mutations.input(64)).collect::<Vec<_>>()
        };
        let first = made();
        assert_eq!(first, made());
        assert!(first.iter().all(|input| input.len() <= 64));
        assert!(first.iter().collect::<BTreeSet<_>>().len() > 700);
        assert!(first.iter().any(|input| input.windows(5).any(|window| window == b"piece")));
    }
}
