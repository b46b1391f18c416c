//! Live pictures of one camera, for as many viewers as the limit allows.
//!
//! Holds the newest frame and at most two encoded pictures of it (with and
//! without boxes). A frame is encoded only while somebody looks, and once however
//! many look; who is slow skips frames. Offering a frame never waits. Encoding
//! happens on the runtime's blocking threads, [`ENCODES_AT_ONCE`] at a time for
//! all cameras together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::warn;
use tokio::sync::{Semaphore, watch};

use super::jpeg::JpegEncoder;
use super::{LiveJpeg, MediaError, OverlayBox};
use crate::domain::{CameraId, Frame, FrameTap};
use crate::health::{Counter, Gauge, Metrics};

/// Pictures encoded at the same time: one, so that looking never takes the
/// second of two cores away from detection.
const ENCODES_AT_ONCE: usize = 1;
/// JPEG quality of live pictures: 768x576 takes about 70 kB.
const QUALITY: u8 = 75;
/// JPEG quality of a picture that somebody asked to keep: beyond it files grow and
/// nothing more can be seen.
const STILL_QUALITY: u8 = 92;

/// The live views of all cameras. Cheap to clone; clones share the list.
#[derive(Clone)]
pub struct LiveViews(Arc<Views>);

struct Views {
    views: Mutex<BTreeMap<CameraId, Arc<LiveView>>>,
    metrics: Metrics,
    slots: Arc<Semaphore>,
}

impl Default for LiveViews {
    fn default() -> Self {
        Self::new(&Metrics::default())
    }
}

impl LiveViews {
    /// No cameras yet.
    pub fn new(metrics: &Metrics) -> Self {
        let slots = Arc::new(Semaphore::new(ENCODES_AT_ONCE));
        Self(Arc::new(Views { views: Mutex::default(), metrics: metrics.clone(), slots }))
    }

    /// The live view of a camera.
    pub fn get(&self, camera: &CameraId) -> Option<Arc<LiveView>> {
        lock(&self.0.views).get(camera).cloned()
    }

    /// A live view for `camera` with room for `viewers_max` viewers. The viewers
    /// of an earlier view of the same camera are told that it is gone.
    pub fn insert(&self, camera: &CameraId, viewers_max: usize) -> Arc<LiveView> {
        let view = Arc::new(LiveView::new(camera, viewers_max, &self.0));
        let earlier = lock(&self.0.views).insert(camera.clone(), Arc::clone(&view));
        if let Some(earlier) = earlier {
            earlier.close();
        }
        view
    }

    /// Forgets a camera; its viewers are told.
    pub fn remove(&self, camera: &CameraId) {
        let removed = lock(&self.0.views).remove(camera);
        if let Some(view) = removed {
            view.close();
        }
    }
}

/// Live pictures of one camera. A picture is encoded only while somebody looks,
/// and once however many look.
pub struct LiveView {
    camera: CameraId,
    viewers_max: usize,
    viewers: AtomicUsize,
    viewers_gauge: Gauge,
    encoded: Counter,
    newest: watch::Sender<Newest>,
    overlay: Mutex<Arc<[OverlayBox]>>,
    desk: Mutex<Desk>,
    turn: Semaphore,
    slots: Arc<Semaphore>,
}

#[derive(Default)]
struct Newest {
    /// Counts offered frames from 1.
    number: u64,
    frame: Option<Arc<Frame>>,
    is_removed: bool,
}

/// The encoder and what it made last, without and with boxes.
#[derive(Default)]
struct Desk {
    encoder: JpegEncoder,
    made: [Option<Numbered>; 2],
}

/// A picture and the number of its frame.
#[derive(Clone)]
struct Numbered {
    number: u64,
    jpeg: LiveJpeg,
}

impl FrameTap for LiveView {
    fn offer(&self, frame: &Arc<Frame>) {
        self.newest.send_modify(|newest| {
            newest.number += 1;
            if !newest.is_removed {
                newest.frame = Some(Arc::clone(frame));
            }
        });
    }
}

