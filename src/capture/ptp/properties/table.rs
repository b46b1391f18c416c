//! Which property of the camera SDK is which property of PTP.
//!
//! Names and codes are those of the camera SDK's API; codes that no public source
//! resolves are left out, and so are properties for which neither libgphoto2 nor
//! PTP has a place. PTP codes are those of ISO 15740 (5xxx) and of Sony's
//! extension (Dxxx), as `ptp.h` of libgphoto2 2.5.30 names them.

use super::words;

/// One property.
pub(super) struct Spec {
    /// Name in the API.
    pub name: &'static str,
    /// The camera SDK's code.
    pub code: u32,
    /// libgphoto2's name for the setting; empty when it has none.
    pub widget: &'static str,
    /// PTP codes; the first that a camera has counts.
    pub ptp: &'static [u16],
    /// What its values mean.
    pub meaning: Meaning,
}

impl Spec {
    /// Whether it only tells how things are: the SDK's codes from 0x700 on, and the
    /// focus distance. libgphoto2 takes every Sony property for writable.
    pub(super) fn is_status(&self) -> bool {
        self.code >= 0x700 || self.code == 0x149
    }
}

/// How PTP's numbers become the SDK's, and words.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    /// F-number times 100.
    Aperture,
    /// Numerator in the upper 16 bits, denominator in the lower; 0 is bulb.
    Shutter,
    /// The speed; 0xFFFFFF is automatic.
    Iso,
    /// Thousandths of an exposure value, 16 bit with sign.
    Exposure,
    /// Where stills go; the SDK counts 1, 2, 3.
    Destination,
    /// Dials or box; the SDK counts 1, 2.
    Priority,
    /// One of several, with words for the known ones.
    OneOf(&'static [(i64, &'static str)]),
    /// A number.
    Number,
}

use Meaning::{Aperture, Destination, Exposure, Iso, Number, OneOf, Priority, Shutter};

macro_rules! specs {
    ($($name:literal = $code:literal, $widget:literal, [$($ptp:literal),*], $meaning:expr;)*) => {
        /// All properties, in the order of the API's description.
        pub(super) const SPECS: &[Spec] = &[
            $(Spec { name: $name, code: $code, widget: $widget, ptp: &[$($ptp),*], meaning: $meaning },)*
        ];
    };
}

specs! {
    "priority-key" = 0x11a, "prioritymode", [0xD25A], Priority;
    "iso" = 0x104, "iso", [0xD226, 0xD21E], Iso;
    "aperture" = 0x100, "f-number", [0x5007], Aperture;
    "shutter-speed" = 0x103, "shutterspeed", [0xD229, 0xD20D], Shutter;
    "drive-mode" = 0x10e, "capturemode", [0x5013], OneOf(words::DRIVE);
    "white-balance" = 0x108, "whitebalance", [0x5005], OneOf(words::WHITE_BALANCE);
    "focus-mode" = 0x109, "focusmode", [0x500A], OneOf(words::FOCUS_MODE);
    "exposure-program-mode" = 0x105, "expprogram", [0x500E], OneOf(words::PROGRAM);
    // libgphoto2 2.5.30 cannot set its own word for it (`capturetarget`).
    "still-image-store-destination" = 0x119, "", [0xD222], Destination;
    "file-format" = 0x106, "", [0xD253], OneOf(words::FILE_FORMAT);
    "image-quality" = 0x107, "", [0xD252], OneOf(words::QUALITY);
    "focus-area" = 0x113, "", [0xD22C], OneOf(words::FOCUS_AREA);
    "focus-distance" = 0x149, "", [0xD004], Number;
    "focus-position-current" = 0x766, "", [0xD24C], Number;
    "zoom-setting" = 0x125, "", [0xD25F], Number;
    "battery-remain" = 0x702, "", [0xD218], Number;
    "recording-state" = 0x705, "", [0xD21D], OneOf(words::RECORDING);
    "overheating-state" = 0x760, "", [0xD251], OneOf(words::OVERHEATING);
    "movie-file-format" = 0x127, "", [0xD241], Number;
    "movie-recording-setting" = 0x128, "", [0xD242], Number;
    "camera-setting-save-enable" = 0x72a, "", [0xD271], OneOf(words::OFF_ON);
    "camera-setting-read-enable" = 0x72b, "", [0xD272], OneOf(words::OFF_ON);
    "camera-setting-save-read-state" = 0x72c, "", [0xD273], Number;
    "media-slot1-status" = 0x708, "", [0xD248], OneOf(words::SLOT);
    "media-slot1-remaining-photos" = 0x709, "", [0xD249], Number;
    "media-slot1-remaining-time" = 0x70a, "", [0xD24A], Number;
    "media-slot2-status" = 0x70d, "", [0xD256], OneOf(words::SLOT);
    "media-slot2-remaining-photos" = 0x70f, "", [0xD257], Number;
    "media-slot2-remaining-time" = 0x710, "", [0xD258], Number;
    "exposure-compensation" = 0x101, "exposurecompensation", [0xD224, 0x5010], Exposure;
    "metering-mode" = 0x10a, "exposuremetermode", [0x500B], OneOf(words::METERING);
    "ae-lock" = 0x2, "", [0xD217], OneOf(words::LOCK);
    "flash-mode" = 0x10b, "flashmode", [0x500C], OneOf(words::FLASH);
    "flash-compensation" = 0x102, "", [0xD200], Exposure;
    "wireless-flash" = 0x10c, "", [0xD262], OneOf(words::OFF_ON);
    "shutter-type" = 0x1a9, "", [0xD0DF], Number;
    "silent-mode" = 0x1a5, "", [0xD0DB], OneOf(words::OFF_ON);
    "image-size" = 0x110, "", [0xD203], OneOf(words::IMAGE_SIZE);
    "aspect-ratio" = 0x111, "", [0xD211], OneOf(words::ASPECT);
    "dro" = 0x10f, "", [0xD201], Number;
    "awb-lock" = 0x5, "", [0xD24E], OneOf(words::LOCK);
    "white-balance-color-temp" = 0x115, "", [0xD20F], Number;
    "picture-profile" = 0x1aa, "", [0xD23F], Number;
    "image-stabilization" = 0x1a3, "", [0xD0D9], OneOf(words::OFF_ON);
}
