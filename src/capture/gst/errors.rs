//! What GStreamer's error messages mean for a camera.

use std::io;

use gstreamer as gst;
use gstreamer::glib;

use super::super::CaptureError;

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file or a device.
    Local,
    /// The network, before the first picture.
    Connecting,
    /// The network, after pictures came.
    Connected,
}

/// The failure behind a GStreamer error. `source_name` is shown instead of
/// whatever address the message may hold.
pub(super) fn failure(error: &glib::Error, source_name: &str, origin: Origin) -> CaptureError {
    let source_name = source_name.to_owned();
    let reason = sentence(error.message());
    if let Some(kind) = error.kind::<gst::ResourceError>() {
        return resource(kind, source_name, reason, origin);
    }
    // "Internal data stream error" is what a torn connection looks like.
    if error.matches(gst::StreamError::Failed) && origin == Origin::Connected {
        return CaptureError::Ended { source_name };
    }
    if error.matches(gst::CoreError::MissingPlugin)
        || error.matches(gst::StreamError::CodecNotFound)
    {
        let what = format!(
            "a GStreamer decoder for {source_name} ({reason}; Debian packages \
             gstreamer1.0-libav, gstreamer1.0-plugins-bad)"
        );
        return CaptureError::MissingPart { what };
    }
    CaptureError::Format { source_name, reason }
}

fn resource(
    kind: gst::ResourceError,
    source_name: String,
    reason: String,
    origin: Origin,
) -> CaptureError {
    use gst::ResourceError as R;
    match (kind, origin) {
        (R::NotAuthorized, _) => CaptureError::Unauthorized { source_name },
        (R::NotFound, _) => CaptureError::NotFound { source_name },
        (R::Busy, _) => CaptureError::Busy { source_name },
        (R::Settings, _) => CaptureError::Format { source_name, reason },
        (R::OpenRead | R::OpenWrite | R::OpenReadWrite, Origin::Local) => {
            CaptureError::Open { source_name, source: io::Error::other(reason) }
        }
        (
            R::OpenRead | R::OpenWrite | R::OpenReadWrite | R::Read | R::Write,
            Origin::Connecting,
        ) => {
            let reason = format!("no RTSP answer ({reason})");
            CaptureError::Unreachable { source_name, reason }
        }
        (R::OpenRead | R::OpenWrite | R::OpenReadWrite | R::Read | R::Write, Origin::Connected) => {
            CaptureError::Ended { source_name }
        }
        _ => CaptureError::Driver(format!("{source_name}: {reason}")),
    }
}

/// GStreamer's words as part of a sentence: no full stop, no capital, one line.
fn sentence(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim().trim_end_matches('.');
    let mut letters = line.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => "no reason given".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: &str = "rtsp://10.0.0.7/main";

    #[test]
    fn the_answers_of_an_rtsp_server_are_told_apart() {
        let failure =
            |kind, text: &str| failure(&glib::Error::new(kind, text), CAMERA, Origin::Connecting);
        use gst::ResourceError as R;
        assert!(matches!(
            failure(R::NotAuthorized, "Unauthorized"),
            CaptureError::Unauthorized { .. }
        ));
        assert!(matches!(failure(R::NotFound, "Not Found"), CaptureError::NotFound { .. }));
        assert_eq!(
            failure(R::OpenReadWrite, "Could not open resource for reading and writing.")
                .to_string(),
            "cannot reach rtsp://10.0.0.7/main: no RTSP answer (could not open resource for \
             reading and writing)"
        );
    }

    #[test]
    fn a_connection_that_breaks_after_pictures_came_is_a_loss() {
        let gone = glib::Error::new(gst::ResourceError::Read, "Could not read from resource.");
        let failure = |origin| failure(&gone, CAMERA, origin);
        assert!(matches!(failure(Origin::Connected), CaptureError::Ended { .. }));
        assert!(matches!(failure(Origin::Connecting), CaptureError::Unreachable { .. }));
        assert!(matches!(failure(Origin::Local), CaptureError::Driver(_)));
    }

    #[test]
    fn a_file_that_is_no_video_is_a_format_error_in_one_line() {
        let error = glib::Error::new(gst::StreamError::WrongType, "This is text.\nReally.");
        let failure = failure(&error, "/tmp/a.mp4", Origin::Local);
        assert_eq!(failure.to_string(), "pictures of /tmp/a.mp4 are not readable: this is text");
    }
}
