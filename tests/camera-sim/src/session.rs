//! One connection: the handshake, then operations or events until it ends.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::operations::{Answer, Identity, Load, Operation, Progress};
use crate::packet::codes::{operation as op, response as rc};
use crate::packet::ip::{HEADER_BYTES, Notice, Packet, Request, body_length};
use crate::shared::Shared;

/// Bytes of one data packet.
const BLOCK_BYTES: usize = 64 * 1024;
/// Most bytes that a host may send with an operation: property values are small.
const DATA_BYTES_MAX: u64 = 64 * 1024;
/// How long a new host waits for the one before it to be gone.
const TAKEOVER: Duration = Duration::from_secs(1);
/// How often a stalled camera looks whether its host has hung up.
const STALL_LOOK: Duration = Duration::from_millis(50);
/// One answer in so many is no packet at all, when the camera is hostile.
const GARBAGE_IN: u64 = 24;
/// `InitFail`: busy.
const BUSY: u32 = 2;

/// A connection and what it belongs to.
pub struct Session<'a> {
    stream: TcpStream,
    shared: &'a Shared,
    identity: &'a Identity,
    progress: Progress,
    hostile: Option<(u64, fastrand::Rng)>,
}

/// Serves one connection until it ends; how it ends does not matter to the camera.
pub fn serve(stream: TcpStream, shared: &Shared, identity: &Identity) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let progress = Progress::default();
    let mut session = Session { stream, shared, identity, progress, hostile: None };
    match session.read()? {
        Packet::InitCommandRequest { .. } => session.commands(),
        Packet::InitEventRequest { connection } => session.events(connection),
        _ => Ok(()),
    }
}

fn wrong() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

