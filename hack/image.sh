#!/usr/bin/env bash
# Copyright 2026 The Cell Operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Builds an image and saves it as an archive: image.sh DOCKERFILE CONTEXT NAME ARCHIVE.
# Uses docker if an engine answers, else buildah.
set -euo pipefail

dockerfile=$1 context=$2 name=$3 archive=$4
mkdir -p "$(dirname "$archive")"
rm -f "$archive"
if docker info >/dev/null 2>&1; then
	docker build --quiet --file "$dockerfile" --tag "$name" "$context" >/dev/null
	docker save --output "$archive" "$name"
elif command -v buildah >/dev/null; then
	export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
	buildah bud --quiet --file "$dockerfile" --tag "$name" "$context" >/dev/null
	# The archive carries the full name, as the kubelet looks for it.
	buildah push --quiet "$name" "docker-archive:$archive:docker.io/$name"
	buildah rmi --force "$name" >/dev/null
else
	echo "image.sh: neither docker nor buildah can be used; install one, for example: apt-get install buildah" >&2
	exit 1
fi
echo "$name is in $archive"
