//! How alike two small gray pictures are in structure, whatever the light.

/// Windows are compared on 8x8 cells, every 4 cells: the sizes of the SSIM
/// implementations in video encoders (x264). Wang et al., "Image quality
/// assessment: from error visibility to structural similarity", 2004.
const WINDOW: usize = 8;
const STEP: usize = 4;
/// SSIM's constant for the contrast term, (0.03 * 255)^2.
const C2: f32 = 58.5;
/// Variance from which a window shows something that can be recognized: 8 levels.
/// Less is wall, sky and sensor noise, which look alike everywhere.
const TEXTURE: f32 = 64.0;
/// Variance that is more than rounding; below it nothing correlates.
const FLAT: f32 = 4.0;
/// With fewer recognizable windows there is nothing to compare.
const TEXTURE_SHARE_MIN: f32 = 0.02;

/// Likeness of two pictures of the same size, 0..=1: the mean over the windows in
/// which at least one of them shows structure. The luminance term of SSIM is left
/// out, and contrast counts only when correlation does not tell: a lamp, a cloud
/// or the exposure control changes levels, not what there is to see.
pub fn similarity(now: &[u8], known: &[u8], columns: usize) -> f32 {
    let rows = now.len() / columns.max(1);
    let (mut sum, mut textured, mut windows) = (0.0, 0_u32, 0_u32);
    for top in (0..(rows + 1).saturating_sub(WINDOW)).step_by(STEP) {
        for left in (0..(columns + 1).saturating_sub(WINDOW)).step_by(STEP) {
            windows += 1;
            let stats = Window::measure(now, known, columns, (left, top));
            if stats.variance.0.max(stats.variance.1) >= TEXTURE {
                textured += 1;
                sum += stats.likeness();
            }
        }
    }
    if (textured as f32) < windows as f32 * TEXTURE_SHARE_MIN {
        return 1.0;
    }
    sum / textured as f32
}

/// Second moments of one window in both pictures.
struct Window {
    variance: (f32, f32),
    covariance: f32,
}

impl Window {
    fn measure(now: &[u8], known: &[u8], columns: usize, (left, top): (usize, usize)) -> Self {
        let (mut x, mut y, mut xx, mut yy, mut xy) = (0_u32, 0_u32, 0_u32, 0_u32, 0_u32);
        for row in top..top + WINDOW {
            let cells = row * columns + left..row * columns + left + WINDOW;
            for (a, b) in now[cells.clone()].iter().zip(&known[cells]) {
                let (a, b) = (u32::from(*a), u32::from(*b));
                (x, y, xx, yy, xy) = (x + a, y + b, xx + a * a, yy + b * b, xy + a * b);
            }
        }
        let n = (WINDOW * WINDOW) as f32;
        let moment = |ab: u32, a: u32, b: u32| ab as f32 / n - (a as f32 / n) * (b as f32 / n);
        Self { variance: (moment(xx, x, x), moment(yy, y, y)), covariance: moment(xy, x, y) }
    }

    fn likeness(&self) -> f32 {
        let (a, b) = self.variance;
        let contrast = (2.0 * self.covariance + C2) / (a + b + C2);
        let correlation = if a.min(b) >= FLAT { self.covariance / (a * b).sqrt() } else { 0.0 };
        contrast.max(correlation).clamp(0.0, 1.0)
    }
}

/// Mean squared step between neighboring cells: how much there is to see at all.
pub fn gradient_energy(levels: &[u8], columns: usize) -> f32 {
    let step = |a: &u8, b: &u8| (f32::from(*a) - f32::from(*b)).powi(2);
    let rows = levels.chunks_exact(columns.max(1));
    let across: f32 = rows
        .map(|row| row.iter().zip(row.iter().skip(1)).map(|(a, b)| step(a, b)).sum::<f32>())
        .sum();
    let below = levels.iter().skip(columns);
    let down: f32 = levels.iter().zip(below).map(|(a, b)| step(a, b)).sum();
    (across + down) / levels.len().max(1) as f32
}
