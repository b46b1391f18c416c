//! PTP cameras in mode remote: real libgphoto2 against a simulated camera, through
//! the supervisor and the command queue that clients use.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/cameras.rs"]
mod cameras;
#[path = "support/ptp.rs"]
mod ptp;

use std::sync::atomic::Ordering;

use ptp::{Rig, notice_word};
use watchpost::capture::control::{
    Action, Command, ConnectionMode, ControlError, Press, PriorityKey, Pull, Rendition, Setting,
    StillNaming,
};
use watchpost::domain::{AfState, CameraNotice, CameraState};
use watchpost_camera_sim::{Fault, Sim};

fn set(name: &str, value: i64) -> Setting {
    Setting { name: name.to_owned(), value }
}

#[test]
fn a_configured_camera_connects_by_itself_and_its_live_view_is_video_for_the_detector() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.apply(vec![ptp::camera("studio", &sim)]);

    assert_eq!(rig.wait("studio"), CameraNotice::Connected { model: "ILCE-7M4".to_owned() });
    let frames = rig.bench.album("studio").wait_for(5);
    assert!(frames.iter().all(|frame| frame.size_px.0 >= 320), "{:?}", frames[0].size_px);
    assert_eq!(rig.control("studio").status().mode, Some(ConnectionMode::Remote));
    assert!(rig.control("studio").status().is_live_view_streaming);
    rig.bench.finish();
}

#[test]
fn one_press_of_the_shutter_is_told_in_the_documented_order_and_the_still_is_on_the_disk() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.connect("studio", &sim);

    rig.ask("studio", |reply| Command::Act(Action::Shutter(Press::Once), reply)).unwrap();

    assert_eq!(rig.wait("studio"), CameraNotice::AfStatus(AfState::Focused));
    let captured = rig.wait("studio");
    assert!(matches!(captured, CameraNotice::Warning { code: 0x20011, .. }), "{captured:?}");
    let path = rig.wait_download("studio");
    assert_eq!(rig.wait("studio"), CameraNotice::AfStatus(AfState::Unlocked));
    assert!(path.ends_with("stills/studio/DSC00001.JPG"), "{}", path.display());
    assert_eq!(std::fs::read(&path).unwrap(), *sim.stills()[0].bytes);

    rig.ask("studio", |reply| Command::Act(Action::AfShutter, reply)).unwrap();
    assert!(rig.wait_download("studio").ends_with("DSC00002.JPG"), "no name is used twice");
    rig.bench.finish();
}

#[test]
fn a_still_is_shown_to_the_detector_as_a_frame_even_without_live_view() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.connect("studio", &sim);
    rig.ask("studio", |reply| Command::LiveView(false, reply)).unwrap();
    assert!(!rig.control("studio").status().is_live_view_streaming);
    rig.bench.album("studio").clear();

    rig.ask("studio", |reply| Command::Act(Action::Shutter(Press::Once), reply)).unwrap();
    rig.wait_download("studio");

    let frames = rig.bench.album("studio").wait_for(1);
    assert_eq!(frames.len(), 1, "the live view is off");
    rig.bench.finish();
}

