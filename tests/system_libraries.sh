#!/usr/bin/env bash
# Install what the tests and napari's window need from a Debian or Ubuntu system; run it as root.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

apt-get update -q
# xdotool: one test clicks through the window system. xvfb, xauth: a display where there is none.
# The rest: libraries that Qt and OpenGL load.
apt-get install -q -y --no-install-recommends \
    xvfb xauth xdotool \
    libgl1 libegl1 libgl1-mesa-dri libglib2.0-0 \
    libx11-xcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 \
    libxcb-render-util0 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0 \
    libdbus-1-3 libfontconfig1
