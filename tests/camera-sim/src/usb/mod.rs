//! The camera behind a USB port: what the host says in containers (PIMA 15740,
//! annex D) is asked of the camera's own port in PTP/IP, and its answers go back.
//!
//! Faults and figures are therefore those of the camera. One host at a time; data
//! of one operation are held in memory, [`DATA_BYTES_MAX`] at most. Endpoints are
//! anything that reads or writes; [`gadget`] makes those of Linux.

pub mod gadget;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;

use crate::packet::Reader;
use crate::packet::codes::{operation as op, response as rc};
use crate::packet::ip::{HEADER_BYTES, Notice, Packet, Request, body_length};

/// Length, kind, code, transaction.
const CONTAINER_BYTES: usize = 12;
/// Most bytes of one container; the largest photograph has less.
const DATA_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one transfer: a multiple of every packet size (64, 512, 1024).
const TRANSFER_BYTES: usize = 16 * 1024;
/// Where a transfer ends with a full packet, an empty one says so. High speed.
const PACKET_BYTES: usize = 512;
/// Operations with which data come from the host.
const SENDING: [u16; 2] = [op::SDIO_SET_EXT_DEVICE_PROP_VALUE, op::SDIO_CONTROL_DEVICE];

const COMMAND: u16 = 1;
const DATA: u16 = 2;
const RESPONSE: u16 = 3;
const EVENT: u16 = 4;

/// What goes over a bulk or the interrupt endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// 1 command, 2 data, 3 response, 4 event.
    pub kind: u16,
    /// Operation, response or event.
    pub code: u16,
    /// Number of the transaction.
    pub transaction: u32,
    /// Parameters, or data.
    pub payload: Vec<u8>,
}

impl Container {
    fn of(kind: u16, notice: &Notice) -> Self {
        let payload = notice.parameters.iter().flat_map(|number| number.to_le_bytes()).collect();
        Self { kind, code: notice.code, transaction: notice.transaction, payload }
    }

    fn parameters(&self) -> Vec<u32> {
        let mut reader = Reader::new("parameters", &self.payload);
        std::iter::from_fn(|| reader.u32().ok()).take(5).collect()
    }

    /// Reads one, over as many transfers as it takes.
    ///
    /// # Errors
    /// Those of the endpoint; or when it is not a container.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut buffer = vec![0; TRANSFER_BYTES];
        let mut bytes = Vec::new();
        loop {
            // An empty packet may end the container before.
            let count = from.read(&mut buffer)?;
            if count == 0 && !bytes.is_empty() {
                return Err(wrong());
            }
            bytes.extend_from_slice(&buffer[..count]);
            let Some(length) = bytes.first_chunk().map(|first| u32::from_le_bytes(*first)) else {
                continue;
            };
            let length = usize::try_from(length).map_err(|_| wrong())?;
            if !(CONTAINER_BYTES..=DATA_BYTES_MAX).contains(&length) || bytes.len() > length {
                return Err(wrong());
            }
            if bytes.len() == length {
                return Self::parse(&bytes).ok_or_else(wrong);
            }
        }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new("container", bytes);
        reader.u32().ok()?;
        let (kind, code, transaction) =
            (reader.u16().ok()?, reader.u16().ok()?, reader.u32().ok()?);
        Some(Self { kind, code, transaction, payload: reader.rest().to_vec() })
    }

    /// Writes it in transfers.
    ///
    /// # Errors
    /// Those of the endpoint.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let length = CONTAINER_BYTES + self.payload.len();
        let mut bytes = u32::try_from(length).map_err(|_| wrong())?.to_le_bytes().to_vec();
        bytes.extend(self.kind.to_le_bytes());
        bytes.extend(self.code.to_le_bytes());
        bytes.extend(self.transaction.to_le_bytes());
        bytes.extend(&self.payload);
        for transfer in bytes.chunks(TRANSFER_BYTES) {
            to.write_all(transfer)?;
        }
        if length.is_multiple_of(PACKET_BYTES) {
            // Nothing to write is written all the same: it is the empty packet.
            let _ = to.write(&[])?;
        }
        Ok(())
    }
}

fn wrong() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// The camera's port in the network, from the side of the cable.
struct Link {
    commands: TcpStream,
    events: TcpStream,
}

