SUMMARY = "Watchpost camera appliance"
DESCRIPTION = "Edge camera appliance: captures, detects on the device, keeps what \
               happened and serves it on the local network."
SECTION = "multimedia"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "file://LICENSE;md5=f00f906ed42082ed14746ade3a4a6251"

inherit cargo externalsrc pkgconfig systemd useradd

# The sources come from this repository, the crates from the registry.
EXTERNALSRC = "${WATCHPOST_SOURCE}"
require ${BPN}-crates.inc

# The bindings of V4L2 are generated (libclang), libjpeg-turbo is compiled (cmake).
DEPENDS += "clang-native cmake-native"
DEPENDS:append:x86-64 = " nasm-native"

# A feature for each system library that is linked; what runs is chosen by the
# configuration.
PACKAGECONFIG ??= "gst v4l2"
PACKAGECONFIG[gst] = "--features gst,,gstreamer1.0 gstreamer1.0-plugins-base,\
gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav"
PACKAGECONFIG[v4l2] = "--features v4l2,,"
CARGO_BUILD_FLAGS:append = " --no-default-features"

# The unit has the share of the machine's board.
PACKAGE_ARCH = "${MACHINE_ARCH}"

export LIBCLANG_PATH = "${STAGING_LIBDIR_NATIVE}"
export BINDGEN_EXTRA_CLANG_ARGS = "--target=${TARGET_SYS} --sysroot=${STAGING_DIR_TARGET}"

# Which folder of hardware/ fits the machine.
WATCHPOST_BOARD ?= "generic-x86-64"
WATCHPOST_BOARD:raspberrypi4-64 ?= "raspberry-pi-4"
WATCHPOST_BOARD:raspberrypi5 ?= "raspberry-pi-5"
WATCHPOST_BOARD:rock-5b ?= "rk3588"
WATCHPOST_BOARD:imx8mp-lpddr4-evk ?= "imx8m-plus"
WATCHPOST_BOARD:jetson-orin-nano-devkit ?= "jetson-orin-nano"

SYSTEMD_SERVICE:${PN} = "watchpost.service"

USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system render"
USERADD_PARAM:${PN} = "--system --user-group --groups video,render --no-create-home \
                       --home-dir /nonexistent --shell ${base_sbindir}/nologin watchpost"

do_install:append() {
    install -D -m 0644 ${S}/systemd/watchpost.service \
        ${D}${systemd_system_unitdir}/watchpost.service
    install -D -m 0644 ${S}/hardware/${WATCHPOST_BOARD}/service.conf \
        ${D}${systemd_system_unitdir}/watchpost.service.d/10-board.conf
    install -D -m 0644 ${S}/systemd/watchpost.tmpfiles \
        ${D}${nonarch_libdir}/tmpfiles.d/watchpost.conf
    install -D -m 0644 ${S}/systemd/60-watchpost.rules \
        ${D}${nonarch_base_libdir}/udev/rules.d/60-watchpost.rules
    install -D -m 0640 ${S}/watchpost.example.toml \
        ${D}${datadir}/watchpost/watchpost.example.toml
}

FILES:${PN} += "${nonarch_libdir}/tmpfiles.d ${nonarch_base_libdir}/udev \
                ${systemd_system_unitdir}/watchpost.service.d"

# libgphoto2 is loaded when a camera that speaks PTP is configured.
RRECOMMENDS:${PN} = "libgphoto2"

# sled, the index of the store, is not safe on 32 bit.
COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"
