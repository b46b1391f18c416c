//! The luma of a frame averaged down to small cells, the plane on which motion and
//! views are compared: a cell has far less sensor noise than a pixel, and there are
//! few of them.

use crate::domain::{Frame, PixelFormat};

/// Rows averaged for one cell, at most: of large pictures only some are read.
const ROWS_READ_MAX: usize = 8;

/// A small gray picture. Its buffers are kept from frame to frame.
#[derive(Debug, Default)]
pub struct SmallLuma {
    /// Cells in a row.
    pub columns: usize,
    /// Levels 0..=255, row by row.
    pub levels: Vec<u8>,
    sums: Vec<u16>,
}

impl SmallLuma {
    /// Takes `frame` down to at most `columns_max` columns of square cells; what
    /// does not fill a cell at the right and lower border is left out.
    pub fn take(&mut self, frame: &Frame, columns_max: usize) {
        let (width, height) = (frame.width_px() as usize, frame.height_px() as usize);
        let edge = width.div_ceil(columns_max).min(height);
        let step = edge.div_ceil(ROWS_READ_MAX);
        self.columns = (width / edge).max(1);
        self.sums.resize(width, 0);
        self.levels.clear();
        for top in (0..height / edge).map(|line| line * edge) {
            self.sums.fill(0);
            let rows = (top..top + edge).step_by(step);
            let divisor = (rows.len() * edge) as u32;
            for row in rows {
                add_luma(frame.row(0, row), frame.format(), &mut self.sums);
            }
            let cells = self.sums.chunks_exact(edge).take(self.columns);
            let average =
                |cell: &[u16]| cell.iter().map(|sum| u32::from(*sum)).sum::<u32>() / divisor;
            self.levels.extend(cells.map(|cell| average(cell) as u8));
        }
    }
}

fn add_luma(row: &[u8], format: PixelFormat, sums: &mut [u16]) {
    // At most 8 rows of 255 are added, far below 65535.
    match format {
        PixelFormat::I420 | PixelFormat::Nv12 => {
            sums.iter_mut().zip(row).for_each(|(sum, level)| *sum += u16::from(*level));
        }
        PixelFormat::Yuyv => {
            let pairs = row.chunks_exact(2);
            sums.iter_mut().zip(pairs).for_each(|(sum, pair)| *sum += u16::from(pair[0]));
        }
    }
}
