//! Capture time: stream time mapped to monotonic and wall time.
//!
//! The mapping is made once per session, with the first picture, so that pictures
//! are dated exactly as far apart as the camera took them, whatever the network
//! does. Only a drift of more than half a second makes a new mapping: the
//! camera's clock runs differently, the source paused, or the box's own clock was
//! set (a board without a battery boots in 1970). Never reads a clock.

use std::time::Duration;

use crate::domain::Timestamp;

/// Largest accepted distance between a picture's date and its arrival.
const DRIFT_MAX: Duration = Duration::from_millis(500);

/// The mapping of one session.
pub(super) struct Timeline {
    anchor: Option<Anchor>,
    /// False for sources whose readers set the pace: their time has nothing to do
    /// with the clock's.
    follows_clock: bool,
}

/// Three names of one instant.
#[derive(Clone, Copy)]
struct Anchor {
    stream: Duration,
    mono: Duration,
    wall: Timestamp,
}

impl Timeline {
    pub(super) fn new(follows_clock: bool) -> Self {
        Self { anchor: None, follows_clock }
    }

    /// Monotonic time of a picture that is not here yet; unknown before the first.
    pub(super) fn mono(&self, stream: Duration) -> Option<Duration> {
        self.anchor.map(|anchor| anchor.map(stream).0)
    }

    /// Monotonic and wall time of the picture with this stream time, which arrived
    /// at `mono`, `wall`.
    pub(super) fn date(
        &mut self,
        stream: Duration,
        mono: Duration,
        wall: Timestamp,
    ) -> (Duration, Timestamp) {
        let arrival = Anchor { stream, mono, wall };
        let anchor = *self.anchor.get_or_insert(arrival);
        let dated = anchor.map(stream);
        let is_drifted = dated.0.abs_diff(mono) > DRIFT_MAX
            || dated.1.since(wall).max(wall.since(dated.1)) > DRIFT_MAX;
        if self.follows_clock && is_drifted {
            self.anchor = Some(arrival);
            return (mono, wall);
        }
        dated
    }
}

impl Anchor {
    fn map(&self, stream: Duration) -> (Duration, Timestamp) {
        let apart = self.stream.abs_diff(stream);
        if stream >= self.stream {
            (self.mono + apart, self.wall.after(apart))
        } else {
            (self.mono.saturating_sub(apart), self.wall.before(apart))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Timestamp = Timestamp::from_unix_ms(1_000_000);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Dates of pictures that are 40 ms apart and arrive `lateness` late.
    fn dates(timeline: &mut Timeline, lateness_ms: &[u64]) -> Vec<(Duration, Timestamp)> {
        let mut stream = ms(7_000);
        lateness_ms
            .iter()
            .map(|late| {
                stream += ms(40);
                let arrival = stream + ms(*late);
                timeline.date(stream, arrival, WALL.after(arrival))
            })
            .collect()
    }

    #[test]
    fn late_arrivals_do_not_change_how_far_apart_pictures_are_dated() {
        let dates = dates(&mut Timeline::new(true), &[0, 300, 20, 450, 0]);
        for pair in dates.windows(2) {
            assert_eq!(pair[1].0 - pair[0].0, ms(40));
            assert_eq!(pair[1].1.since(pair[0].1), ms(40));
        }
    }

    #[test]
    fn a_camera_whose_clock_has_drifted_gets_a_new_mapping() {
        let dates = dates(&mut Timeline::new(true), &[0, 501, 501]);
        assert_eq!(dates[1].0 - dates[0].0, ms(541));
        assert_eq!(dates[2].0 - dates[1].0, ms(40));
    }

    #[test]
    fn a_clock_that_is_set_while_the_camera_runs_dates_the_next_picture() {
        let mut timeline = Timeline::new(true);
        timeline.date(ms(0), ms(0), Timestamp::from_unix_ms(0));
        assert_eq!(timeline.date(ms(40), ms(40), WALL), (ms(40), WALL));
        assert_eq!(timeline.date(ms(80), ms(90), WALL.after(ms(50))), (ms(80), WALL.after(ms(40))));
    }

    #[test]
    fn the_readers_pace_does_not_change_the_dates_of_paced_footage() {
        let dates = dates(&mut Timeline::new(false), &[0, 60_000, 90_000]);
        assert_eq!(dates[2].0 - dates[0].0, ms(80));
    }
}
