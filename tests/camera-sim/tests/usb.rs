//! The camera over USB, with pairs of datagram sockets in place of the endpoints: they
//! keep transfers apart, as endpoints do.
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]
#![allow(clippy::disallowed_methods, reason = "the bans are the daemon's")]

use std::io::{self, Read, Write};
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;

use watchpost_camera_sim::packet::DeviceInfo;
use watchpost_camera_sim::packet::codes::{event, object, operation as op, response as rc};
use watchpost_camera_sim::usb::{Container, serve};
use watchpost_camera_sim::{Options, Sim};

/// Much longer than anything takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// One transfer for each read and write.
struct Endpoint(UnixDatagram);

impl Endpoint {
    fn pair() -> (Self, Self) {
        let (near, far) = UnixDatagram::pair().unwrap();
        near.set_read_timeout(Some(DEADLINE)).unwrap();
        (Self(near), Self(far))
    }

    fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }
}

impl Read for Endpoint {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buffer)
    }
}

impl Write for Endpoint {
    fn write(&mut self, transfer: &[u8]) -> io::Result<usize> {
        self.0.send(transfer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Host {
    bulk: Endpoint,
    interrupt: Endpoint,
    transaction: u32,
}

impl Host {
    fn plug_in(camera: &Sim) -> Self {
        let (bulk, theirs) = Endpoint::pair();
        let (interrupt, events) = Endpoint::pair();
        let address = camera.address();
        let (mut out, mut into) = (theirs.try_clone().unwrap(), theirs);
        thread::spawn(move || serve(address, &mut out, &mut into, || events.try_clone()));
        Self { bulk, interrupt, transaction: 0 }
    }

    fn ask(&mut self, code: u16, parameters: &[u32], data: Option<&[u8]>) -> (Vec<u8>, u16) {
        self.transaction += 1;
        let transaction = self.transaction;
        let payload = parameters.iter().flat_map(|number| number.to_le_bytes()).collect();
        Container { kind: 1, code, transaction, payload }.write(&mut self.bulk).unwrap();
        if let Some(data) = data {
            let payload = data.to_vec();
            Container { kind: 2, code, transaction, payload }.write(&mut self.bulk).unwrap();
        }
        let mut brought = Vec::new();
        loop {
            let answer = Container::read(&mut self.bulk).unwrap();
            assert_eq!(answer.transaction, transaction);
            match answer.kind {
                2 => brought = answer.payload,
                _ => return (brought, answer.code),
            }
        }
    }
}

#[test]
fn a_host_at_the_cable_takes_a_photograph_and_fetches_it() {
    let camera = Sim::start(Options::default()).unwrap();
    let mut host = Host::plug_in(&camera);

    let (info, code) = host.ask(op::GET_DEVICE_INFO, &[], None);
    assert_eq!(code, rc::OK);
    assert_eq!(DeviceInfo::parse(&info).unwrap().model, "ILCE-7M4");
    assert_eq!(host.ask(op::OPEN_SESSION, &[1], None).1, rc::OK);
    for step in 1..=3 {
        assert_eq!(host.ask(op::SDIO_CONNECT, &[step, 0, 0], None).1, rc::OK);
    }
    // Half a press, then the whole of it.
    for control in [0xD2C1, 0xD2C2] {
        let (_, code) = host.ask(op::SDIO_CONTROL_DEVICE, &[control], Some(&[2, 0]));
        assert_eq!(code, rc::OK);
    }

    while Container::read(&mut host.interrupt).unwrap().code != event::OBJECT_ADDED {}
    let (picture, code) = host.ask(op::GET_OBJECT, &[object::IN_MEMORY], None);
    assert_eq!(code, rc::OK);
    assert_eq!(picture, camera.stills().last().unwrap().bytes.to_vec());
}

#[test]
fn a_host_may_begin_anew_at_any_time() {
    let camera = Sim::start(Options::default()).unwrap();
    let mut host = Host::plug_in(&camera);
    for session in 1..=3 {
        assert_eq!(host.ask(op::OPEN_SESSION, &[session], None).1, rc::OK);
        assert_eq!(host.ask(op::SDIO_CONNECT, &[1, 0, 0], None).1, rc::OK);
    }
    assert!(camera.unplug());
    assert_eq!(host.ask(op::SDIO_CONNECT, &[1, 0, 0], None).1, rc::GENERAL_ERROR);
    assert!(camera.plug_in());
    assert_eq!(host.ask(op::OPEN_SESSION, &[4], None).1, rc::OK);
}
