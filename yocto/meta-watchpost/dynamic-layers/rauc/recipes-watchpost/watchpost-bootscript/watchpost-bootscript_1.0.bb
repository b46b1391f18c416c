SUMMARY = "U-Boot's side of two slots"
DESCRIPTION = "The boot script that starts the slot RAUC has chosen and falls back when \
               its tries are used up, and where Linux finds what both say of the slots."
SECTION = "bootloaders"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "file://${WATCHPOST_SOURCE}/LICENSE;md5=f00f906ed42082ed14746ade3a4a6251"

DEPENDS = "u-boot-tools-native"
# Instead of what a board's own layer brings.
PROVIDES += "u-boot-default-script"

SRC_URI = "file://boot.cmd \
           file://fw_env.config"

S = "${UNPACKDIR}"

inherit deploy

PACKAGE_ARCH = "${MACHINE_ARCH}"

# A slot brings its kernel, and the device tree that belongs to it.
RDEPENDS:${PN} = "kernel-devicetree kernel-image libubootenv-bin"
RPROVIDES:${PN} += "u-boot-default-env"
RCONFLICTS:${PN} += "u-boot-env"

do_compile() {
    mkimage -A arm64 -T script -C none -n watchpost -d ${UNPACKDIR}/boot.cmd boot.scr
}

do_install() {
    install -D -m 0644 ${UNPACKDIR}/fw_env.config ${D}${sysconfdir}/fw_env.config
}

do_deploy() {
    install -D -m 0644 ${B}/boot.scr ${DEPLOYDIR}/boot.scr
}

addtask deploy after do_compile before do_build
