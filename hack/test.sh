#!/usr/bin/env bash
# Copyright 2026 The Cell Operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests: test.sh unit|all|model-all|bench.
#   unit   what needs nothing but Go and gcc; a few minutes
#   all    also the stand-in for Elasticell at length, a real API server, and real
#          nodes on this machine (root, see hack/install-needs.sh)
#   model-all  the whole of tests/model, of which all runs a share: each schedule
#          of faults, but of hands and of PD's troubles one in six and four, and
#          each planted bug; an hour and a quarter on two cores
#   bench  the measures of docs/performance.md, on a real API server; takes the flags of
#          tests/bench, for example -short
# All but bench end with the line "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/.."

out=$PWD/_out
export CGO_ENABLED=0
# The programs of Kubernetes work together, whatever clusters this user has.
unset KUBECONFIG

# suite NAME MODULE ARGS...: go test in a module, as events for testsum.
suite() {
	local name=$1 module=$2
	shift 2
	printf '{"Action":"suite","Package":"%s"}\n' "$name"
	go test -C "$module" -json "$@" || printf '{"Action":"suite-fail","Package":"%s"}\n' "$name"
}

# raced is suite with the race detector, which needs cgo.
raced() {
	local name=$1 module=$2
	shift 2
	CGO_ENABLED=1 suite "$name" "$module" -race "$@"
}

# Which tests of the stand-in run: all, or by unit a few quick ones.
habits=()

unit() {
	raced "operator" . ./...
	raced "tools" hack/tools ./...
	raced "tool that makes a Kubernetes" tests/cluster ./internal/...
	suite "charts" tests/charts ./...
	raced "stand-in for Elasticell" tests/elasticell -timeout=20m "${habits[@]}" ./...
}

# model runs the operator in the played world, disturbed in all ways.
model() {
	suite "model" tests -count=1 -timeout=150m ./model ./model/sim ./model/bugs
}

# on_apiserver runs it on a real API server, disturbed less often, and tries every field of the CRD.
on_apiserver() {
	suite "model on an API server" tests -p=1 -count=1 -timeout=90m ./model/apiserver ./model/fields
}

all() {
	unit
	model
	on_apiserver
	raced "model, raced" tests -count=1 -run='^TestUndisturbed$' ./model
	raced "API server" tests -count=1 -timeout=15m ./internal/... ./api/...
	suite "scheduler on 300 nodes" tests -count=1 -timeout=20m ./scheduler/
	CELL_CLUSTER_E2E=1 suite "nodes" tests/cluster -count=1 -timeout=15m ./e2e/...
	CELL_E2E=1 suite "demo on nodes" tests -p=1 -count=1 -timeout=20m ./e2e/...
}

model_all() {
	model
	on_apiserver
}

# summed runs a group of suites and sums them up.
summed() {
	go build -C hack/tools -o "$out/tools/" ./testsum
	"$@" | tee "$out/events.json" | "$out/tools/testsum"
}

kubernetes() {
	go build -C tests/cluster -o "$out/bin/cell-cluster" .
	"$out/bin/cell-cluster" build >/dev/null
}

case ${1:-} in
unit)
	habits=(-run='^Test(SetAndGet|Version|FlagsThatStopAProgram)$')
	summed unit
	;;
all)
	kubernetes
	make --no-print-directory image elasticell-images
	summed all
	;;
model-all)
	export CELL_MODEL=all
	kubernetes
	summed model_all
	;;
bench)
	kubernetes
	go run -C tests ./bench -write "${@:2}"
	;;
*)
	echo "usage: test.sh unit|all|model-all|bench" >&2
	exit 2
	;;
esac
