//! The socket under a connection, with a limit on how long a write may wait.
//!
//! A client that stops reading holds a slot, buffers and a task. Whatever is
//! sent (an answer, an event stream, a WebSocket), a write that makes no
//! progress for [`WRITE_STALL_MAX`] fails, and the connection ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// Longest wait for a client that does not read.
pub(super) const WRITE_STALL_MAX: Duration = Duration::from_secs(20);

/// Bytes the kernel may hold for a client. It would take up to 4 MiB each by
/// default, where no limit of ours sees them.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// A client socket whose writes cannot wait for ever.
pub(super) struct ClientSocket {
    stream: TcpStream,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl ClientSocket {
    /// Takes an accepted connection.
    pub(super) fn new(stream: TcpStream) -> Self {
        // A socket that refuses an option still works, only less bounded.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER_BYTES);
        let stall_ms = WRITE_STALL_MAX.as_millis() as u32;
        // A client that vanished without a word: unacknowledged data ends it.
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, stall_ms);
        let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
        Self { stream, stalled: None }
    }

    /// Passes on the outcome of a write, or ends the wait for one.
    fn limit<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(WRITE_STALL_MAX)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.limit(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.limit(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(cx);
        self.limit(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
