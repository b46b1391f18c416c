//! PTP/IP: the packets on the command and the event connection.
//!
//! Every packet is a length (its own eight header bytes included), a kind and a
//! body. [`body_length`] refuses lengths above [`PACKET_BYTES_MAX`], so that a
//! peer cannot make us reserve more.

use super::bytes::text;
use super::{Malformed, Reader, Writer};

/// Where cameras listen (CIPA DC-005).
pub const PORT: u16 = 15740;
/// Length and kind.
pub const HEADER_BYTES: usize = 8;
/// Longest packet that is accepted: libgphoto2 writes 64 KiB blocks, cameras a
/// whole live-view picture or a chunk of a file at once.
pub const PACKET_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Protocol version 1.0.
pub const VERSION: u32 = 0x0001_0000;
/// Most parameters of a request, an answer or an event.
const PARAMETERS_MAX: usize = 5;

/// Asks for a session: operation, transaction, parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whether data follow from the one who asks.
    pub sends_data: bool,
    /// Operation code.
    pub code: u16,
    /// Number of the transaction.
    pub transaction: u32,
    /// Up to five.
    pub parameters: Vec<u32>,
}

/// The end of a transaction, or an event: code, transaction, parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Response or event code.
    pub code: u16,
    /// Number of the transaction; 0 where an event belongs to none.
    pub transaction: u32,
    /// Up to five.
    pub parameters: Vec<u32>,
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// First on the command connection.
    InitCommandRequest {
        /// Who asks.
        guid: [u8; 16],
        /// Its name.
        name: String,
    },
    /// The camera agrees.
    InitCommandAck {
        /// To be repeated on the event connection.
        connection: u32,
        /// Who answers.
        guid: [u8; 16],
        /// Its name.
        name: String,
    },
    /// First on the event connection.
    InitEventRequest {
        /// From `InitCommandAck`.
        connection: u32,
    },
    /// Both connections stand.
    InitEventAck,
    /// The camera does not agree: 1 rejected, 2 busy, 3 unspecified.
    InitFail {
        /// Why.
        reason: u32,
    },
    /// Begins a transaction.
    Request(Request),
    /// Ends a transaction.
    Response(Notice),
    /// Something happened.
    Event(Notice),
    /// Data will follow.
    StartData {
        /// Number of the transaction.
        transaction: u32,
        /// All bytes to come.
        total: u64,
    },
    /// Some of the data.
    Data {
        /// Number of the transaction.
        transaction: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The last of the data.
    EndData {
        /// Number of the transaction.
        transaction: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Give the transaction up.
    Cancel {
        /// Number of the transaction.
        transaction: u32,
    },
    /// Are you there?
    Ping,
    /// Here.
    Pong,
}

/// Length of the body and kind of a packet, from its header.
pub fn body_length(header: [u8; HEADER_BYTES]) -> Result<(usize, u32), Malformed> {
    let mut reader = Reader::new("packet header", &header);
    let length = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
    let kind = reader.u32()?;
    let is_sane = (HEADER_BYTES..=PACKET_BYTES_MAX).contains(&length);
    if !is_sane {
        return Err(Malformed { what: "packet length", at: 0 });
    }
    Ok((length - HEADER_BYTES, kind))
}

impl Packet {
    /// Reads the body of a packet of this kind.
    pub fn parse(kind: u32, body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new("packet", body);
        let packet = match kind {
            1 => {
                Self::InitCommandRequest { guid: guid(&mut reader)?, name: long_name(&mut reader)? }
            }
            2 => Self::InitCommandAck {
                connection: reader.u32()?,
                guid: guid(&mut reader)?,
                name: long_name(&mut reader)?,
            },
            3 => Self::InitEventRequest { connection: reader.u32()? },
            4 => Self::InitEventAck,
            5 => Self::InitFail { reason: reader.u32()? },
            6 => Self::Request(Request {
                sends_data: reader.u32()? == 2,
                code: reader.u16()?,
                transaction: reader.u32()?,
                parameters: parameters(&mut reader)?,
            }),
            7 => Self::Response(notice(&mut reader)?),
            8 => Self::Event(notice(&mut reader)?),
            9 => Self::StartData { transaction: reader.u32()?, total: reader.u64()? },
            10 => Self::Data { transaction: reader.u32()?, bytes: reader.rest().to_vec() },
            11 => Self::Cancel { transaction: reader.u32()? },
            12 => Self::EndData { transaction: reader.u32()?, bytes: reader.rest().to_vec() },
            13 => Self::Ping,
            14 => Self::Pong,
            _ => return Err(Malformed { what: "packet kind", at: 4 }),
        };
        Ok(packet)
    }

    /// The whole packet, header included.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Writer::new();
        let kind = self.write(&mut body);
        let body = body.into_bytes();
        let mut packet = Writer::new();
        packet.u32((HEADER_BYTES + body.len()) as u32).u32(kind).bytes(&body);
        packet.into_bytes()
    }

    /// Writes the body; returns the kind.
    fn write(&self, body: &mut Writer) -> u32 {
        match self {
            Self::InitCommandRequest { guid, name } => {
                write_long_name(body.bytes(guid), name);
                1
            }
            Self::InitCommandAck { connection, guid, name } => {
                write_long_name(body.u32(*connection).bytes(guid), name);
                2
            }
            Self::InitEventRequest { connection } => {
                body.u32(*connection);
                3
            }
            Self::InitEventAck => 4,
            Self::InitFail { reason } => {
                body.u32(*reason);
                5
            }
            Self::Request(request) => {
                body.u32(if request.sends_data { 2 } else { 1 }).u16(request.code);
                write_parameters(body.u32(request.transaction), &request.parameters);
                6
            }
            Self::Response(notice) => {
                write_notice(body, notice);
                7
            }
            Self::Event(notice) => {
                write_notice(body, notice);
                8
            }
            Self::StartData { transaction, total } => {
                body.u32(*transaction).u64(*total);
                9
            }
            Self::Data { transaction, bytes } => {
                body.u32(*transaction).bytes(bytes);
                10
            }
            Self::Cancel { transaction } => {
                body.u32(*transaction);
                11
            }
            Self::EndData { transaction, bytes } => {
                body.u32(*transaction).bytes(bytes);
                12
            }
            Self::Ping => 13,
            Self::Pong => 14,
        }
    }
}

