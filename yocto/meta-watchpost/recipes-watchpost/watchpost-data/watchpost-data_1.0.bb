SUMMARY = "Data partition of a Watchpost box"
DESCRIPTION = "Mounts the data partition and puts the state and the configuration of \
               the appliance on it, so that the root file system can stay read-only; turns \
               the hardware watchdog on."
SECTION = "base"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "file://${WATCHPOST_SOURCE}/LICENSE;md5=f00f906ed42082ed14746ade3a4a6251"

SRC_URI = "file://data.mount \
           file://watchpost-data.service \
           file://var-lib-watchpost.mount \
           file://etc-watchpost.mount \
           file://10-watchpost-watchdog.conf"

S = "${UNPACKDIR}"

inherit allarch systemd

SYSTEMD_SERVICE:${PN} = "data.mount watchpost-data.service var-lib-watchpost.mount \
                         etc-watchpost.mount"

do_install() {
    install -d ${D}${systemd_system_unitdir} ${D}/data ${D}${sysconfdir}/watchpost
    install -d ${D}${localstatedir}/lib/watchpost
    install -m 0644 ${UNPACKDIR}/data.mount ${D}${systemd_system_unitdir}/
    install -m 0644 ${UNPACKDIR}/watchpost-data.service ${D}${systemd_system_unitdir}/
    install -m 0644 ${UNPACKDIR}/var-lib-watchpost.mount ${D}${systemd_system_unitdir}/
    install -m 0644 ${UNPACKDIR}/etc-watchpost.mount ${D}${systemd_system_unitdir}/
    install -D -m 0644 ${UNPACKDIR}/10-watchpost-watchdog.conf \
        ${D}${systemd_unitdir}/system.conf.d/10-watchpost-watchdog.conf
}

FILES:${PN} += "${systemd_unitdir}/system.conf.d /data ${sysconfdir}/watchpost ${localstatedir}/lib/watchpost"
