//! The camera over USB, with socket pairs in place of the endpoints.
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]
#![allow(clippy::disallowed_methods, reason = "the bans are the daemon's")]

use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use watchpost_camera_sim::packet::DeviceInfo;
use watchpost_camera_sim::packet::codes::{event, object, operation as op, response as rc};
use watchpost_camera_sim::usb::{Container, serve};
use watchpost_camera_sim::{Options, Sim};

/// Much longer than anything takes.
const DEADLINE: Duration = Duration::from_secs(60);

struct Host {
    bulk: UnixStream,
    interrupt: UnixStream,
    transaction: u32,
}

impl Host {
    fn plug_in(camera: &Sim) -> Self {
        let (bulk, theirs) = UnixStream::pair().unwrap();
        let (interrupt, events) = UnixStream::pair().unwrap();
        for stream in [&bulk, &interrupt] {
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
        }
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
            let answer = self.read();
            assert_eq!(answer.transaction, transaction);
            match answer.kind {
                2 => brought = answer.payload,
                _ => return (brought, answer.code),
            }
        }
    }

    /// A stream has no ends of transfers: container by container.
    fn read(&mut self) -> Container {
        read_one(&mut self.bulk)
    }
}

fn read_one(stream: &mut UnixStream) -> Container {
    use std::io::Read as _;
    let mut bytes = vec![0; 4];
    stream.read_exact(&mut bytes).unwrap();
    let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    bytes.resize(length, 0);
    stream.read_exact(&mut bytes[4..]).unwrap();
    Container::read(&mut bytes.as_slice()).unwrap()
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

    while read_one(&mut host.interrupt).code != event::OBJECT_ADDED {}
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
