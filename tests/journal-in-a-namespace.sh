#!/bin/bash
# Starts a systemd-journald of its own, with its own /run, in a mount namespace of its
# own, and in it the program; prints the program's journal entries about one camera
# as JSON lines. Ends everything it started.
#
#   unshare --mount --propagation private tests/journal-in-a-namespace.sh \
#       PROGRAM CONFIG STATE-DIR CAMERA
set -euo pipefail
program=$1 config=$2 state=$3 camera=$4
children=()
trap 'kill "${children[@]}" 2>/dev/null || true; wait' EXIT

# Until "$@" succeeds, a minute at most.
eventually() {
    local tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { echo "not within a minute: $*" >&2; return 1; }
        sleep 0.1
    done
}

mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
if [ ! -s /etc/machine-id ]; then
    cp -a /etc /run/etc
    tr -d - </proc/sys/kernel/random/uuid >/run/etc/machine-id
    mount --bind /run/etc /etc
fi
/lib/systemd/systemd-journald >&2 &
children+=($!)
eventually test -S /run/systemd/journal/socket

WATCHPOST_LOG_FORMAT=journal "$program" run --listen 127.0.0.1:0 \
    --config "$config" --state-dir "$state" >&2 &
children+=($!)

entries() {
    journalctl --directory /run/log/journal --output json --no-pager --quiet \
        SYSLOG_IDENTIFIER=watchpost "CAMERA=$camera" >/run/entries
    [ -s /run/entries ]
}
eventually entries
cat /run/entries
