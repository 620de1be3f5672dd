#!/bin/sh
# Runs the trainer in a Debian 13 root: libtorch needs GLIBCXX_3.4.32, and Debian 12 has 3.4.30. Needs root and the package debootstrap.
#   run-in-debian13.sh train --run /runs/full ...
# ROOT is the root's directory; RUNS is seen inside it as /runs. The trainer is published on the first call; PUBLISH=1 publishes it again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=${ROOT:-${TMPDIR:-/tmp}/gemma3-pocket-debian13}
runs=${RUNS:-$here/../../../artifacts/pocket}

if [ ! -e "$root/.complete" ]; then
    # The mirror that this machine's own packages come from, whichever format apt's configuration has.
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | sed -n \
        -e 's/^URIs: *\([^ ]*debian\/\{0,1\}\) *$/\1/p' -e 's/^deb  *\(\[[^]]*\] \)\{0,1\}\([^ ]*debian\/\{0,1\}\) .*/\2/p' | head -n 1)
    [ -n "$mirror" ] || { echo "apt's configuration names no Debian mirror" >&2; exit 1; }
    debootstrap --variant=minbase --include=libstdc++6,libgomp1,libicu76,libssl3t64 trixie "$root" "$mirror"
    touch "$root/.complete"
fi
if [ "${PUBLISH:-}" = 1 ] || [ ! -e "$root/opt/pocket/Gemma3Pocket" ]; then
    dotnet publish -c Release -r linux-x64 --self-contained "$here/Gemma3Pocket.csproj" -o "$root/opt/pocket"
fi
mkdir -p "$root/runs" "$runs"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
if mountpoint -q "$root/runs"; then umount "$root/runs"; fi   # it may be another directory's, from an earlier call
mount --bind "$runs" "$root/runs"
exec chroot "$root" "/opt/pocket/${PROGRAM:-Gemma3Pocket}" "$@"
