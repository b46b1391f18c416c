SUMMARY = "Update of a Watchpost box"
DESCRIPTION = "The root file system as a signed RAUC bundle for boxes of this machine."
LICENSE = "MIT"

inherit bundle

RAUC_BUNDLE_COMPATIBLE = "watchpost-${MACHINE}"
RAUC_BUNDLE_FORMAT = "verity"
# That of the program.
RAUC_BUNDLE_VERSION ?= "0.1.0"
RAUC_BUNDLE_DESCRIPTION = "Watchpost for ${MACHINE}"

RAUC_BUNDLE_SLOTS = "rootfs"
RAUC_SLOT_rootfs = "watchpost-image"
RAUC_SLOT_rootfs[fstype] = "ext4"

# The fleet's key and certificate; given by whoever builds.
RAUC_KEY_FILE ?= ""
RAUC_CERT_FILE ?= ""
