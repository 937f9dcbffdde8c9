//! Payload bits behind a checksum and a convolutional code, and the way back from soft values.
//!
//! Rate 1/4, constraint length 9, polynomials 463, 535, 733, 745 (octal), which have the largest free
//! distance of that size (Larsen, 1973); decoded after Viterbi (1967). The checksum is
//! CRC-16/CCITT-FALSE.

use super::payload::BITS;

const POLYNOMIALS: [u32; 4] = [0o463, 0o535, 0o733, 0o745];
const MEMORY: usize = 8;
const STATES: usize = 1 << MEMORY;
const CHECK_BITS: usize = 16;
const INFO: usize = BITS + CHECK_BITS;
const STEPS: usize = INFO + MEMORY;

/// Bits of a codeword.
pub(super) const CODEWORD: usize = STEPS * POLYNOMIALS.len();

/// A payload's codeword.
pub(super) fn encode(payload: u32) -> Vec<bool> {
    let check = u32::from(crc(payload));
    let info = (0..BITS).rev().map(|bit| payload >> bit & 1);
    let info = info.chain((0..CHECK_BITS).rev().map(|bit| check >> bit & 1));
    let mut register = 0;
    info.chain([0; MEMORY])
        .flat_map(|bit| {
            register = (register << 1 | bit) & (2 * STATES as u32 - 1);
            POLYNOMIALS.map(|polynomial| parity(register & polynomial))
        })
        .collect()
}

/// The payload whose codeword fits best, if its checksum is right. `soft`: positive for a one, as
/// far from 0 as it is sure.
pub(super) fn decode(soft: &[f32; CODEWORD]) -> Option<u32> {
    let mut metric = [f32::NEG_INFINITY; STATES];
    metric[0] = 0.0;
    // The bit that left the register on the best way into each state.
    let mut left = [[0u8; STATES]; STEPS];
    for (step, (soft, left)) in soft.as_chunks::<4>().0.iter().zip(&mut left).enumerate() {
        let mut next = [f32::NEG_INFINITY; STATES];
        let inputs = if step < INFO { 2 } else { 1 };
        for (state, &so_far) in metric.iter().enumerate() {
            if so_far == f32::NEG_INFINITY {
                continue;
            }
            for bit in 0..inputs {
                let register = state << 1 | bit;
                let mut sum = so_far;
                for (polynomial, &value) in POLYNOMIALS.iter().zip(soft) {
                    sum += if parity(register as u32 & polynomial) { value } else { -value };
                }
                let to = register % STATES;
                if sum > next[to] {
                    next[to] = sum;
                    left[to] = (state >> (MEMORY - 1)) as u8;
                }
            }
        }
        metric = next;
    }
    let mut state = 0;
    let mut info = 0u64;
    for step in (0..STEPS).rev() {
        if step < INFO {
            info |= (state as u64 & 1) << (INFO - 1 - step);
        }
        state = state >> 1 | usize::from(left[step][state]) << (MEMORY - 1);
    }
    let payload = (info >> CHECK_BITS) as u32;
    (u64::from(crc(payload)) == info & 0xffff).then_some(payload)
}

fn parity(bits: u32) -> bool {
    bits.count_ones() % 2 == 1
}

fn crc(payload: u32) -> u16 {
    (0..BITS).rev().fold(0xffff, |crc: u16, bit| {
        let carry = (crc >> 15 == 1) != (payload >> bit & 1 == 1);
        crc << 1 ^ if carry { 0x1021 } else { 0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soft(bits: &[bool]) -> [f32; CODEWORD] {
        std::array::from_fn(|i| if bits[i] { 1.0 } else { -1.0 })
    }

    #[test]
    fn a_fifth_of_the_signs_may_be_wrong() {
        for payload in [0, 1, 0x00ab_cdef, 0xfff_ffff] {
            let mut values = soft(&encode(payload));
            assert_eq!(decode(&values), Some(payload));
            values.iter_mut().step_by(5).for_each(|value| *value = -*value);
            assert_eq!(decode(&values), Some(payload));
        }
    }

    #[test]
    fn noise_is_no_payload() {
        // A linear congruential generator (Knuth, MMIX).
        let mut seed = 1u64;
        let mut noise = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let found =
            (0..500).filter(|_| decode(&std::array::from_fn(|_| noise())).is_some()).count();
        assert_eq!(found, 0);
    }
}
