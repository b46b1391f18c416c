use super::ip::{Notice, Packet, Request};
use super::*;

fn body(packet: &[u8]) -> (u32, &[u8]) {
    let header = packet[..ip::HEADER_BYTES].try_into().unwrap();
    let (length, kind) = ip::body_length(header).unwrap();
    assert_eq!(packet.len(), ip::HEADER_BYTES + length);
    (kind, &packet[ip::HEADER_BYTES..])
}

#[test]
fn every_packet_survives_the_way_through_bytes() {
    let notice = Notice { code: 0x2001, transaction: 7, parameters: vec![1, 2] };
    let request =
        Request { sends_data: true, code: 0x9207, transaction: 7, parameters: vec![0xD2C1] };
    for packet in [
        Packet::InitCommandRequest { guid: [7; 16], name: "box".to_owned() },
        Packet::InitCommandAck { connection: 3, guid: [9; 16], name: "ILCE-7M4".to_owned() },
        Packet::InitEventRequest { connection: 3 },
        Packet::InitEventAck,
        Packet::InitFail { reason: 2 },
        Packet::Request(request),
        Packet::Response(notice.clone()),
        Packet::Event(notice),
        Packet::StartData { transaction: 7, total: 1 << 33 },
        Packet::Data { transaction: 7, bytes: vec![1, 2, 3] },
        Packet::Cancel { transaction: 7 },
        Packet::EndData { transaction: 7, bytes: Vec::new() },
        Packet::Ping,
        Packet::Pong,
    ] {
        let bytes = packet.encode();
        let (kind, body) = body(&bytes);
        assert_eq!(Packet::parse(kind, body), Ok(packet));
    }
}

#[test]
fn a_header_that_promises_too_much_or_too_little_is_refused() {
    for length in [0_u32, 7, ip::PACKET_BYTES_MAX as u32 + 1, u32::MAX] {
        let mut header = [0; ip::HEADER_BYTES];
        header[..4].copy_from_slice(&length.to_le_bytes());
        assert!(ip::body_length(header).is_err(), "{length}");
    }
}

#[test]
fn datasets_survive_the_way_through_bytes() {
    let device = DeviceInfo {
        extension: 0x11,
        operations: vec![0x1001, 0x9201],
        model: "ILCE-7M4".to_owned(),
        serial: "Ünïcode".to_owned(),
        ..DeviceInfo::default()
    };
    assert_eq!(DeviceInfo::parse(&device.encode()), Ok(device));
    let extension =
        ExtensionInfo { version: 200, properties: vec![0xD21E], controls: vec![0xD2C1] };
    assert_eq!(ExtensionInfo::parse(&extension.encode()), Ok(extension));
    let storage = StorageInfo { capacity: 1 << 40, label: "A".to_owned(), ..Default::default() };
    assert_eq!(StorageInfo::parse(&storage.encode()), Ok(storage));
    let object = ObjectInfo {
        size: 4711,
        size_px: (768, 576),
        name: "DSC00001.JPG".to_owned(),
        created: "20261122T120000".to_owned(),
        ..Default::default()
    };
    assert_eq!(ObjectInfo::parse(&object.encode()), Ok(object));
}

#[test]
fn a_property_table_survives_the_way_through_bytes() {
    let number = |n: i64| Value::from(n);
    let property = |kind, current, form| PropertyInfo {
        code: 0xD21E,
        kind,
        is_writable: true,
        enabled: 1,
        default: Value::from(0),
        current,
        form,
    };
    let text = Value::Text("f/5.6".to_owned());
    let table = [
        property(DataType::U32, number(400), Form::Choices(vec![number(100), number(400)])),
        property(DataType::I16, number(-700), Form::Range(number(-5000), number(5000), number(1))),
        property(DataType::I8, number(-1), Form::Free),
        PropertyInfo { default: text.clone(), ..property(DataType::Text, text, Form::Free) },
    ];
    assert_eq!(parse_table(&write_table(table.iter())), Ok(table.to_vec()));
}

#[test]
fn a_table_that_promises_more_properties_than_it_has_bytes_is_refused_at_once() {
    let mut bytes = u64::MAX.to_le_bytes().to_vec();
    bytes.extend([0; 64]);
    assert!(parse_table(&bytes).is_err());
}

#[test]
fn a_string_beyond_its_count_byte_is_cut() {
    let mut w = Writer::new();
    w.string(&"x".repeat(1000));
    assert_eq!(Reader::new("text", &w.into_bytes()).string().unwrap().len(), 254);
}
