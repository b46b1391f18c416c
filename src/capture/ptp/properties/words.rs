//! Words for the values of properties: the SDK API's own where it has one.
//!
//! The numbers are those of PTP (ISO 15740 section 13) and of Sony's extension as
//! `config.c` of libgphoto2 2.5.30 lists them. The API calls such values opaque:
//! what a camera offers is what it takes.

type Words = &'static [(i64, &'static str)];

pub(super) const DRIVE: Words = &[
    (0x0001, "single"),
    (0x0002, "continuous-hi"),
    (0x8010, "continuous-hi-plus"),
    (0x8015, "continuous-mid"),
    (0x8012, "continuous-lo"),
    (0x0003, "timelapse"),
    (0x8005, "timer-2s"),
    (0x8003, "timer-5s"),
    (0x8004, "timer-10s"),
];

pub(super) const WHITE_BALANCE: Words = &[
    (0x0002, "auto"),
    (0x0004, "daylight"),
    (0x8011, "shadow"),
    (0x8010, "cloudy"),
    (0x0006, "tungsten"),
    (0x0005, "fluorescent"),
    (0x8001, "fluorescent-warm-white"),
    (0x8002, "fluorescent-cool-white"),
    (0x8003, "fluorescent-day-white"),
    (0x8004, "fluorescent-daylight"),
    (0x0007, "flash"),
    (0x8012, "color-temp"),
    (0x8020, "custom-1"),
    (0x8021, "custom-2"),
    (0x8022, "custom-3"),
    (0x8030, "underwater-auto"),
];

pub(super) const FOCUS_MODE: Words = &[
    (0x0001, "mf"),
    (0x0002, "af-s"),
    (0x8004, "af-c"),
    (0x8005, "af-a"),
    (0x8006, "dmf"),
    (0x8007, "pf"),
];

pub(super) const PROGRAM: Words = &[
    (0x0001, "m"),
    (0x0002, "p"),
    (0x0003, "a"),
    (0x0004, "s"),
    (0x0007, "portrait"),
    (0x8000, "auto"),
    (0x8001, "auto-plus"),
    (0x8011, "sports"),
    (0x8012, "sunset"),
    (0x8013, "night"),
    (0x8014, "landscape"),
    (0x8015, "macro"),
    (0x8050, "movie-p"),
    (0x8051, "movie-a"),
    (0x8052, "movie-s"),
    (0x8053, "movie-m"),
];

pub(super) const FILE_FORMAT: Words =
    &[(1, "raw"), (2, "raw+jpeg"), (3, "jpeg"), (4, "raw+heif"), (5, "heif")];

pub(super) const QUALITY: Words = &[(1, "light"), (2, "standard"), (3, "fine"), (4, "extra fine")];

pub(super) const FOCUS_AREA: Words = &[
    (0x0001, "wide"),
    (0x0002, "zone"),
    (0x0003, "center"),
    (0x0101, "flexible-spot-s"),
    (0x0102, "flexible-spot-m"),
    (0x0103, "flexible-spot-l"),
    (0x0104, "expand-flexible-spot"),
];

pub(super) const RECORDING: Words = &[(0, "not-recording"), (1, "recording"), (2, "failed")];

pub(super) const OVERHEATING: Words = &[(0, "none"), (1, "pre-overheating"), (2, "overheating")];

pub(super) const OFF_ON: Words = &[(0, "off"), (1, "on")];

pub(super) const SLOT: Words = &[(1, "ok"), (2, "no-card"), (3, "card-error")];

pub(super) const METERING: Words = &[
    (0x0001, "average"),
    (0x0002, "center-weighted"),
    (0x0003, "multi"),
    (0x0004, "spot"),
    (0x8001, "multi"),
    (0x8002, "center"),
    (0x8003, "entire-screen"),
    (0x8004, "spot-standard"),
    (0x8005, "spot-large"),
    (0x8006, "highlight"),
];

pub(super) const LOCK: Words = &[(1, "unlocked"), (2, "locked")];

pub(super) const FLASH: Words = &[
    (0x0001, "auto"),
    (0x0002, "off"),
    (0x0003, "fill"),
    (0x8003, "rear-sync"),
    (0x8004, "wireless"),
    (0x8032, "slow-sync"),
];

pub(super) const IMAGE_SIZE: Words = &[(1, "large"), (2, "medium"), (3, "small")];

pub(super) const ASPECT: Words = &[(1, "3:2"), (2, "16:9"), (3, "4:3"), (4, "1:1")];
