#!/bin/sh
# Makes nanodet-m.f32.onnx again from the package it was taken from and compares
# it with the committed file. Changes nothing. PROVENANCE.md tells the rest.
#
# usage: remake.sh [DIRECTORY]     work directory, a temporary one by default
#
# Needs npm, python3 with venv, and network access to the two registries.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"
cd "$work"

# Fetched, not installed: no script of the package runs.
[ -f vladmandic-human-1.2.5.tgz ] || npm pack --silent @vladmandic/human@1.2.5
sha256sum --check --quiet - <<SUMS
cd48501b400b9b1e4496d0d8faa4962e2b9a019cbd8843bf8d7dcad8417dd971  vladmandic-human-1.2.5.tgz
SUMS
tar -xzf vladmandic-human-1.2.5.tgz package/models/nanodet.json package/models/nanodet.bin
sha256sum --check --quiet - <<SUMS
2575ff708e644acf7b19cc54779ad43adcfb11c0d17401ba6bb5a237fb53ee46  package/models/nanodet.json
283fdb466f36844ad75e305ef28b929ca2c7e4effbda13d2e39370e02922c032  package/models/nanodet.bin
SUMS

# The digest of the result depends on the onnx release that writes it.
[ -d venv ] || python3 -m venv venv
./venv/bin/pip install --quiet onnx==1.23.2 numpy
./venv/bin/python "$here/convert-tfjs-detector.py" package/models/nanodet.json nanodet-m.f32.onnx

cmp nanodet-m.f32.onnx "$here/nanodet-m.f32.onnx"
echo "nanodet-m.f32.onnx is what the package gives."