#[test]
fn properties_carry_the_sdks_numbers_and_a_change_is_told_with_its_code() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.connect("studio", &sim);

    let all = rig.ask("studio", Command::Properties).unwrap();
    let find = |name: &str| all.iter().find(|property| property.name == name).unwrap();
    assert_eq!(find("aperture").label, format!("f/{}", find("aperture").value as f64 / 100.0));
    assert!(!find("battery-remain").is_writable);
    let iso = find("iso").clone();
    let other = iso.choices.iter().find(|choice| choice.value != iso.value).unwrap().value;

    let done = rig.ask("studio", |reply| Command::Set(set("iso", other), reply)).unwrap();

    assert_eq!(done.value, other);
    assert_eq!(rig.wait_codes("studio"), [0x104]);
    let read = rig.ask("studio", |reply| Command::Property("iso".to_owned(), reply)).unwrap();
    assert_eq!(read.value, other);

    for name in ["aperture", "shutter-speed", "white-balance", "still-image-store-destination"] {
        let now = rig.ask("studio", |reply| Command::Property(name.to_owned(), reply)).unwrap();
        let other = now.choices.iter().find(|choice| choice.value != now.value).unwrap().value;
        let done = rig.ask("studio", |reply| Command::Set(set(name, other), reply)).unwrap();
        assert_eq!(done.value, other, "{name}");
    }
    rig.bench.finish();
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.connect("studio", &sim);
    let refusal = |setting| rig.ask("studio", |reply| Command::Set(setting, reply)).unwrap_err();
    assert!(matches!(refusal(set("iso", 7)), ControlError::NotAvailable(_)));
    assert!(matches!(refusal(set("battery-remain", 7)), ControlError::NotWritable(_)));
    assert!(matches!(refusal(set("iris", 7)), ControlError::Unknown(_)));
    let zoom = rig.ask("studio", |reply| Command::Act(Action::Zoom(4), reply));
    assert!(matches!(zoom, Err(ControlError::Unsupported(_))));

    let manual = rig.ask("studio", |reply| Command::Set(set("focus-mode", 1), reply));
    assert_eq!(manual.unwrap().label, "mf");
    let focus = rig.ask("studio", |reply| Command::Act(Action::AfShutter, reply));
    assert_eq!(focus, Err(ControlError::ManualFocus));
    rig.ask("studio", |reply| Command::Act(Action::FocusNearFar(-3), reply)).unwrap();
    assert!(sim.actions().contains(&(0xD2D1, -3)), "{:?}", sim.actions());
    rig.bench.finish();
}

#[test]
fn the_keys_of_the_body_are_pressed_as_asked() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.connect("studio", &sim);
    let act = |action| rig.ask("studio", |reply| Command::Act(action, reply)).unwrap();

    act(Action::HalfPress);
    assert_eq!(rig.wait("studio"), CameraNotice::AfStatus(AfState::Focused));
    assert_eq!(rig.wait("studio"), CameraNotice::AfStatus(AfState::Unlocked));
    act(Action::MovieRecord);
    let state = rig.ask("studio", |reply| Command::Property("recording-state".into(), reply));
    assert_eq!(state.unwrap().label, "recording");
    act(Action::MovieRecord);
    let state = rig.ask("studio", |reply| Command::Property("recording-state".into(), reply));
    assert_eq!(state.unwrap().label, "not-recording");
    act(Action::Shutter(Press::Down));
    act(Action::Shutter(Press::Up));
    rig.wait_download("studio");

    assert_eq!(rig.ask("studio", Command::PriorityKey), Ok(PriorityKey::PcRemote));
    let camera = PriorityKey::CameraPosition;
    rig.ask("studio", |reply| Command::SetPriorityKey(camera, reply)).unwrap();
    assert_eq!(rig.ask("studio", Command::PriorityKey), Ok(camera));
    rig.bench.finish();
}

#[test]
fn a_still_that_stays_on_the_card_is_not_downloaded() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.connect("studio", &sim);
    let card = set("still-image-store-destination", 2);
    rig.ask("studio", |reply| Command::Set(card, reply)).unwrap();

    rig.ask("studio", |reply| Command::Act(Action::Shutter(Press::Once), reply)).unwrap();

    let words = rig.words_until("studio", "afStatus unlocked");
    assert!(words.contains(&"warning 20011".to_owned()), "{words:?}");
    assert!(!words.iter().any(|word| word.starts_with("downloadComplete")), "{words:?}");
    assert!(sim.wait_until(cameras::LIMIT, |stats| stats.taken >= 1));
    rig.bench.finish();
}

