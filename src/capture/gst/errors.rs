//! What GStreamer's error messages mean for a camera.

use std::io;

use gstreamer as gst;
use gstreamer::glib;

use super::super::CaptureError;

/// The failure behind a GStreamer error. `source_name` is shown instead of
/// whatever address the message may hold.
pub(super) fn failure(error: &glib::Error, source_name: &str, is_network: bool) -> CaptureError {
    let source_name = source_name.to_owned();
    let reason = sentence(error.message());
    if let Some(kind) = error.kind::<gst::ResourceError>() {
        return resource(kind, source_name, reason, is_network);
    }
    if let Some(gst::StreamError::Failed) = error.kind::<gst::StreamError>()
        && is_network
    {
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
    is_network: bool,
) -> CaptureError {
    use gst::ResourceError as R;
    match kind {
        R::NotAuthorized => CaptureError::Unauthorized { source_name },
        R::NotFound => CaptureError::NotFound { source_name },
        R::Busy => CaptureError::Busy { source_name },
        R::OpenRead | R::OpenWrite | R::OpenReadWrite if is_network => {
            CaptureError::Unreachable { source_name, reason }
        }
        R::OpenRead | R::OpenWrite | R::OpenReadWrite => {
            CaptureError::Open { source_name, source: io::Error::other(reason) }
        }
        R::Read | R::Write if is_network => CaptureError::Ended { source_name },
        R::Settings => CaptureError::Format { source_name, reason },
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
        let failure = |kind, text: &str| failure(&glib::Error::new(kind, text), CAMERA, true);
        use gst::ResourceError as R;
        assert!(matches!(
            failure(R::NotAuthorized, "Unauthorized"),
            CaptureError::Unauthorized { .. }
        ));
        assert!(matches!(failure(R::NotFound, "Not Found"), CaptureError::NotFound { .. }));
        assert_eq!(
            failure(R::OpenReadWrite, "Could not open resource for reading and writing.")
                .to_string(),
            "cannot reach rtsp://10.0.0.7/main: could not open resource for reading and writing"
        );
        assert!(matches!(failure(R::Read, "gone"), CaptureError::Ended { .. }));
    }

    #[test]
    fn a_file_that_is_no_video_is_a_format_error_in_one_line() {
        let error = glib::Error::new(gst::StreamError::WrongType, "This is text.\nReally.");
        let failure = failure(&error, "/tmp/a.mp4", false);
        assert_eq!(failure.to_string(), "pictures of /tmp/a.mp4 are not readable: this is text");
    }
}
