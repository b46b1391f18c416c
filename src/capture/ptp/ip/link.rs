//! The two connections of PTP/IP, and one transaction after the other on them.
//!
//! Bounded: a packet by [`ip::PACKET_BYTES_MAX`], the data of an answer by what
//! the caller expects, every wait by [`SILENCE`]. Events that nobody has fetched
//! wait in the kernel's buffer and then with the camera.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

use super::super::packet::codes::response;
use super::super::packet::ip::{self, HEADER_BYTES, Notice, Packet, Request};
use super::super::packet::{Malformed, Writer};

/// Longest silence of a camera that was asked something: with the next try a lost
/// camera is named within two seconds.
const SILENCE: Duration = Duration::from_millis(1500);

/// Largest answer that is no file: the table of all properties of a large body.
pub(super) const ANSWER_MAX: usize = 4 * 1024 * 1024;

/// A glance at the event connection.
const GLANCE: Duration = Duration::from_millis(1);

/// Event bytes that wait for the rest of their packet: an event has 26.
const EVENT_BYTES_MAX: usize = 64 * 1024;

/// Most events that are taken off the connection in one turn.
const EVENTS_MAX: usize = 64;

/// Why a transaction failed.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum LinkError {
    /// The connection is broken, or nobody answers.
    #[error("the connection is lost: {0}")]
    Lost(#[from] io::Error),
    /// The camera talks nonsense; the connection cannot be trusted any more.
    #[error("the camera sends what is no PTP: {0}")]
    Malformed(#[from] Malformed),
    /// The camera sends more than it may.
    #[error("the camera sends more than {0} bytes")]
    TooMuch(usize),
    /// Another packet than the protocol allows here.
    #[error("the camera does not keep to the protocol")]
    Protocol,
    /// The camera has another client.
    #[error("the camera is in use by another program")]
    InUse,
    /// The camera said no; the connection is sound.
    #[error("the camera refused operation 0x{operation:04x} with 0x{code:04x}")]
    Refused {
        /// What it was asked.
        operation: u16,
        /// What it answered.
        code: u16,
    },
}

impl LinkError {
    /// Whether the session is over.
    pub(in super::super) fn is_loss(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    /// Whether the camera asks to be left alone for a moment.
    pub(in super::super) fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { code: response::DEVICE_BUSY, .. })
    }
}

/// See the module.
pub(super) struct Link {
    command: TcpStream,
    event: TcpStream,
    transaction: u32,
    event_bytes: Vec<u8>,
}

impl Link {
    /// Connects and greets.
    pub(super) fn connect(address: SocketAddrV4) -> Result<Self, LinkError> {
        let mut command = open(address)?;
        let name = "Watchpost".to_owned();
        let greeting = Packet::InitCommandRequest { guid: *b"watchpost-client", name };
        command.write_all(&greeting.encode())?;
        let connection = match read(&mut command)? {
            Packet::InitCommandAck { connection, .. } => connection,
            Packet::InitFail { .. } => return Err(LinkError::InUse),
            _ => return Err(LinkError::Protocol),
        };
        let mut event = open(address)?;
        event.write_all(&Packet::InitEventRequest { connection }.encode())?;
        match read(&mut event)? {
            Packet::InitEventAck => {}
            Packet::InitFail { .. } => return Err(LinkError::InUse),
            _ => return Err(LinkError::Protocol),
        }
        event.set_read_timeout(Some(GLANCE))?;
        Ok(Self { command, event, transaction: 0, event_bytes: Vec::new() })
    }

    /// One transaction that brings at most `most` bytes.
    pub(super) fn get(
        &mut self,
        code: u16,
        parameters: &[u32],
        most: usize,
    ) -> Result<Vec<u8>, LinkError> {
        self.ask(code, parameters, false)?;
        self.answer(code, most)
    }

    /// One transaction that takes data to the camera.
    pub(super) fn put(
        &mut self,
        code: u16,
        parameters: &[u32],
        data: &[u8],
    ) -> Result<(), LinkError> {
        let transaction = self.ask(code, parameters, true)?;
        let start = Packet::StartData { transaction, total: data.len() as u64 };
        self.command.write_all(&start.encode())?;
        let end = Packet::EndData { transaction, bytes: data.to_vec() };
        self.command.write_all(&end.encode())?;
        self.answer(code, 0).map(drop)
    }

    fn ask(&mut self, code: u16, parameters: &[u32], sends_data: bool) -> Result<u32, LinkError> {
        let transaction = self.transaction;
        self.transaction = transaction.wrapping_add(1);
        let parameters = parameters.to_vec();
        let request = Packet::Request(Request { sends_data, code, transaction, parameters });
        self.command.write_all(&request.encode())?;
        Ok(transaction)
    }

    /// Data, if any, up to the end of the transaction.
    fn answer(&mut self, operation: u16, most: usize) -> Result<Vec<u8>, LinkError> {
        let mut data = Vec::new();
        loop {
            let bytes = match read(&mut self.command)? {
                // What it promises reserves nothing.
                Packet::StartData { total, .. } if total > most as u64 => {
                    return Err(LinkError::TooMuch(most));
                }
                Packet::StartData { .. } => continue,
                Packet::Data { bytes, .. } | Packet::EndData { bytes, .. } => bytes,
                Packet::Response(Notice { code: response::OK, .. }) => return Ok(data),
                Packet::Response(Notice { code, .. }) => {
                    return Err(LinkError::Refused { operation, code });
                }
                _ => return Err(LinkError::Protocol),
            };
            if data.len() + bytes.len() > most {
                return Err(LinkError::TooMuch(most));
            }
            data.extend_from_slice(&bytes);
        }
    }

    /// Codes and first parameters of the events that have come.
    pub(super) fn events(&mut self) -> Result<Vec<(u16, u32)>, LinkError> {
        let mut chunk = [0; 4096];
        match self.event.read(&mut chunk) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => self.event_bytes.extend_from_slice(&chunk[..count]),
            Err(error) if is_silence(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let mut events = Vec::new();
        while events.len() < EVENTS_MAX
            && let Some(packet) = self.take_event_packet()?
        {
            match packet {
                Packet::Event(notice) => {
                    events.push((notice.code, notice.parameters.first().copied().unwrap_or(0)));
                }
                Packet::Ping => self.event.write_all(&Packet::Pong.encode())?,
                _ => {}
            }
        }
        Ok(events)
    }

    /// The next whole packet among the bytes that have come.
    fn take_event_packet(&mut self) -> Result<Option<Packet>, LinkError> {
        let Some(header) = self.event_bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let (length, kind) = ip::body_length(*header)?;
        if length > EVENT_BYTES_MAX {
            return Err(LinkError::TooMuch(EVENT_BYTES_MAX));
        }
        let end = HEADER_BYTES + length;
        let Some(body) = self.event_bytes.get(HEADER_BYTES..end) else { return Ok(None) };
        let packet = Packet::parse(kind, body)?;
        self.event_bytes.drain(..end);
        Ok(Some(packet))
    }
}

/// Bytes of a value, for [`Link::put`].
pub(super) fn bytes(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn open(address: SocketAddrV4) -> Result<TcpStream, LinkError> {
    let stream = TcpStream::connect_timeout(&address.into(), SILENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    Ok(stream)
}

fn read(stream: &mut TcpStream) -> Result<Packet, LinkError> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header)?;
    let (length, kind) = ip::body_length(header)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Packet::parse(kind, &body)?)
}