#[test]
fn a_pulled_cable_is_told_and_the_camera_is_back_by_itself_when_it_is_plugged_in() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.connect("studio", &sim);

    sim.unplug();
    let lost = rig.wait("studio");
    assert!(matches!(lost, CameraNotice::Disconnected { code, .. } if code != 0), "{lost:?}");
    assert_eq!(rig.wait("studio"), CameraNotice::Reconnecting);
    let refused = rig.ask("studio", Command::Properties);
    assert_eq!(refused, Err(ControlError::NotConnected));
    sim.plug_in();

    let words = rig.words_until("studio", "reconnected");
    assert!(words.contains(&"connected".to_owned()), "{words:?}");
    rig.ask("studio", Command::Properties).unwrap();
    rig.bench.finish();
}

#[test]
fn a_client_connects_and_disconnects_a_camera_that_waits_for_it() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    let mut camera = ptp::camera("studio", &sim);
    camera.autoconnect = false;
    rig.apply(vec![camera]);
    rig.bench.wait_state("studio", CameraState::Offline);
    assert_eq!(rig.ask("studio", Command::Properties), Err(ControlError::NotConnected));

    let mode = ConnectionMode::Remote;
    let ask = || rig.ask("studio", |reply| Command::Connect { mode, is_kept: false, reply });
    ask().unwrap();
    assert!(matches!(rig.wait("studio"), CameraNotice::Connected { .. }));
    ask().expect("connecting twice is no fault");
    rig.ask("studio", Command::Disconnect).unwrap();
    let ended = rig.wait("studio");
    assert!(matches!(ended, CameraNotice::Disconnected { code: 0, .. }), "{ended:?}");
    assert!(!rig.control("studio").status().is_connected());
    rig.ask("studio", Command::Disconnect).expect("nor is disconnecting twice");

    sim.unplug();
    let refused = ask().unwrap_err();
    assert!(matches!(&refused, ControlError::Refused { code: 0x8201, .. }), "{refused:?}");
    sim.plug_in();
    ask().unwrap();
    rig.bench.finish();
}

#[test]
fn a_full_disk_is_named_and_leaves_no_half_file() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.connect("studio", &sim);
    rig.free_bytes.store(10, Ordering::Relaxed);

    rig.ask("studio", |reply| Command::Act(Action::Shutter(Press::Once), reply)).unwrap();

    let words = rig.words_until("studio", "error");
    assert!(words.last().unwrap().contains("no space left"), "{words:?}");
    assert_eq!(rig.files("studio"), [] as [&str; 0]);
    rig.words_until("studio", "afStatus unlocked");
    rig.free_bytes.store(u64::MAX, Ordering::Relaxed);
    rig.ask("studio", |reply| Command::Act(Action::Shutter(Press::Once), reply)).unwrap();
    rig.wait_download("studio");
    rig.bench.finish();
}

#[test]
fn a_client_names_the_stills() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.connect("studio", &sim);
    let directory = rig.root.path().join("elsewhere");
    std::fs::create_dir(&directory).unwrap();
    let naming = StillNaming { directory, prefix: "ROLL".to_owned(), start: Some(7) };
    rig.ask("studio", |reply| Command::NameStills(naming, reply)).unwrap();
    rig.ask("studio", |reply| Command::Act(Action::Shutter(Press::Once), reply)).unwrap();
    assert!(rig.wait_download("studio").ends_with("elsewhere/ROLL00007.JPG"));
    rig.bench.finish();
}

#[test]
fn faults_of_one_camera_end_its_session_and_touch_no_other() {
    let mut rig = Rig::new(&["well", "ill"]);
    let (well, ill) = (Sim::start(ptp::fast()).unwrap(), Sim::start(ptp::fast()).unwrap());
    rig.apply(vec![ptp::camera("well", &well), ptp::camera("ill", &ill)]);
    rig.bench.album("ill").wait_for(1);
    let session = rig.bench.album("well").wait_for(1)[0].meta.session;

    for fault in [Fault::Stall, Fault::Busy] {
        ill.inject(fault);
        rig.bench.album("well").clear();
        rig.bench.album("well").wait_for(10);
        ill.clear_faults();
        // Whatever it did to the camera, it is well again afterwards.
        rig.bench.album("ill").clear();
        rig.bench.album("ill").wait_for(3);
    }

    let shots = rig.bench.album("well").shots();
    assert!(shots.iter().all(|shot| shot.meta.session == session), "the other went on");
    rig.bench.finish();
}

