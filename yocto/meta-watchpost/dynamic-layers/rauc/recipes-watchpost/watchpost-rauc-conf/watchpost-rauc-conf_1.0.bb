SUMMARY = "Slots of a Watchpost box"
DESCRIPTION = "Tells RAUC the two root slots and whose updates are taken."
SECTION = "base"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "file://${WATCHPOST_SOURCE}/LICENSE;md5=f00f906ed42082ed14746ade3a4a6251"

SRC_URI = "file://system.conf"

S = "${UNPACKDIR}"

PACKAGE_ARCH = "${MACHINE_ARCH}"

# The certificate that signs updates is the fleet's. A build without one fails: a box
# with somebody else's would take anybody's update.
WATCHPOST_RAUC_KEYRING ?= ""

RPROVIDES:${PN} += "virtual-rauc-conf"
RCONFLICTS:${PN} += "rauc-conf"

do_install() {
    [ -f "${WATCHPOST_RAUC_KEYRING}" ] || \
        bbfatal "set WATCHPOST_RAUC_KEYRING to the certificate that signs updates"
    install -D -m 0644 ${UNPACKDIR}/system.conf ${D}${sysconfdir}/rauc/system.conf
    sed -i 's/@MACHINE@/${MACHINE}/' ${D}${sysconfdir}/rauc/system.conf
    install -m 0644 ${WATCHPOST_RAUC_KEYRING} ${D}${sysconfdir}/rauc/ca.cert.pem
}
