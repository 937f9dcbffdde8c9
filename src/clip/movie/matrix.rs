//! How a picture is turned before it is shown (ISO/IEC 14496-12, 8.2.2.2 and 8.3.2.3).

use super::boxes::Bytes;
use super::error::{MovieError, Result};

/// Rows `a b u`, `c d v`, `x y w`: 16.16 fixed point, 2.30 in the last column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Matrix([[i32; 3]; 3]);

const ONE: i32 = 1 << 16;
const ONE_OF_LAST_COLUMN: i32 = 1 << 30;

impl Matrix {
    pub(crate) const UPRIGHT: Self = Self([[ONE, 0, 0], [0, ONE, 0], [0, 0, ONE_OF_LAST_COLUMN]]);

    pub(crate) fn read(bytes: &mut Bytes<'_>) -> Result<Self> {
        let mut rows = [[0; 3]; 3];
        for cell in rows.as_flattened_mut() {
            *cell = i32::from_be_bytes(bytes.array()?);
        }
        Ok(Self(rows))
    }

    /// This turn first and then `next`, without any perspective.
    pub(crate) fn then(self, next: Self) -> Result<Self> {
        let mut rows = Self::UPRIGHT.0;
        for (row, from) in rows.iter_mut().zip(self.0) {
            let [a, b, c] = from.map(i64::from);
            // The last column tells of perspective, which no camera writes.
            for (column, cell) in row.iter_mut().enumerate().take(2) {
                let [e, f, g] = next.0.map(|row| i64::from(row[column]));
                let sum = ((a * e) >> 16) + ((b * f) >> 16) + ((c * g) >> 30);
                *cell = i32::try_from(sum).map_err(|_| MovieError::Damaged)?;
            }
        }
        Ok(Self(rows))
    }

    /// Whether the picture is turned by a quarter, so that its width is shown as its height.
    pub(crate) fn swaps_sides(self) -> bool {
        let [[a, b, _], [c, d, _], _] = self.0;
        a == 0 && d == 0 && b != 0 && c != 0
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        self.0.as_flattened().iter().flat_map(|cell| cell.to_be_bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: Matrix = Matrix([[0, ONE, 0], [-ONE, 0, 0], [48 * ONE, 0, ONE_OF_LAST_COLUMN]]);

    #[test]
    fn turns_add_up() {
        assert_eq!(QUARTER.then(Matrix::UPRIGHT).unwrap(), QUARTER);
        assert_eq!(Matrix::UPRIGHT.then(QUARTER).unwrap(), QUARTER);
        let half = QUARTER.then(QUARTER).unwrap();
        assert!(QUARTER.swaps_sides() && !half.swaps_sides());
        assert_eq!(half.0[0][0], -ONE);
        assert_eq!(Matrix::read(&mut Bytes(&half.to_bytes())).unwrap(), half);
    }

    #[test]
    fn a_turn_out_of_range_is_refused() {
        let large = Matrix([[i32::MAX; 3]; 3]);
        assert_eq!(large.then(large), Err(MovieError::Damaged));
    }
}
