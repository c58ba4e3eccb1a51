#! /bin/sh
mkdir -p build-aux
autoreconf --install --force
