//! Random requests to `echo`, the same for the same seed.

use prost_types::{ListValue, Struct, Value, value::Kind};

use crate::interop::EchoRequest;

const PIECES: [&str; 13] =
    ["a", "Z", " ", "\"", "\\", "\0", "\n", "é", "\u{301}", "\u{ffff}", "🦭", "\u{10ffff}", "__proto__"];
const RATIOS: [f64; 7] = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX];

/// A generator of random numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    /// A request with some of its fields set.
    pub fn request(&mut self) -> EchoRequest {
        EchoRequest {
            payload: self.chance().then(|| self.object(3)),
            text: self.text(),
            number: if self.chance() { self.next() as i64 } else { 0 },
            ratio: RATIOS[self.below(RATIOS.len())],
            data: (0..self.below(100)).map(|_| self.next() as u8).collect(),
            deltas: (0..self.below(6)).map(|_| self.next() as i32).collect(),
            names: (0..self.below(4)).map(|_| (self.next() as i64 >> self.below(64), self.text())).collect(),
        }
    }

    fn object(&mut self, depth: usize) -> Struct {
        Struct { fields: (0..self.below(5)).map(|_| (self.text(), self.value(depth))).collect() }
    }

    fn value(&mut self, depth: usize) -> Value {
        let kind = match self.below(if depth > 0 { 6 } else { 4 }) {
            0 => Kind::NullValue(0),
            1 => Kind::BoolValue(self.chance()),
            2 => Kind::NumberValue(self.next() as i64 as f64 / 1024.0),
            3 => Kind::StringValue(self.text()),
            4 => Kind::StructValue(self.object(depth - 1)),
            _ => Kind::ListValue(ListValue { values: (0..self.below(4)).map(|_| self.value(depth - 1)).collect() }),
        };
        Value { kind: Some(kind) }
    }

    fn text(&mut self) -> String {
        (0..self.below(12)).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }

    fn chance(&mut self) -> bool {
        self.below(2) == 0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