impl LiveView {
    fn new(camera: &CameraId, viewers_max: usize, views: &Views) -> Self {
        let labels = [("camera", camera.as_str())];
        let metrics = &views.metrics;
        let viewers_gauge = metrics.gauge(
            "watchpost_live_viewers",
            "Viewers that look at a camera's live picture.",
            &labels,
        );
        viewers_gauge.set(0.0);
        let encoded = metrics.counter(
            "watchpost_live_pictures_encoded_total",
            "Live pictures encoded.",
            &labels,
        );
        Self {
            camera: camera.clone(),
            viewers_max,
            viewers: AtomicUsize::new(0),
            viewers_gauge,
            encoded,
            newest: watch::Sender::default(),
            overlay: Mutex::new(Arc::new([])),
            desk: Mutex::default(),
            turn: Semaphore::new(1),
            slots: Arc::clone(&views.slots),
        }
    }

    /// The boxes to draw from now on.
    pub fn set_overlay(&self, boxes: Vec<OverlayBox>) {
        *lock(&self.overlay) = boxes.into();
    }

    /// The boxes that are drawn now.
    pub fn overlay(&self) -> Arc<[OverlayBox]> {
        Arc::clone(&lock(&self.overlay))
    }

    /// The newest frame as a picture to keep, without boxes; `None` while there is
    /// no frame. Encodes on the calling thread.
    ///
    /// # Errors
    /// When the picture cannot be encoded.
    pub fn still(&self) -> Result<Option<LiveJpeg>, MediaError> {
        let Some(frame) = self.newest.borrow().frame.clone() else { return Ok(None) };
        let bytes = lock(&self.desk).encoder.encode(&frame, &[], STILL_QUALITY)?;
        Ok(Some(LiveJpeg { bytes, captured_at: frame.meta.captured_at }))
    }

    /// The newest picture; `None` while there is no frame. Encodes on the calling
    /// thread (some milliseconds) unless the picture is already made, so async
    /// code calls it on a blocking thread.
    ///
    /// # Errors
    /// When the picture cannot be encoded.
    pub fn latest_jpeg(&self, with_boxes: bool) -> Result<Option<LiveJpeg>, MediaError> {
        Ok(self.make(with_boxes)?.map(|made| made.jpeg))
    }

    /// A new viewer.
    ///
    /// # Errors
    /// When the camera has as many as it may.
    pub fn watch(self: &Arc<Self>, with_boxes: bool) -> Result<Viewer, MediaError> {
        let one_more = |n| (n < self.viewers_max).then_some(n + 1);
        self.viewers
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .map_err(|_| MediaError::TooManyViewers(self.viewers_max))?;
        self.viewers_gauge.set(self.viewers() as f64);
        let newest = self.newest.subscribe();
        Ok(Viewer { view: Arc::clone(self), newest, with_boxes, seen: 0 })
    }

    /// How many look now.
    pub fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    fn close(&self) {
        self.newest.send_modify(|newest| {
            newest.is_removed = true;
            newest.frame = None;
        });
    }

    /// The picture of the newest frame, if it is made and nobody is at the desk.
    fn made(&self, with_boxes: bool) -> Option<Numbered> {
        let number = self.newest.borrow().number;
        let desk = self.desk.try_lock().ok()?;
        desk.made[usize::from(with_boxes)].clone().filter(|made| made.number == number)
    }

    fn make(&self, with_boxes: bool) -> Result<Option<Numbered>, MediaError> {
        let mut desk = lock(&self.desk);
        let (number, frame) = {
            let newest = self.newest.borrow();
            (newest.number, newest.frame.clone())
        };
        let Some(frame) = frame else { return Ok(None) };
        let Desk { encoder, made } = &mut *desk;
        let made = &mut made[usize::from(with_boxes)];
        if let Some(made) = made.as_ref().filter(|made| made.number == number) {
            return Ok(Some(made.clone()));
        }
        let boxes = if with_boxes { Arc::clone(&lock(&self.overlay)) } else { Arc::new([]) };
        let bytes = encoder.encode(&frame, &boxes, QUALITY)?;
        self.encoded.inc();
        let jpeg = LiveJpeg { bytes, captured_at: frame.meta.captured_at };
        Ok(Some(made.insert(Numbered { number, jpeg }).clone()))
    }
}

/// One viewer; looking ends when it is dropped.
pub struct Viewer {
    view: Arc<LiveView>,
    newest: watch::Receiver<Newest>,
    with_boxes: bool,
    seen: u64,
}

