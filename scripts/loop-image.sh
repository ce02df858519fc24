# Loop images for scripts/power-cut and scripts/full-disk; sourced.

# need_loop_images: says why and ends well when this machine cannot do it.
need_loop_images() {
    local skip=
    if [ "$(id -u)" -ne 0 ]; then
        skip='needs root'
    else
        for tool in losetup mkfs.ext4 mount umount; do
            command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin:/sbin
            command -v "$tool" >/dev/null || skip="needs $tool"
        done
        [ -n "$skip" ] || losetup -f >/dev/null 2>&1 || skip='needs a free loop device'
    fi
    if [ -n "$skip" ]; then
        echo "$(basename "$0"): SKIPPED, $skip"
        exit 0
    fi
}

# find_writer: the store's own writer, unless WRITER and CHECKER say otherwise.
find_writer() {
    if [ -z "${WRITER:-}" ]; then
        local binary
        binary=$(cargo test --quiet --test main --no-run --message-format json |
            sed -n 's/.*"executable":"\([^"]*\/main-[^"]*\)".*/\1/p' | tail -1)
        WRITER="$binary store::writer::process --exact --ignored --nocapture"
    fi
    CHECKER=${CHECKER:-$WRITER}
}

mounted=()
writer=

# make_image FILE MEGABYTES
make_image() {
    truncate -s "$2M" "$1"
    mkfs.ext4 -q -F -m 0 "$1"
}

# mount_image FILE DIRECTORY
mount_image() {
    mkdir -p "$2"
    if ! mount -o loop "$1" "$2" 2>/dev/null; then
        echo "$(basename "$0"): SKIPPED, a loop image cannot be mounted here"
        exit 0
    fi
    mounted+=("$2")
}

# unmount DIRECTORY
unmount() {
    umount "$1"
    local left=() other
    for other in "${mounted[@]}"; do [ "$other" = "$1" ] || left+=("$other"); done
    mounted=("${left[@]}")
}

unmount_all() {
    local dir
    for dir in "${mounted[@]}"; do umount "$dir" 2>/dev/null || umount -l "$dir"; done
    mounted=()
}

# end_writer: ends the process group of the writer, if one runs.
end_writer() {
    [ -n "$writer" ] || return 0
    kill -KILL -- "-$writer" 2>/dev/null || true
    wait "$writer" 2>/dev/null || true
    writer=
}

# wait_for_line FILE PATTERN: within a minute.
wait_for_line() {
    local tries
    for tries in $(seq 600); do
        grep -aq "$2" "$1" && return 0
        sleep 0.1
    done
    return 1
}
