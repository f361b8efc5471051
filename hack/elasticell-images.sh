#!/usr/bin/env bash
# Copyright 2026 The Cell Operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Builds the stand-in for Elasticell as the three images that charts/cell-cluster
# names by default: elasticell-images.sh OUT.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$1
for program in pd cell proxy; do
	CGO_ENABLED=0 go build -C tests/elasticell -trimpath -ldflags "-s -w" \
		-o "$PWD/$out/elasticell/$program/usr/local/bin/$program" "./cmd/$program"
done
for pair in pd:pd cell:store proxy:proxy; do
	program=${pair%:*} image=${pair#*:}
	printf 'FROM scratch\nCOPY usr /usr\nENTRYPOINT ["/usr/local/bin/%s"]\n' "$program" >"$out/elasticell/$program/Dockerfile"
	hack/image.sh "$out/elasticell/$program/Dockerfile" "$out/elasticell/$program" "deepfabric/$image:latest" "$out/images/elasticell-$image.tar"
done