fn guid(reader: &mut Reader<'_>) -> Result<[u8; 16], Malformed> {
    let malformed = reader.malformed();
    reader.take(16)?.try_into().map_err(|_| malformed)
}

/// A name of these first packets: UTF-16 up to a zero; the version follows.
fn long_name(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    let mut units = Vec::new();
    while reader.remaining() >= 2 {
        match reader.u16()? {
            0 => return Ok(text(units.into_iter())),
            unit => units.push(unit),
        }
    }
    Err(reader.malformed())
}

fn write_long_name(body: &mut Writer, name: &str) {
    for unit in name.encode_utf16() {
        body.u16(unit);
    }
    body.u16(0).u32(VERSION);
}

fn parameters(reader: &mut Reader<'_>) -> Result<Vec<u32>, Malformed> {
    if !reader.remaining().is_multiple_of(4) || reader.remaining() > PARAMETERS_MAX * 4 {
        return Err(reader.malformed());
    }
    (0..reader.remaining() / 4).map(|_| reader.u32()).collect()
}

fn write_parameters(body: &mut Writer, parameters: &[u32]) {
    for parameter in parameters.iter().take(PARAMETERS_MAX) {
        body.u32(*parameter);
    }
}

fn notice(reader: &mut Reader<'_>) -> Result<Notice, Malformed> {
    Ok(Notice { code: reader.u16()?, transaction: reader.u32()?, parameters: parameters(reader)? })
}

fn write_notice(body: &mut Writer, notice: &Notice) {
    write_parameters(body.u16(notice.code).u32(notice.transaction), &notice.parameters);
}
