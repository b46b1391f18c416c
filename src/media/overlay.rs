//! Boxes and labels, drawn into a picture for people.
//!
//! Everything is clipped to the picture. The number of boxes drawn is bounded,
//! so a crowd cannot make a picture expensive.

use font8x8::legacy::BASIC_LEGACY;

use super::OverlayBox;
use super::yuv::Picture;

/// More boxes than this only hide the picture.
const BOXES_MAX: usize = 64;
/// Longest label, in characters; longer ones are cut.
const LABEL_MAX: usize = 24;
/// Side of a glyph of the font, pixels. Glyphs are drawn twice as high as wide,
/// the shape of text on a terminal: legible at 768x576 without hiding a person.
const GLYPH_PX: i64 = 8;
/// Thickness of a box at scale 1, pixels.
const LINE_PX: i64 = 2;
/// Pictures of up to this width are drawn at scale 1, twice as wide ones at 2.
const SCALE_WIDTH_PX: usize = 960;

/// A colour in JPEG's YUV. All are bright, so that black text stands out.
type Color = [u8; 3];
const ORANGE: Color = [172, 31, 187];
const CYAN: Color = [179, 171, 0];
const GREEN: Color = [171, 55, 47];
const PINK: Color = [169, 148, 189];
const YELLOW: Color = [213, 20, 158];
const VIOLET: Color = [155, 184, 146];

/// Draws `boxes` with their labels.
pub(super) fn draw(picture: &mut Picture, boxes: &[OverlayBox]) {
    let scale = (picture.width_px.div_ceil(SCALE_WIDTH_PX)).max(1) as i64;
    for shown in boxes.iter().take(BOXES_MAX) {
        draw_box(picture, shown, scale);
    }
}

fn draw_box(picture: &mut Picture, shown: &OverlayBox, scale: i64) {
    // Not larger than FRAME_EDGE_MAX_PX: the picture was made from a frame.
    let place = shown.bbox.to_pixels(picture.width_px as u32, picture.height_px as u32);
    let (left, top) = (i64::from(place.x_px), i64::from(place.y_px));
    let (right, bottom) = (left + i64::from(place.width_px), top + i64::from(place.height_px));
    let (color, line) = (color_of(shown.label.as_str()), LINE_PX * scale);
    fill(picture, (left, top), (right, top + line), color);
    fill(picture, (left, bottom - line), (right, bottom), color);
    fill(picture, (left, top), (left + line, bottom), color);
    fill(picture, (right - line, top), (right, bottom), color);

    let text = label_text(shown);
    let height = (GLYPH_PX * 2 + 2) * scale;
    let width = (text.len() as i64 * GLYPH_PX + 2) * scale;
    // Above the box; inside it when there is no room. Never beyond the right edge
    // unless the picture is narrower than the label.
    let y = if top >= height { top - height } else { top };
    let x = left.min(picture.width_px as i64 - width).max(0);
    fill(picture, (x, y), (x + width, y + height), color);
    for (number, character) in text.bytes().enumerate() {
        let place = (x + scale + number as i64 * GLYPH_PX * scale, y + scale);
        draw_glyph(picture, character, place, scale);
    }
}

fn label_text(shown: &OverlayBox) -> String {
    let name: String = shown.label.as_str().chars().take(LABEL_MAX).collect();
    let percent = (shown.confidence * 100.0).round().clamp(0.0, 100.0) as u8;
    // The font knows ASCII only.
    format!("{name} {percent}%").replace(|c: char| !c.is_ascii(), "?")
}

fn color_of(label: &str) -> Color {
    match label {
        "person" => ORANGE,
        "car" | "truck" | "bus" => CYAN,
        "dog" | "cat" | "bird" => GREEN,
        "bicycle" | "motorcycle" => YELLOW,
        other => [PINK, VIOLET, CYAN, YELLOW][crc32fast::hash(other.as_bytes()) as usize % 4],
    }
}

fn draw_glyph(picture: &mut Picture, character: u8, (left, top): (i64, i64), scale: i64) {
    let Some(rows) = BASIC_LEGACY.get(usize::from(character)) else { return };
    for (row, bits) in (0_i64..).zip(rows) {
        for column in (0..GLYPH_PX).filter(|column| bits >> column & 1 == 1) {
            let (x, y) = (left + column * scale, top + row * 2 * scale);
            fill_luma(picture, (x, y), (x + scale, y + scale * 2), 0);
        }
    }
}

fn fill(picture: &mut Picture, from: (i64, i64), to: (i64, i64), [y, u, v]: Color) {
    fill_luma(picture, from, to, y);
    let (stride, rows) = (picture.stride() / 2, picture.rows() / 2);
    let (from, to) = ((from.0 / 2, from.1 / 2), ((to.0 + 1) / 2, (to.1 + 1) / 2));
    let [_, u_plane, v_plane] = picture.planes_mut();
    fill_plane(u_plane, (stride, rows), from, to, u);
    fill_plane(v_plane, (stride, rows), from, to, v);
}

fn fill_luma(picture: &mut Picture, from: (i64, i64), to: (i64, i64), value: u8) {
    let size = (picture.stride(), picture.rows());
    let [luma, ..] = picture.planes_mut();
    fill_plane(luma, size, from, to, value);
}

fn fill_plane(
    plane: &mut [u8],
    (stride, rows): (usize, usize),
    from: (i64, i64),
    to: (i64, i64),
    value: u8,
) {
    let clip = |v: i64, size: usize| usize::try_from(v).unwrap_or(0).min(size);
    let (left, right) = (clip(from.0, stride), clip(to.0, stride));
    for row in clip(from.1, rows)..clip(to.1, rows) {
        if left < right {
            plane[row * stride..][left..right].fill(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{boxed, frame};
    use super::*;
    use crate::domain::{ColorSpace, PixelFormat};

    fn gray(size: (u32, u32)) -> Picture {
        let mut picture = Picture::default();
        picture.copy_from(&frame(size, PixelFormat::I420, ColorSpace::Bt601Full, 0));
        picture.data.fill(128);
        picture
    }

    #[test]
    fn a_box_changes_its_edge_and_leaves_its_inside_alone() {
        let mut picture = gray((768, 576));
        draw(&mut picture, &[boxed("person", (0.25, 0.25, 0.5, 0.75))]);
        let at = |x: usize, y: usize| picture.data[y * 768 + x];
        assert_eq!(at(192, 300), ORANGE[0]);
        assert_eq!(at(383, 300), ORANGE[0]);
        assert_eq!(at(288, 300), 128);
        assert_eq!(at(100, 300), 128);
        assert!((144 - 18..144).any(|y| (192..280).any(|x| at(x, y) == 0)), "no text");
    }

    #[test]
    fn boxes_at_every_border_and_labels_of_any_text_stay_inside() {
        for size in [(768, 576), (33, 17), (2, 2)] {
            let mut picture = gray(size);
            let len = picture.data.len();
            for place in [(0.0, 0.0, 1.0, 1.0), (0.9, 0.9, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0)] {
                draw(&mut picture, &[boxed("ein sehr langer näme über alles", place)]);
            }
            assert_eq!(picture.data.len(), len);
        }
    }
}
