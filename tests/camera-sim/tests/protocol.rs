//! What the camera does with clients that ask more, or worse, than gphoto2.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

mod client;

use std::io::{Read as _, Write as _};

use client::{Client, DEADLINE, ask, connect};
use watchpost_camera_sim::packet::codes::{
    control, event, object, operation as op, property, response as rc,
};
use watchpost_camera_sim::packet::{ObjectInfo, Reader, parse_table};
use watchpost_camera_sim::{Fault, Options, Sim};

fn camera() -> Sim {
    Sim::start(Options::default()).unwrap()
}

fn numbers(data: &[u8]) -> Vec<u32> {
    Reader::new("numbers", data).u32s().unwrap()
}

#[test]
fn a_capture_is_told_in_the_order_of_a_body() {
    let camera = camera();
    let mut client = Client::open(&camera);
    let press = |client: &mut Client, key: u16, to: u16| {
        let reply = client.send(op::SDIO_CONTROL_DEVICE, &[u32::from(key)], &to.to_le_bytes());
        assert_eq!(reply.code, rc::OK);
    };
    press(&mut client, control::HALF_PRESS, control::DOWN);
    press(&mut client, control::SHUTTER, control::DOWN);
    let changed = |code: u16| (event::PROPERTY_CHANGED, u32::from(code));
    assert_eq!(client.event(), changed(property::FOCUS_FOUND));
    assert_eq!(client.event(), changed(property::OBJECT_IN_MEMORY));
    assert_eq!(client.event(), (event::OBJECT_ADDED, object::IN_MEMORY));
    press(&mut client, control::SHUTTER, control::UP);
    press(&mut client, control::HALF_PRESS, control::UP);
    assert_eq!(client.event(), changed(property::FOCUS_FOUND));
    assert_eq!(client.run(op::GET_OBJECT, &[object::IN_MEMORY]).data, *camera.stills()[0].bytes);
    assert_eq!(client.event(), changed(property::OBJECT_IN_MEMORY));
}

#[test]
fn the_cards_are_open_only_while_contents_transfer_is_on() {
    let camera = camera();
    let mut client = Client::open(&camera);
    let everything = [object::ALL, 0, 0];
    let closed = client.run(op::GET_OBJECT_HANDLES, &everything);
    assert!(numbers(&closed.data).is_empty());
    client.run(op::SDIO_SET_CONTENTS_TRANSFER_MODE, &[2, 1, 0]);
    let files = camera.card_files();
    let handles = numbers(&client.run(op::GET_OBJECT_HANDLES, &everything).data);
    // Two folders on each card come along.
    assert_eq!(handles.len(), files.len() + 4);
    for file in &files {
        let info = client.run(op::GET_OBJECT_INFO, &[file.handle]);
        let info = ObjectInfo::parse(&info.data).unwrap();
        let expected = (file.still.name.as_str(), file.still.bytes.len() as u32);
        assert_eq!((info.name.as_str(), info.size), expected);
        assert_eq!(client.run(op::GET_THUMB, &[file.handle]).data, *file.still.thumb);
    }
    client.run(op::SDIO_SET_CONTENTS_TRANSFER_MODE, &[2, 0, 0]);
    let after = client.run(op::GET_OBJECT_INFO, &[files[0].handle]);
    assert_eq!(after.code, rc::INVALID_OBJECT_HANDLE);
}

#[test]
fn a_file_comes_whole_in_parts_by_both_operations() {
    let camera = camera();
    let mut client = Client::open(&camera);
    client.run(op::SDIO_SET_CONTENTS_TRANSFER_MODE, &[2, 1, 0]);
    let files = camera.card_files();
    let raw = files.iter().find(|file| file.still.is_raw).unwrap();
    for is_large in [false, true] {
        let mut whole = Vec::new();
        while whole.len() < raw.still.bytes.len() {
            let offset = whole.len() as u32;
            let part = match is_large {
                false => client.run(op::GET_PARTIAL_OBJECT, &[raw.handle, offset, 1_000_000]),
                true => client
                    .run(op::SDIO_GET_PARTIAL_LARGE_OBJECT, &[raw.handle, offset, 0, 1_000_000]),
            };
            assert_eq!(part.parameters, [part.data.len() as u32]);
            whole.extend(part.data);
        }
        assert_eq!(whole, *raw.still.bytes);
    }
}

