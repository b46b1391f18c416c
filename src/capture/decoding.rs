//! What decodes the pictures of a camera.

/// Which decoder a camera's session has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoding {
    /// GStreamer's name of it, such as `avdec_h264`.
    pub element: String,
    /// Whether the board's own decoder does it, not the processor.
    pub is_hardware: bool,
    /// The board's decoder that failed at this camera before.
    pub failed: Option<String>,
}

impl Decoding {
    /// For people, when there is something to tell: software is the rule.
    pub fn in_words(&self) -> Option<String> {
        match &self.failed {
            _ if self.is_hardware => Some(format!("decoded by {}", self.element)),
            Some(failed) => Some(format!("decoded by software because {failed} failed")),
            None => None,
        }
    }
}

/// Whether a camera may use the board's decoders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecoderChoice {
    /// Where there is one that works.
    #[default]
    Auto,
    /// Never.
    Software,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_is_told_only_where_hardware_failed() {
        let of = |element: &str, is_hardware, failed: Option<&str>| {
            let (element, failed) = (element.to_owned(), failed.map(str::to_owned));
            Decoding { element, is_hardware, failed }.in_words()
        };
        assert_eq!(of("avdec_h264", false, None), None);
        assert_eq!(of("v4l2h264dec", true, None).as_deref(), Some("decoded by v4l2h264dec"));
        assert_eq!(
            of("avdec_h264", false, Some("v4l2h264dec")).as_deref(),
            Some("decoded by software because v4l2h264dec failed")
        );
    }
}
