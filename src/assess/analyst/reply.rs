//! The stream of an answer: server-sent events of completion chunks, or one JSON
//! object from servers that do not stream. Bounded in bytes; never panics.

use serde::Deserialize;

use super::AnalystError;

/// Most bytes that are read: chunks repeat their envelope for every word.
const BYTES_MAX: usize = 512 << 10;

/// Most bytes of text that they may carry.
const TEXT_MAX: usize = 16 << 10;

/// An answer as far as it has come.
#[derive(Default)]
pub struct Reply {
    text: String,
    unread: Vec<u8>,
    bytes: usize,
    is_done: bool,
    has_events: bool,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(alias = "message")]
    delta: Option<Delta>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

impl Reply {
    /// More bytes have come. True while there may be more.
    ///
    /// # Errors
    /// When it is too long, or no answer at all.
    pub fn take(&mut self, bytes: &[u8]) -> Result<bool, AnalystError> {
        self.bytes += bytes.len();
        if self.bytes > BYTES_MAX {
            return Err(AnalystError::Unusable("it does not end"));
        }
        self.unread.extend_from_slice(bytes);
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            self.take_line(&line)?;
        }
        Ok(!self.is_done)
    }

    /// The stream has ended: the text of the answer.
    ///
    /// # Errors
    /// When there is none.
    pub fn finish(mut self) -> Result<String, AnalystError> {
        let rest = std::mem::take(&mut self.unread);
        self.take_line(&rest)?;
        if self.text.is_empty() {
            return Err(AnalystError::Unusable("it is no chat completion"));
        }
        Ok(self.text)
    }

    /// The text so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), AnalystError> {
        let line = line.trim_ascii();
        let data = match line.strip_prefix(b"data:") {
            Some(data) => {
                self.has_events = true;
                data.trim_ascii()
            }
            // Other fields of an event stream; or a whole answer on one line.
            None if self.has_events || !line.starts_with(b"{") => return Ok(()),
            None => line,
        };
        if self.is_done || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            self.is_done = true;
            return Ok(());
        }
        let unusable = |_| AnalystError::Unusable("it is no chat completion");
        let chunk: Chunk = serde_json::from_slice(data).map_err(unusable)?;
        let content = chunk.choices.into_iter().next().and_then(|choice| choice.delta?.content);
        self.text.push_str(content.as_deref().unwrap_or_default());
        if self.text.len() > TEXT_MAX {
            return Err(AnalystError::Unusable("it does not end"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, step: usize) -> Result<String, AnalystError> {
        let mut reply = Reply::default();
        for bytes in text.as_bytes().chunks(step) {
            if !reply.take(bytes)? {
                break;
            }
        }
        reply.finish()
    }

    fn chunk(content: &str) -> String {
        let chunk = serde_json::json!({"choices": [{"delta": {"content": content}}]});
        format!("data: {chunk}\n\n")
    }

    #[test]
    fn a_stream_gives_its_text_however_it_is_cut() {
        let role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\r\n\r\n: alive\n";
        let text = [role, &chunk("süß"), &chunk(" und"), "data: [DONE]\n\ndata: junk\n"].concat();
        for step in 1..text.len() {
            assert_eq!(read(&text, step).unwrap(), "süß und");
        }
        assert_eq!(read(&chunk("cut off"), 7).unwrap(), "cut off", "some just close");
    }

    #[test]
    fn a_server_that_does_not_stream_is_understood() {
        let text = r#"{"id":"1","choices":[{"message":{"role":"assistant","content":"so"}}]}"#;
        assert_eq!(read(text, 10).unwrap(), "so");
    }

    #[test]
    fn garbage_and_what_does_not_end_are_refused() {
        let endless = chunk(&"x".repeat(1000)).repeat(20);
        let wide = format!("data: {}\n", " ".repeat(BYTES_MAX));
        for text in ["", "<html>", "data: nonsense\n", "{\"error\":{}}", &endless, &wide, "\u{0}"] {
            assert!(matches!(read(text, 4096), Err(AnalystError::Unusable(_))), "{text:.40}");
        }
    }
}
