SUMMARY = "Image of a Watchpost box"
DESCRIPTION = "A read-only root file system in two slots, a data partition, the \
               appliance, and updates that fall back."
LICENSE = "MIT"

inherit core-image

IMAGE_FEATURES += "read-only-rootfs"
IMAGE_INSTALL:append = " watchpost watchpost-data tzdata ca-certificates"
IMAGE_INSTALL:append = "${@bb.utils.contains('BBFILE_COLLECTIONS', 'rauc', ' rauc watchpost-rauc-conf watchpost-update', '', d)}"

# The board's U-Boot starts the slots by our script (yocto/kas says for which boards).
WATCHPOST_UBOOT ?= "0"
IMAGE_INSTALL:append = "${@' watchpost-bootscript' if d.getVar('WATCHPOST_UBOOT') == '1' else ''}"
do_image_wic[depends] += "${@'watchpost-bootscript:do_deploy' if d.getVar('WATCHPOST_UBOOT') == '1' else ''}"

# Other boot loaders want partitions of their own; there the slot alone is made.
IMAGE_FSTYPES = "${@'wic.zst wic.bmap ' if d.getVar('WATCHPOST_UBOOT') == '1' else ''}ext4"
WKS_FILE = "watchpost-ab.wks.in"

# Both slots have this size; an update must fit.
IMAGE_ROOTFS_SIZE ?= "1048576"
IMAGE_ROOTFS_MAXSIZE ?= "1572864"
