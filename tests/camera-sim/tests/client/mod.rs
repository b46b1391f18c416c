//! A PTP/IP client as small as can be, for what gphoto2 does not ask.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use watchpost_camera_sim::Sim;
use watchpost_camera_sim::packet::codes::operation as op;
use watchpost_camera_sim::packet::ip::{HEADER_BYTES, Notice, Packet, Request, body_length};

/// Much longer than anything takes.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Both connections.
pub struct Client {
    pub commands: TcpStream,
    pub events: TcpStream,
    transaction: u32,
}

/// What an operation brought.
#[derive(Debug)]
pub struct Reply {
    pub code: u16,
    pub parameters: Vec<u32>,
    pub promised: u64,
    pub data: Vec<u8>,
}

pub fn connect(camera: &Sim) -> TcpStream {
    let stream = TcpStream::connect(camera.address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

pub fn read(stream: &mut TcpStream) -> io::Result<Packet> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header)?;
    let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let (length, kind) = body_length(header).map_err(wrong)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Packet::parse(kind, &body).map_err(wrong)
}

/// Asks for the camera; `None` when it is taken.
pub fn ask(camera: &Sim) -> Option<(TcpStream, u32)> {
    let mut commands = connect(camera);
    let hello = Packet::InitCommandRequest { guid: [1; 16], name: "test".to_owned() };
    commands.write_all(&hello.encode()).unwrap();
    match read(&mut commands).unwrap() {
        Packet::InitCommandAck { connection, .. } => Some((commands, connection)),
        Packet::InitFail { .. } => None,
        other => panic!("{other:?}"),
    }
}

impl Client {
    /// Connects and goes through Sony's handshake.
    pub fn open(camera: &Sim) -> Self {
        let (commands, connection) = ask(camera).expect("the camera is free");
        let mut events = connect(camera);
        events.write_all(&Packet::InitEventRequest { connection }.encode()).unwrap();
        assert_eq!(read(&mut events).unwrap(), Packet::InitEventAck);
        let mut client = Self { commands, events, transaction: 0 };
        client.run(op::OPEN_SESSION, &[1]);
        for step in 1..=3 {
            client.run(op::SDIO_CONNECT, &[step, 0, 0]);
        }
        client
    }

    /// An operation without data of ours.
    pub fn run(&mut self, code: u16, parameters: &[u32]) -> Reply {
        self.try_run(code, parameters).unwrap()
    }

    pub fn try_run(&mut self, code: u16, parameters: &[u32]) -> io::Result<Reply> {
        self.ask(code, parameters, false)?;
        self.reply()
    }

    /// An operation with data of ours.
    pub fn send(&mut self, code: u16, parameters: &[u32], data: &[u8]) -> Reply {
        self.ask(code, parameters, true).unwrap();
        let (transaction, total) = (self.transaction, data.len() as u64);
        let start = Packet::StartData { transaction, total };
        let end = Packet::EndData { transaction, bytes: data.to_vec() };
        self.commands.write_all(&[start.encode(), end.encode()].concat()).unwrap();
        self.reply().unwrap()
    }

    fn ask(&mut self, code: u16, parameters: &[u32], sends_data: bool) -> io::Result<()> {
        self.transaction += 1;
        let (transaction, parameters) = (self.transaction, parameters.to_vec());
        let request = Packet::Request(Request { sends_data, code, transaction, parameters });
        self.commands.write_all(&request.encode())
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let (mut promised, mut data) = (0, Vec::new());
        loop {
            match read(&mut self.commands)? {
                Packet::StartData { total, .. } => promised = total,
                Packet::Data { bytes, .. } | Packet::EndData { bytes, .. } => data.extend(bytes),
                Packet::Response(Notice { code, parameters, .. }) => {
                    return Ok(Reply { code, parameters, promised, data });
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next event: code and first parameter.
    pub fn event(&mut self) -> (u16, u32) {
        match read(&mut self.events).unwrap() {
            Packet::Event(event) => (event.code, event.parameters[0]),
            other => panic!("{other:?}"),
        }
    }
}