#[test]
fn a_transfer_that_breaks_off_leaves_no_half_file_and_the_next_still_arrives() {
    for fault in [Fault::MidTransferDisconnect, Fault::TruncatedObject] {
        let mut rig = Rig::new(&["studio"]);
        let sim = Sim::start(ptp::fast()).unwrap();
        rig.connect("studio", &sim);
        sim.inject(fault);
        // The press itself may be told that the camera is gone.
        let _ = rig.ask("studio", |reply| Command::Act(Action::Shutter(Press::Once), reply));
        rig.words_until_any("studio", &["error", "reconnected"]);
        rig.shoot_until_it_works("studio");
        let whole: Vec<_> = sim.stills().iter().map(|still| still.bytes.to_vec()).collect();
        for name in rig.files("studio") {
            let bytes = std::fs::read(rig.root.path().join("stills/studio").join(&name)).unwrap();
            assert!(whole.contains(&bytes), "{name} after {fault:?}");
        }
        rig.bench.finish();
    }
}

#[test]
fn a_storm_of_changes_is_told_in_few_words_and_commands_still_get_through() {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    rig.connect("studio", &sim);
    sim.inject(Fault::PropertyStorm(1000));
    let told = rig.wait_codes("studio");
    assert!(told.iter().all(|code| [0x709, 0x70a, 0x710].contains(code)), "{told:x?}");
    for _ in 0..5 {
        rig.ask("studio", Command::Properties).unwrap();
    }
    rig.ask("studio", |reply| Command::Act(Action::HalfPress, reply)).unwrap();
    rig.words_until("studio", &notice_word(&CameraNotice::AfStatus(AfState::Focused)));
    rig.bench.finish();
}

/// A camera that waits for its card to be read, and a directory to read it to.
fn card_rig(mode: ConnectionMode) -> (Rig, Sim, Pull) {
    let mut rig = Rig::new(&["studio"]);
    let sim = Sim::start(ptp::fast()).unwrap();
    let mut camera = ptp::camera("studio", &sim);
    camera.mode = mode;
    rig.apply(vec![camera]);
    rig.words_until("studio", "connected");
    let directory = rig.root.path().join("card");
    std::fs::create_dir(&directory).unwrap();
    let rendition = Rendition::Original;
    let pull = Pull { slot: 1, content: 0, file: 0, rendition, directory };
    (rig, sim, pull)
}

