//! Lines from standard input, of bounded length.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::mpsc;

/// A line that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadLine {
    /// More bytes than a message can have.
    TooLong { bytes: usize },
    /// Not UTF-8.
    NotText,
}

impl core::fmt::Display for BadLine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooLong { bytes } => write!(
                f,
                "the line is too long: {bytes} bytes, and a message holds at most {MAX_LINE}"
            ),
            Self::NotText => f.write_str("the line is not valid UTF-8"),
        }
    }
}

/// Reads lines in the background until the input ends.
pub(super) fn lines(
    input: impl AsyncRead + Send + Unpin + 'static,
) -> mpsc::Receiver<Result<String, BadLine>> {
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        let mut input = BufReader::new(input);
        while let Some(line) = next_line(&mut input).await {
            if sender.send(line).await.is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next line without its end; `None` at the end of the input, or if it cannot be read.
async fn next_line(input: &mut (impl AsyncBufRead + Unpin)) -> Option<Result<String, BadLine>> {
    let mut line = Vec::new();
    let mut bytes = 0_usize;
    loop {
        let chunk = input.fill_buf().await.ok()?;
        if chunk.is_empty() {
            if bytes == 0 {
                return None;
            }
            break;
        }
        let (part, ended) = match chunk.iter().position(|byte| *byte == b'\n') {
            Some(end) => (chunk.get(..end).unwrap_or_default(), true),
            None => (chunk, false),
        };
        bytes = bytes.saturating_add(part.len());
        // What is too long is counted, not kept.
        if bytes <= MAX_LINE {
            line.extend_from_slice(part);
        }
        let used = part.len().saturating_add(usize::from(ended));
        input.consume(used);
        if ended {
            break;
        }
    }
    if bytes > MAX_LINE {
        return Some(Err(BadLine::TooLong { bytes }));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Some(String::from_utf8(line).map_err(|_| BadLine::NotText))
}

/// Bytes of the longest line that is kept: what the largest message holds (MSG-007). The session
/// refuses a little less if the message has many parents.
const MAX_LINE: usize = 32_766 - 4;

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &'static [u8]) -> Vec<Result<String, BadLine>> {
        let mut lines = lines(bytes);
        let mut all = Vec::new();
        while let Some(line) = lines.recv().await {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn lines_end_where_they_end() {
        assert_eq!(read(b"").await, []);
        assert_eq!(
            read(b"one\r\n\ntwo").await,
            [Ok("one".to_owned()), Ok(String::new()), Ok("two".to_owned())]
        );
        assert_eq!(read(b"caf\xe9\nx\n").await, [Err(BadLine::NotText), Ok("x".to_owned())]);
    }

    #[tokio::test]
    async fn long_lines_are_refused_and_passed_over() {
        let text: &'static mut [u8] = vec![b'x'; MAX_LINE + 3].leak();
        text[MAX_LINE + 1] = b'\n';
        assert_eq!(
            read(text).await,
            [Err(BadLine::TooLong { bytes: MAX_LINE + 1 }), Ok("x".to_owned())]
        );
        let text: &'static mut [u8] = vec![b'x'; MAX_LINE + 1].leak();
        text[MAX_LINE] = b'\n';
        assert_eq!(read(text).await, [Ok("x".repeat(MAX_LINE))]);
    }
}