impl Viewer {
    /// The newest picture that this viewer has not seen; waits for it. `None`
    /// once the camera is removed. May be cancelled at any point.
    pub async fn next(&mut self) -> Option<LiveJpeg> {
        loop {
            let seen = self.seen;
            let is_news = |n: &Newest| n.is_removed || (n.number > seen && n.frame.is_some());
            let number = {
                let newest = self.newest.wait_for(is_news).await.ok()?;
                if newest.is_removed {
                    return None;
                }
                newest.number
            };
            match self.picture().await {
                Ok(Some(made)) => {
                    self.seen = made.number;
                    return Some(made.jpeg);
                }
                Ok(None) => {}
                Err(error) => {
                    // The next frame gets its own chance; this one is skipped.
                    self.seen = number;
                    warn!(camera:% = self.view.camera, error:%; "A live picture is skipped.");
                }
            }
        }
    }

    async fn picture(&self) -> Result<Option<Numbered>, MediaError> {
        let view = &self.view;
        // One viewer encodes, the others wait without a thread and find it made.
        let _turn = view.turn.acquire().await;
        if let Some(made) = view.made(self.with_boxes) {
            return Ok(Some(made));
        }
        let _slot = view.slots.acquire().await;
        let (view, with_boxes) = (Arc::clone(view), self.with_boxes);
        tokio::task::spawn_blocking(move || view.make(with_boxes))
            .await
            .unwrap_or_else(|error| Err(MediaError::Encode(error.to_string())))
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let before = self.view.viewers.fetch_sub(1, Ordering::Relaxed);
        self.view.viewers_gauge.set((before - 1) as f64);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::super::testing::{boxed, frame};
    use super::*;
    use crate::domain::{ColorSpace, PixelFormat};

    fn yard() -> CameraId {
        "yard".parse().unwrap()
    }

    fn offer(view: &LiveView) {
        let frame = frame((64, 48), PixelFormat::Nv12, ColorSpace::Bt601Full, 3);
        view.offer(&Arc::new(frame));
    }

    async fn soon<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), future).await.expect("within 20 s")
    }

    #[tokio::test]
    async fn two_viewers_of_one_frame_cost_one_encode() {
        let view = LiveViews::default().insert(&yard(), 4);
        let (mut first, mut second) = (view.watch(true).unwrap(), view.watch(true).unwrap());
        offer(&view);
        let (a, b) = soon(async { tokio::join!(first.next(), second.next()) }).await;
        assert_eq!(a.unwrap().bytes, b.unwrap().bytes);
        assert_eq!(view.encoded.value(), 1);
    }

    #[tokio::test]
    async fn a_slow_viewer_gets_the_newest_picture_and_no_picture_twice() {
        let view = LiveViews::default().insert(&yard(), 4);
        let mut viewer = view.watch(false).unwrap();
        (0..5).for_each(|_| offer(&view));
        assert!(soon(viewer.next()).await.is_some());
        assert_eq!(viewer.seen, 5);
        assert!(viewer.next().now_or_never().is_none(), "the same frame was given twice");
        offer(&view);
        assert!(soon(viewer.next()).await.is_some());
    }

    #[test]
    fn nothing_is_encoded_while_nobody_looks() {
        let view = LiveViews::default().insert(&yard(), 4);
        assert!(view.latest_jpeg(true).unwrap().is_none());
        (0..9).for_each(|_| offer(&view));
        assert_eq!(view.encoded.value(), 0);
        view.set_overlay(vec![boxed("person", (0.1, 0.1, 0.9, 0.9))]);
        let with = view.latest_jpeg(true).unwrap().unwrap();
        let without = view.latest_jpeg(false).unwrap().unwrap();
        assert_ne!(with.bytes, without.bytes);
    }

    #[test]
    fn one_viewer_too_many_is_refused_until_another_leaves() {
        let metrics = Metrics::default();
        let view = LiveViews::new(&metrics).insert(&yard(), 2);
        let first = view.watch(true).unwrap();
        let _second = view.watch(true).unwrap();
        assert!(matches!(view.watch(true), Err(MediaError::TooManyViewers(2))));
        assert!(metrics.render().contains("watchpost_live_viewers{camera=\"yard\"} 2"));
        drop(first);
        assert_eq!(view.viewers(), 1);
        view.watch(true).unwrap();
    }

    #[tokio::test]
    async fn viewers_of_a_removed_camera_are_told() {
        let views = LiveViews::default();
        let view = views.insert(&yard(), 2);
        offer(&view);
        let mut viewer = view.watch(true).unwrap();
        views.remove(&yard());
        assert!(soon(viewer.next()).await.is_none());
        assert!(views.get(&yard()).is_none());
    }
}
