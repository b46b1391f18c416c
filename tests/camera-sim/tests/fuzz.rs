//! The bytes of PTP from a peer that lies: whatever comes, an answer or an error,
//! never a panic, and never more memory than the bytes are worth.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use watchpost_camera_sim::packet::ip::{Notice, Packet, Request, body_length};
use watchpost_camera_sim::packet::{
    DataType, DeviceInfo, ExtensionInfo, Form, ObjectInfo, PropertyInfo, Reader, StorageInfo,
    Value, parse_table, write_table,
};

/// Damaged copies of each good dataset.
const ROUNDS: u64 = 4000;

/// Good bytes of everything that is parsed.
fn good() -> Vec<Vec<u8>> {
    let device = DeviceInfo {
        operations: (0x1001..0x1020).collect(),
        model: "ILCE-7M4".to_owned(),
        serial: "0123456789".repeat(3),
        ..DeviceInfo::default()
    };
    let extension =
        ExtensionInfo { version: 200, properties: vec![0xD21E; 60], controls: vec![0xD2C1; 20] };
    let object = ObjectInfo { name: "DSC00001.JPG".to_owned(), ..ObjectInfo::default() };
    let storage = StorageInfo { description: "Slot 1".to_owned(), ..StorageInfo::default() };
    let choices = (0..30).map(Value::from).collect();
    let property = |kind, value: Value, form| PropertyInfo {
        code: 0xD21E,
        kind,
        is_writable: true,
        enabled: 1,
        default: value.clone(),
        current: value,
        form,
    };
    let table = [
        property(DataType::U32, Value::from(400), Form::Choices(choices)),
        property(DataType::Text, Value::Text("text".to_owned()), Form::Free),
        property(DataType::I64, Value::from(-1), Form::Free),
    ];
    let parameters = vec![1, 2, 3];
    let notice = Notice { code: 0x2001, transaction: 9, parameters: parameters.clone() };
    let request = Request { sends_data: true, code: 0x9207, transaction: 9, parameters };
    vec![
        device.encode(),
        extension.encode(),
        object.encode(),
        storage.encode(),
        write_table(table.iter()),
        Packet::Request(request).encode(),
        Packet::Response(notice).encode(),
        Packet::InitCommandRequest { guid: [7; 16], name: "a host".to_owned() }.encode(),
    ]
}

fn damage(bytes: &mut Vec<u8>, rng: &mut fastrand::Rng) {
    for _ in 0..rng.usize(1..8) {
        if bytes.is_empty() {
            bytes.push(rng.u8(..));
        }
        let at = rng.usize(..bytes.len());
        match rng.u8(..5) {
            0 => bytes[at] = rng.u8(..),
            1 => bytes[at] = 0xFF,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, rng.u8(..)),
            _ => {
                let count = rng.u32(..).to_le_bytes();
                let end = (at + count.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&count[..end - at]);
            }
        }
    }
}

/// Parses the bytes as everything they could be; gives the heap that was reserved
/// for numbers and values.
fn parse_all(bytes: &[u8]) -> usize {
    let mut reserved = 0;
    let mut count = |numbers: &Vec<u16>| reserved += numbers.capacity() * 2;
    if let Ok(info) = DeviceInfo::parse(bytes) {
        count(&info.operations);
        count(&info.properties);
    }
    if let Ok(info) = ExtensionInfo::parse(bytes) {
        count(&info.properties);
        count(&info.controls);
    }
    let _ = (ObjectInfo::parse(bytes), StorageInfo::parse(bytes));
    for property in parse_table(bytes).unwrap_or_default() {
        if let Form::Choices(choices) = property.form {
            reserved += choices.capacity() * size_of::<Value>();
        }
    }
    let mut reader = Reader::new("fuzz", bytes);
    let _ = (reader.string(), reader.u32s());
    if let Some(header) = bytes.first_chunk::<8>()
        && let Ok((_, kind)) = body_length(*header)
    {
        let _ = Packet::parse(kind, &bytes[8..]);
    }
    reserved
}

#[test]
fn damaged_bytes_never_panic_and_never_reserve_more_than_they_are_worth() {
    let good = good();
    for seed in 0..ROUNDS {
        let mut rng = fastrand::Rng::with_seed(seed);
        for bytes in &good {
            let mut bytes = bytes.clone();
            damage(&mut bytes, &mut rng);
            // A value takes 32 bytes where the wire has one; both kinds of table
            // may be read from the same bytes.
            let worth = bytes.len() * (size_of::<Value>() + 4);
            assert!(parse_all(&bytes) <= worth, "seed {seed}: {bytes:?}");
        }
    }
}

#[test]
fn every_beginning_of_good_bytes_is_answered_without_a_panic() {
    for bytes in good() {
        for end in 0..=bytes.len() {
            parse_all(&bytes[..end]);
        }
    }
}

#[test]
fn what_was_not_damaged_is_still_read() {
    let good = good();
    assert_eq!(DeviceInfo::parse(&good[0]).unwrap().model, "ILCE-7M4");
    assert_eq!(parse_table(&good[4]).unwrap().len(), 3);
}
