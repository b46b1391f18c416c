SUMMARY = "Updates that fall back"
DESCRIPTION = "Marks a slot good once the appliance has proved that it works, and \
               starts the other slot otherwise."
SECTION = "base"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "file://${WATCHPOST_SOURCE}/LICENSE;md5=f00f906ed42082ed14746ade3a4a6251"

SRC_URI = "file://${WATCHPOST_SOURCE}/systemd/watchpost-confirm.service"

S = "${UNPACKDIR}"

inherit systemd

SYSTEMD_SERVICE:${PN} = "watchpost-confirm.service"

RDEPENDS:${PN} = "rauc watchpost"

do_install() {
    install -D -m 0644 ${WATCHPOST_SOURCE}/systemd/watchpost-confirm.service \
        ${D}${systemd_system_unitdir}/watchpost-confirm.service
    # RAUC's own service calls a slot good as soon as the system has started.
    install -d ${D}${sysconfdir}/systemd/system
    ln -s /dev/null ${D}${sysconfdir}/systemd/system/rauc-mark-good.service
}
