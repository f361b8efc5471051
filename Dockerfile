# Copyright 2026 The Cell Operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# The image with all programs of Cell Operator. They are built before, static,
# into _out/image; nothing runs while the image is built.
FROM scratch

LABEL org.opencontainers.image.title="cell-operator" \
      org.opencontainers.image.description="Runs Elasticell clusters on Kubernetes" \
      org.opencontainers.image.source="https://github.com/deepfabric/elasticell-operator" \
      org.opencontainers.image.licenses="Apache-2.0"

COPY _out/image/ /

USER 65532:65532
ENTRYPOINT ["/cell-controller-manager"]