fn names(directory: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn in_transfer_mode_files_of_the_card_are_listed_and_fetched_byte_for_byte() {
    let (rig, sim, pull) = card_rig(ConnectionMode::RemoteTransfer);
    let files = rig.ask("studio", |reply| Command::Files(1, reply)).unwrap();
    let on_card: Vec<_> = sim.card_files().into_iter().filter(|file| file.slot == 1).collect();
    let paths: Vec<_> = on_card.iter().map(|file| file.path.clone()).collect();
    assert_eq!(files.iter().map(|file| file.path.clone()).collect::<Vec<_>>(), paths);
    assert_eq!(files[3].content, files[4].content, "RAW and JPEG are one content");
    assert!(rig.ask("studio", |reply| Command::Files(3, reply)).is_err());

    let wanted = Pull { content: files[4].content, file: files[4].file, ..pull.clone() };
    for _ in 0..2 {
        let wanted = wanted.clone();
        rig.ask("studio", |reply| Command::Pull(wanted, reply)).unwrap();
        rig.words_until("studio", "transferProgress 100");
    }
    let fetched = names(&pull.directory);
    assert_eq!(fetched.len(), 2, "nothing is overwritten: {fetched:?}");
    for name in &fetched {
        let bytes = std::fs::read(pull.directory.join(name)).unwrap();
        assert_eq!(bytes, *on_card[4].still.bytes, "{name}");
    }
    let thumb = Pull { rendition: Rendition::Thumbnail, ..wanted };
    rig.ask("studio", |reply| Command::Pull(thumb, reply)).unwrap();
    rig.words_until("studio", "transferProgress 100");
    rig.bench.finish();
}

#[test]
fn in_transfer_mode_the_camera_is_worked_too_and_its_stills_stay_on_the_card() {
    let (rig, sim, _) = card_rig(ConnectionMode::RemoteTransfer);
    let act = |action| rig.ask("studio", |reply| Command::Act(action, reply)).unwrap();
    act(Action::Zoom(4));
    act(Action::AfArea { x: 0.5, y: 0.5 });
    assert!(sim.actions().contains(&(0xD2DD, 4)), "{:?}", sim.actions());
    let done =
        rig.ask("studio", |reply| Command::Set(set("still-image-store-destination", 2), reply));
    assert_eq!(done.unwrap().value, 2);
    act(Action::AfShutter);
    assert!(sim.wait_until(cameras::LIMIT, |stats| stats.taken >= 1));
    rig.ask("studio", |reply| Command::LiveView(true, reply)).unwrap();
    rig.bench.album("studio").wait_for(3);
    rig.bench.finish();
}

#[test]
fn in_contents_mode_files_are_fetched_and_nothing_else_is_done() {
    let (rig, sim, pull) = card_rig(ConnectionMode::Contents);
    let files = rig.ask("studio", |reply| Command::Files(2, reply)).unwrap();
    assert!(files.iter().all(|file| file.file == 0));
    let shutter = rig.ask("studio", |reply| Command::Act(Action::HalfPress, reply));
    assert!(matches!(shutter, Err(ControlError::Unsupported(_))), "{shutter:?}");
    let wanted = Pull { slot: 2, content: files[0].content, ..pull.clone() };
    rig.ask("studio", |reply| Command::Pull(wanted, reply)).unwrap();
    rig.words_until("studio", "contentsTransfer complete");
    let name = names(&pull.directory).remove(0);
    let original = sim.card_files().into_iter().find(|file| file.slot == 2).unwrap();
    let bytes = std::fs::read(pull.directory.join(name)).unwrap();
    assert_eq!(bytes, *original.still.bytes);
    rig.bench.finish();
}

#[test]
fn a_card_transfer_that_breaks_off_or_does_not_fit_leaves_no_half_file() {
    let (rig, sim, pull) = card_rig(ConnectionMode::RemoteTransfer);
    let files = rig.ask("studio", |reply| Command::Files(1, reply)).unwrap();
    let wanted = Pull { content: files[0].content, file: files[0].file, ..pull.clone() };

    rig.free_bytes.store(10, Ordering::Relaxed);
    let full = wanted.clone();
    let refused = rig.ask("studio", |reply| Command::Pull(full, reply));
    assert!(matches!(refused, Err(ControlError::Disk(_))), "{refused:?}");
    rig.free_bytes.store(u64::MAX, Ordering::Relaxed);

    sim.inject(Fault::MidTransferDisconnect);
    rig.ask("studio", |reply| Command::Pull(wanted, reply)).unwrap();
    rig.words_until("studio", "error");
    assert_eq!(names(&pull.directory), [] as [&str; 0]);
    rig.words_until("studio", "reconnected");
    rig.bench.finish();
}

#[test]
fn a_hostile_camera_ends_its_session_with_a_reason_and_is_welcome_when_it_behaves() {
    let (rig, sim, _) = card_rig(ConnectionMode::RemoteTransfer);
    for seed in 1..=5 {
        sim.inject(Fault::Hostile(seed));
        // Whatever it answers: an answer comes, and nothing panics.
        let _ = rig.ask("studio", |reply| Command::Files(1, reply));
        let _ = rig.ask("studio", Command::Properties);
        sim.clear_faults();
    }
    rig.until_answered("studio", Command::Properties);
    rig.bench.finish();
}
