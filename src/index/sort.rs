//! Sorting of texts and numbers.
//!
//! By digits, lowest first (LSD radix sort): the standard library is built for size in the engine, and its sort is a heap sort
//! there, which would take a third of the time of indexing.

/// So few are put in their places one by one.
const FEW: usize = 32;

/// Sorts by the number in front; those with the same stay in their order.
pub(super) fn by_number(pairs: &mut Vec<(u64, u32)>) {
    if pairs.len() <= FEW {
        return insert(pairs);
    }
    let differs = match pairs.as_slice() {
        [(first, _), rest @ ..] => rest.iter().fold(0, |bits, (number, _)| bits | (number ^ first)),
        [] => 0,
    };
    let mut sorted = vec![(0, 0); pairs.len()];
    for shift in (0..u64::BITS).step_by(8).filter(|shift| differs >> shift & 0xFF != 0) {
        let digit = |number: u64| (number >> shift) as u8 as usize;
        let mut places = [0_usize; 256];
        for &(number, _) in pairs.iter() {
            if let Some(place) = places.get_mut(digit(number)) {
                *place += 1;
            }
        }
        let mut sum = 0;
        for place in &mut places {
            sum += std::mem::replace(place, sum);
        }
        for &pair in pairs.iter() {
            if let Some(place) = places.get_mut(digit(pair.0)) {
                if let Some(slot) = sorted.get_mut(*place) {
                    *slot = pair;
                }
                *place += 1;
            }
        }
        std::mem::swap(pairs, &mut sorted);
    }
}

fn insert(pairs: &mut [(u64, u32)]) {
    for end in 1..pairs.len() {
        let mut at = end;
        while let Some([before, pair]) = at.checked_sub(1).and_then(|before| pairs.get_mut(before..=at)) {
            if before.0 <= pair.0 {
                break;
            }
            std::mem::swap(before, pair);
            at -= 1;
        }
    }
}

/// The numbers below `count` in the order of their texts; those with the same text in their own.
pub(super) fn by_text<'t>(count: usize, text: impl Fn(u32) -> &'t [u8]) -> Vec<u32> {
    // What all have in common tells nothing.
    let mut common = if count > 0 { text(0) } else { &[] };
    for number in 1..count as u32 {
        let shared = common.iter().zip(text(number)).take_while(|(a, b)| a == b).count();
        common = common.get(..shared).unwrap_or_default();
    }
    let behind = |number: u32, passed: usize| text(number).get(passed..).unwrap_or_default();
    let passed = common.len();
    let mut pairs: Vec<(u64, u32)> = (0..count as u32).map(|number| (head(behind(number, passed)), number)).collect();
    by_number(&mut pairs);
    // Of those that begin alike, what follows decides. A text that ends within the eight bytes is like one with zeros there.
    for alike in pairs.chunk_by_mut(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
        alike.sort_by(|&(_, a), &(_, b)| behind(a, passed).cmp(behind(b, passed)));
    }
    pairs.into_iter().map(|(_, number)| number).collect()
}

/// The first eight bytes as a number that is in their order.
fn head(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(&bytes) => u64::from_be_bytes(bytes),
        None => {
            let number = text.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
            // Of nothing all bits would be shifted out.
            number.checked_shl(64 - 8 * text.len() as u32).unwrap_or(0)
        }
    }
}

/// A number's bits in the order of numbers, that of `f64::total_cmp`.
pub(super) fn number_bits(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The number of such bits.
pub(super) fn number_of(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_sorted_as_by_the_standard_library() {
        let mut random = fastrand::Rng::with_seed(9);
        for _ in 0..500 {
            let count = if random.bool() { random.usize(..2 * FEW) } else { random.usize(..2000) };
            let letters = random.u8(1..5);
            let common = "same".repeat(random.usize(..4));
            let texts: Vec<String> = (0..count)
                .map(|_| {
                    let tail: String = (0..random.usize(..12)).map(|_| char::from(random.u8(..letters) * 40)).collect();
                    format!("{common}{tail}")
                })
                .collect();
            let mut expected: Vec<u32> = (0..count as u32).collect();
            expected.sort_by(|&a, &b| texts[a as usize].cmp(&texts[b as usize]));
            assert_eq!(by_text(count, |number| texts[number as usize].as_bytes()), expected);

            let bits = random.u32(..64);
            let mut pairs: Vec<(u64, u32)> = (0..count as u32).map(|n| (random.u64(..) >> bits, n)).collect();
            let mut expected = pairs.clone();
            expected.sort_by_key(|&(number, _)| number);
            by_number(&mut pairs);
            assert_eq!(pairs, expected);

            let [a, b] = [(); 2].map(|()| f64::from_bits(random.u64(..)));
            assert_eq!(number_bits(a).cmp(&number_bits(b)), a.total_cmp(&b), "{a} {b}");
            assert_eq!(number_of(number_bits(a)).to_bits(), a.to_bits());
        }
    }
}
