# It calls a slot good as soon as the system has started. watchpost-update masks it, and
# what is masked cannot be enabled while the image is made.
SYSTEMD_AUTO_ENABLE:${PN}-mark-good = "disable"
