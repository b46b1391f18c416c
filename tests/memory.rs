//! Freed memory goes back to the system.

#![allow(clippy::unwrap_used, reason = "a test")]

use watchpost::rt::heap;

const PICTURE_BYTES: usize = 768 * 576 * 3 / 2;

fn anonymous_kb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn pictures_that_are_let_go_do_not_stay_although_small_blocks_lie_between() {
    assert!(heap::set_up());
    // After this, an untamed heap would keep blocks of this size.
    drop(vec![1_u8; 8 << 20]);
    let before = anonymous_kb();

    let (mut pictures, mut records) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        pictures.push(vec![1_u8; PICTURE_BYTES]);
        records.push(vec![1_u8; 1000]);
    }
    assert!(anonymous_kb() > before + 60_000);
    drop(pictures);
    heap::give_back();

    assert!(anonymous_kb() < before + 5_000, "{before} kB became {} kB", anonymous_kb());
    assert_eq!(records.len(), 100);
}
