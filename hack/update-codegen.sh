#!/usr/bin/env bash
# Copyright 2026 The Cell Operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Writes all generated code again: deepcopy, clientset, listers, informers,
# apply configurations, the CRD and the API's documentation.
set -euo pipefail
cd "$(dirname "$0")/.."

module=github.com/deepfabric/elasticell-operator
apis=$module/pkg/apis/deepfabric/v1alpha1
client=$module/pkg/client
boilerplate=hack/boilerplate.go.txt

rm -rf pkg/client pkg/apis/deepfabric/v1alpha1/zz_generated.deepcopy.go
go tool deepcopy-gen --output-file zz_generated.deepcopy.go --go-header-file $boilerplate $apis
go tool applyconfiguration-gen --go-header-file $boilerplate \
	--output-dir pkg/client/applyconfiguration --output-pkg $client/applyconfiguration $apis
go tool client-gen --go-header-file $boilerplate --clientset-name versioned \
	--input-base "" --input $apis --apply-configuration-package $client/applyconfiguration \
	--output-dir pkg/client/clientset --output-pkg $client/clientset
go tool lister-gen --go-header-file $boilerplate --output-dir pkg/client/listers --output-pkg $client/listers $apis
go tool informer-gen --go-header-file $boilerplate --versioned-clientset-package $client/clientset/versioned \
	--listers-package $client/listers --output-dir pkg/client/informers --output-pkg $client/informers $apis

tools=_out/tools
go build -C hack/tools -o "$PWD/$tools/" sigs.k8s.io/controller-tools/cmd/controller-gen ./crdfinish
$tools/controller-gen crd:crdVersions=v1,ignoreUnexportedFields=true paths=./pkg/apis/... output:crd:dir=_out/crd
$tools/crdfinish _out/crd/deepfabric.com_cellclusters.yaml manifests/crd.yaml
cp manifests/crd.yaml charts/cell-operator/files/crd.yaml
go run -C hack/tools ./apidoc ../../manifests/crd.yaml ../../docs/api/README.md