#[test]
fn the_camera_serves_one_host_at_a_time() {
    let camera = camera();
    let client = Client::open(&camera);
    assert!(ask(&camera).is_none());
    drop(client);
    assert!(camera.wait_for_host(DEADLINE, false));
    Client::open(&camera);
}

#[test]
fn a_wrong_length_promises_more_than_comes_and_a_truncated_file_less() {
    let camera = camera();
    let mut client = Client::open(&camera);
    client.run(op::SDIO_SET_CONTENTS_TRANSFER_MODE, &[2, 1, 0]);
    let file = &camera.card_files()[0];
    let length = file.still.bytes.len();
    camera.inject(Fault::WrongLength);
    let wrong = client.run(op::GET_OBJECT, &[file.handle]);
    assert_eq!((wrong.data.len(), wrong.promised), (length, length as u64 + 4096));
    camera.inject(Fault::TruncatedObject);
    let short = client.run(op::GET_OBJECT, &[file.handle]);
    assert_eq!((short.data.len(), short.promised), (length / 2, length as u64 / 2));
    assert_eq!(client.run(op::GET_OBJECT, &[file.handle]).data, *file.still.bytes);
}

#[test]
fn a_storm_is_heard_and_the_table_goes_on_being_answered() {
    let camera = camera();
    let mut client = Client::open(&camera);
    camera.inject(Fault::PropertyStorm(1000));
    assert!((0..200).all(|_| client.event().0 == event::PROPERTY_CHANGED));
    let table = client.run(op::SDIO_GET_ALL_EXT_DEVICE_PROP_INFO, &[]);
    assert!(parse_table(&table.data).unwrap().len() > 30);
}

#[test]
fn a_hostile_camera_sends_other_bytes_than_a_good_one() {
    let camera = camera();
    let mut client = Client::open(&camera);
    let table = |client: &mut Client| {
        let asked = std::panic::AssertUnwindSafe(|| {
            client.run(op::SDIO_GET_ALL_EXT_DEVICE_PROP_INFO, &[]).data
        });
        std::panic::catch_unwind(asked).ok()
    };
    let good = table(&mut client);
    camera.inject(Fault::Hostile(7));
    assert!((0..8).any(|_| table(&mut client) != good));
}

#[test]
fn zoom_moves_while_it_has_speed_and_af_areas_outside_the_picture_are_refused() {
    let camera = camera();
    let mut client = Client::open(&camera);
    let work = |client: &mut Client, code: u16, data: &[u8]| {
        client.send(op::SDIO_CONTROL_DEVICE, &[u32::from(code)], data).code
    };
    assert_eq!(work(&mut client, control::ZOOM, &[4]), rc::OK);
    for _ in 0..2 {
        assert_eq!(client.event(), (event::PROPERTY_CHANGED, u32::from(property::ZOOM)));
    }
    assert_eq!(work(&mut client, control::ZOOM, &[0]), rc::OK);
    let area = |x: u32, y: u32| (x << 16 | y).to_le_bytes();
    assert_eq!(work(&mut client, control::AF_AREA, &area(320, 240)), rc::OK);
    assert_eq!(work(&mut client, control::AF_AREA, &area(640, 0)), rc::INVALID_DEVICE_PROP_VALUE);
    let expected = [(control::ZOOM, 4), (control::ZOOM, 0), (control::AF_AREA, 320 << 16 | 240)];
    assert_eq!(camera.actions(), expected);
}

#[test]
fn nonsense_ends_a_connection_and_nothing_else() {
    let camera = camera();
    let mut rng = fastrand::Rng::with_seed(4711);
    for _ in 0..50 {
        let mut nonsense = vec![0; rng.usize(1..200)];
        rng.fill(&mut nonsense);
        // A plausible length gets further.
        if rng.bool() && nonsense.len() >= 8 {
            let length = nonsense.len() as u32;
            nonsense[..4].copy_from_slice(&length.to_le_bytes());
            nonsense[4..8].copy_from_slice(&rng.u32(1..15).to_le_bytes());
        }
        let mut stream = connect(&camera);
        // The camera may hang up before it has heard everything.
        let _ = stream.write_all(&nonsense);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(camera.wait_for_host(DEADLINE, false));
    Client::open(&camera);
}
