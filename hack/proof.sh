#!/usr/bin/env bash
# Copyright 2026 The Cell Operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Runs everything that shows that no acknowledged write is lost, and writes what came of
# it into docs/proof.md: proof.sh [all|model|nodes|write].
#   model  the whole of tests/model
#   nodes  the scenarios of tests/e2e/scenarios on real nodes (root)
#   write  only writes what the last run of each has left in _out/proof
# Takes about two hours on two quiet cores. It fails if anything is lost, or a bar missed.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$PWD/_out/proof
failed=0

# on PART: notes what a part runs on.
on() { git describe --always --dirty --abbrev=12 >"$out/$1.commit"; }

model() {
	on model
	hack/test.sh model-all | tee "$out/model.log" || failed=1
	# What the campaigns say of themselves is in the events of tests that passed.
	sed -n 's/.*"Output":"\(.*schedules tried.*\)\\n"}$/\1/p' _out/events.json >>"$out/model.log"
}

nodes() {
	on nodes
	make --no-print-directory image elasticell-images || return 1
	rm -f "$out/rows.jsonl"
	CELL_E2E=1 CELL_PROOF="$out/rows.jsonl" \
		go test -C tests -count=1 -timeout=2h -v ./e2e/scenarios | tee "$out/nodes.log" || failed=1
}

write() {
	go run -C tests ./e2e/cmd/proof -out="$out" -document="$PWD/docs/proof.md"
}

mkdir -p "$out"
case ${1:-all} in
all) model && nodes && write ;;
model | nodes) "$1" && write ;;
write) write ;;
*)
	echo "usage: proof.sh [all|model|nodes|write]" >&2
	exit 2
	;;
esac
exit "$failed"