impl Link {
    /// Connects; events go to `interrupt` until the link is dropped.
    fn open(camera: SocketAddr, interrupt: impl Write + Send + 'static) -> io::Result<Self> {
        let mut commands = TcpStream::connect(camera)?;
        let hello =
            Packet::InitCommandRequest { guid: *b"watchpostcamusb1", name: "USB".to_owned() };
        commands.write_all(&hello.encode())?;
        let Packet::InitCommandAck { connection, .. } = read(&mut commands)? else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let mut events = TcpStream::connect(camera)?;
        events.write_all(&Packet::InitEventRequest { connection }.encode())?;
        let link = Self { commands, events: events.try_clone()? };
        let thread = thread::Builder::new().name("usb-events".to_owned());
        thread.spawn(move || forward(events, interrupt))?;
        Ok(link)
    }

    fn send(&mut self, packet: &Packet) -> io::Result<()> {
        self.commands.write_all(&packet.encode())
    }

    /// Data of the camera, if it has any, and its response.
    fn reply(&mut self) -> io::Result<(Option<Vec<u8>>, Notice)> {
        let mut data: Option<Vec<u8>> = None;
        loop {
            match read(&mut self.commands)? {
                Packet::StartData { .. } => data = Some(Vec::new()),
                Packet::Data { bytes, .. } | Packet::EndData { bytes, .. } => {
                    let data = data.get_or_insert_default();
                    data.extend(bytes);
                    if data.len() > DATA_BYTES_MAX - CONTAINER_BYTES {
                        return Err(wrong());
                    }
                }
                Packet::Response(notice) => return Ok((data, notice)),
                _ => return Err(wrong()),
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for stream in [&self.commands, &self.events] {
            // Gone already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn read(stream: &mut TcpStream) -> io::Result<Packet> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header)?;
    let (length, kind) = body_length(header).map_err(|_| wrong())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Packet::parse(kind, &body).map_err(|_| wrong())
}

/// Events of the camera to the interrupt endpoint, until either ends.
fn forward(mut events: TcpStream, mut interrupt: impl Write) {
    while let Ok(packet) = read(&mut events) {
        let Packet::Event(notice) = packet else { continue };
        if Container::of(EVENT, &notice).write(&mut interrupt).is_err() {
            return;
        }
    }
}

/// Answers the host until an endpoint fails, as all do when the cable is pulled.
/// `interrupt` makes a writer to the interrupt endpoint for each session.
///
/// # Errors
/// Those of the endpoints.
pub fn serve<W: Write + Send + 'static>(
    camera: SocketAddr,
    out: &mut impl Read,
    into: &mut impl Write,
    mut interrupt: impl FnMut() -> io::Result<W>,
) -> io::Result<()> {
    let mut link: Option<Link> = None;
    loop {
        let command = Container::read(out)?;
        // What is left of a transaction that the host gave up.
        if command.kind != COMMAND {
            continue;
        }
        let is_sending = SENDING.contains(&command.code);
        let data = if is_sending { Some(Container::read(out)?) } else { None };
        // A new session has nothing of the last one.
        if command.code == op::OPEN_SESSION {
            link = None;
        }
        let answered = match &mut link {
            Some(link) => ask(link, &command, data),
            none => Link::open(camera, interrupt()?)
                .and_then(|opened| ask(none.insert(opened), &command, data)),
        };
        let (data, response) = answered.unwrap_or_else(|_| {
            // The camera hung up: the host hears of it and may try again.
            link = None;
            let transaction = command.transaction;
            (None, Notice { code: rc::GENERAL_ERROR, transaction, parameters: Vec::new() })
        });
        if let Some(payload) = data {
            let Container { code, transaction, .. } = command;
            Container { kind: DATA, code, transaction, payload }.write(into)?;
        }
        Container::of(RESPONSE, &response).write(into)?;
    }
}

/// One operation.
fn ask(
    link: &mut Link,
    command: &Container,
    data: Option<Container>,
) -> io::Result<(Option<Vec<u8>>, Notice)> {
    let transaction = command.transaction;
    let request = Request {
        sends_data: data.is_some(),
        code: command.code,
        transaction,
        parameters: command.parameters(),
    };
    link.send(&Packet::Request(request))?;
    if let Some(Container { payload: bytes, .. }) = data {
        let total = bytes.len() as u64;
        link.send(&Packet::StartData { transaction, total })?;
        // As libgphoto2 does: nothing follows where there is nothing.
        if total > 0 {
            link.send(&Packet::EndData { transaction, bytes })?;
        }
    }
    link.reply()
}