impl Session<'_> {
    fn read(&mut self) -> io::Result<Packet> {
        let mut header = [0; HEADER_BYTES];
        self.stream.read_exact(&mut header)?;
        let (length, kind) = body_length(header).map_err(|_| wrong())?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Packet::parse(kind, &body).map_err(|_| wrong())
    }

    fn commands(&mut self) -> io::Result<()> {
        self.stall()?;
        let is_free = self.shared.wait(TAKEOVER, |state| state.link.owner.is_none());
        let connection = is_free.then(|| self.shared.with(|state| state.link.claim())).flatten();
        let Some(connection) = connection else {
            return self.stream.write_all(&Packet::InitFail { reason: BUSY }.encode());
        };
        let ended = self.answer_all(connection);
        self.shared.with(|state| {
            if state.link.owner == Some(connection) {
                state.link.owner = None;
                state.body.release();
            }
        });
        ended
    }

    fn answer_all(&mut self, connection: u32) -> io::Result<()> {
        let (guid, name) = (*b"watchpostcamsim1", self.identity.model.clone());
        self.stream.write_all(&Packet::InitCommandAck { connection, guid, name }.encode())?;
        loop {
            match self.read()? {
                Packet::Request(request) => {
                    let data = if request.sends_data { self.receive()? } else { Vec::new() };
                    self.stall()?;
                    self.answer(&request, &data)?;
                }
                Packet::Ping => self.stream.write_all(&Packet::Pong.encode())?,
                Packet::Cancel { .. } => {}
                // The end of data that were none.
                Packet::EndData { bytes, .. } if bytes.is_empty() => {}
                _ => return Err(wrong()),
            }
        }
    }

    /// What the host sends with an operation.
    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let Packet::StartData { total, .. } = self.read()? else { return Err(wrong()) };
        if total > DATA_BYTES_MAX {
            return Err(wrong());
        }
        // libgphoto2 ends here when it has nothing to send (it does so for its
        // `capturetarget`, whose type it does not know).
        if total == 0 {
            return Ok(Vec::new());
        }
        let mut data = Vec::new();
        loop {
            let (bytes, is_last) = match self.read()? {
                Packet::Data { bytes, .. } => (bytes, false),
                Packet::EndData { bytes, .. } => (bytes, true),
                _ => return Err(wrong()),
            };
            data.extend(bytes);
            if data.len() as u64 > total {
                return Err(wrong());
            }
            if is_last {
                return Ok(data);
            }
        }
    }

    /// Waits while the camera is stalled, unless the host hangs up.
    fn stall(&mut self) -> io::Result<()> {
        loop {
            let goes_on = |state: &mut crate::shared::State| {
                !state.has(Fault::Stall) || state.is_stopping || !state.link.is_plugged
            };
            if self.shared.wait(STALL_LOOK, goes_on) {
                return Ok(());
            }
            self.stream.set_nonblocking(true)?;
            let heard = self.stream.peek(&mut [0]);
            self.stream.set_nonblocking(false)?;
            match heard {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    }

    fn answer(&mut self, request: &Request, data: &[u8]) -> io::Result<()> {
        let (identity, progress) = (self.identity, &mut self.progress);
        let (answer, fault, seed) = self.shared.with(|state| {
            let is_basic =
                [op::GET_DEVICE_INFO, op::OPEN_SESSION, op::CLOSE_SESSION].contains(&request.code);
            if state.has(Fault::Busy) && !is_basic {
                return (Answer { code: rc::DEVICE_BUSY, ..Answer::default() }, None, None);
            }
            let now = Instant::now();
            let body = &mut state.body;
            let answer = Operation { request, data, identity, body, progress, now }.run();
            *state.stats.operations.entry(request.code).or_default() += 1;
            let fault = state.count(&answer);
            let seed = state.faults.lasting(|fault| match fault {
                Fault::Hostile(seed) => Some(*seed),
                _ => None,
            });
            (answer, fault, seed)
        });
        match seed {
            Some(seed) => self.send_damaged(request, answer, seed),
            None => self.send(request, &answer, fault),
        }
    }

    fn send(&mut self, request: &Request, answer: &Answer, fault: Option<Fault>) -> io::Result<()> {
        let transaction = request.transaction;
        if let Some(data) = &answer.data {
            let is_cut = fault == Some(Fault::MidTransferDisconnect);
            let is_short = is_cut || fault == Some(Fault::TruncatedObject);
            let sent = if is_short { &data[..data.len() / 2] } else { data };
            let promised = match fault {
                Some(Fault::WrongLength) => data.len() as u64 + 4096,
                Some(Fault::MidTransferDisconnect) => data.len() as u64,
                _ => sent.len() as u64,
            };
            self.send_data(transaction, sent, promised)?;
            if is_cut {
                self.shared.with(|state| state.link.reset());
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
        let parameters = answer.parameters.clone();
        let end = Notice { code: answer.code, transaction, parameters };
        self.stream.write_all(&Packet::Response(end).encode())?;
        if answer.load == Load::Memory && fault.is_none() {
            self.shared.with(|state| state.body.fetched());
        }
        Ok(())
    }

    fn send_data(&mut self, transaction: u32, data: &[u8], total: u64) -> io::Result<()> {
        let mut bytes = Packet::StartData { transaction, total }.encode();
        let mut blocks = data.chunks(BLOCK_BYTES).peekable();
        while let Some(block) = blocks.next() {
            let block = block.to_vec();
            let packet = match blocks.peek() {
                Some(_) => Packet::Data { transaction, bytes: block },
                None => Packet::EndData { transaction, bytes: block },
            };
            bytes.extend(packet.encode());
            self.stream.write_all(&bytes)?;
            bytes.clear();
        }
        if data.is_empty() {
            bytes.extend(Packet::EndData { transaction, bytes: Vec::new() }.encode());
        }
        self.stream.write_all(&bytes)
    }

    /// Sends what no camera would.
    fn send_damaged(&mut self, request: &Request, answer: Answer, seed: u64) -> io::Result<()> {
        if self.hostile.as_ref().is_none_or(|(known, _)| *known != seed) {
            self.hostile = Some((seed, fastrand::Rng::with_seed(seed)));
        }
        let Some((_, rng)) = &mut self.hostile else { return Ok(()) };
        if rng.u64(..GARBAGE_IN) == 0 {
            let mut garbage = vec![0; rng.usize(1..512)];
            rng.fill(&mut garbage);
            return self.stream.write_all(&garbage);
        }
        let data = answer.data.map(|data| damaged(data, rng));
        let code = if rng.u8(..8) == 0 { rng.u16(..) } else { answer.code };
        self.send(request, &Answer { data, code, ..answer }, None)
    }

    /// Tells the host what happens, until it or the camera goes.
    fn events(&mut self, connection: u32) -> io::Result<()> {
        let mine = Some(connection);
        if self.shared.lock().link.owner != mine {
            return self.stream.write_all(&Packet::InitFail { reason: BUSY }.encode());
        }
        self.stream.write_all(&Packet::InitEventAck.encode())?;
        loop {
            let mut events = Vec::new();
            self.shared.wait(Duration::from_secs(1), |state| {
                if !state.has(Fault::Stall) {
                    events.extend(state.body.events.drain(..));
                }
                !events.is_empty() || state.link.owner != mine
            });
            if events.is_empty() && self.shared.lock().link.owner != mine {
                return Ok(());
            }
            let mut bytes = Vec::new();
            let sent = events.len() as u64;
            for (code, parameter) in events {
                let parameters = vec![parameter];
                let event = Notice { code, transaction: 0, parameters };
                bytes.extend(Packet::Event(event).encode());
            }
            self.stream.write_all(&bytes)?;
            self.shared.lock().stats.events_sent += sent;
        }
    }
}

/// Bytes flipped, cut off, added, or all new.
fn damaged(mut data: Vec<u8>, rng: &mut fastrand::Rng) -> Vec<u8> {
    match rng.u8(..4) {
        0 if !data.is_empty() => {
            for _ in 0..rng.usize(1..=16) {
                let at = rng.usize(..data.len());
                data[at] = rng.u8(..);
            }
        }
        1 => data.truncate(rng.usize(..=data.len())),
        2 => {
            let start = data.len();
            data.resize(start + rng.usize(1..256), 0);
            rng.fill(&mut data[start..]);
        }
        _ => {
            data = vec![0; rng.usize(..4096)];
            rng.fill(&mut data);
        }
    }
    data
}
