#!/usr/bin/env bash
# Copyright 2026 The Cell Operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Checks all that needs no test: formatting, lint, modules, generated files, licence
# headers, scripts, charts. Changes nothing. Each check runs, also after one failed;
# verify.sh CHECK... runs only those that are named.
set -euo pipefail
cd "$(dirname "$0")/.."

modules=(. hack/tools tests tests/charts tests/cluster tests/elasticell)
tools=$PWD/_out/tools
export CGO_ENABLED=0

# files lists what is or will be tracked, by patterns of git.
files() {
	git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r file; do
		if [[ -f $file ]]; then echo "$file"; fi
	done
}

# expect_none fails if its input has a line, and shows it under a heading.
expect_none() {
	local lines
	lines=$(cat)
	[[ -z $lines ]] && return
	printf '%s:\n%s\n' "$1" "$lines"
	return 1
}

check_layout() {
	local want="Dockerfile LICENSE Makefile README.md charts cmd docs go.mod go.sum hack manifests pkg tests"
	diff <(tr ' ' '\n' <<<"$want") <(files | cut -d/ -f1 | grep -v '^\.' | LC_ALL=C sort -u) |
		expect_none "the top level differs (< is missing, > is too much)"
}

check_headers() {
	local line
	for line in 'Copyright 2026 The Cell Operator Authors\.' 'SPDX-License-Identifier: Apache-2\.0'; do
		files '*.go' '*.sh' '*.yaml' '*.tpl' '.ci/*' '**/Makefile' '**/Dockerfile' | grep -v /testdata/ |
			tr '\n' '\0' | { xargs -0 grep --files-without-match "$line" || true; }
	done | sort -u | expect_none "no licence header, see hack/boilerplate.go.txt"
}

check_paths() {
	files | tr '\n' '\0' | { xargs -0 grep -nIE '(^|[^[:alnum:]_.~-])/(work|root|home|Users)/' || true; } |
		expect_none "paths of somebody's machine"
}

# check_docs sees that what Markdown pages link to in this repository is there, and
# that each reason of a condition is explained to users.
check_docs() {
	{ broken_links; unexplained_reasons; } | expect_none "broken links, and reasons that docs/cell-cluster.md leaves out"
}

broken_links() {
	local page target
	files '*.md' | while IFS= read -r page; do
		grep -oE '\]\([^)#[:space:]]+' "$page" | cut -c3- | grep -vE '^[a-z]+:' | sort -u |
			while IFS= read -r target; do
				[[ -e $(dirname "$page")/$target ]] || echo "$page: $target"
			done || true
	done
}

unexplained_reasons() {
	local reason
	sed -nE 's/^\tReason.* = "(.*)"$/\1/p' pkg/apis/deepfabric/v1alpha1/conditions.go | while IFS= read -r reason; do
		grep -q "\`$reason\`" docs/cell-cluster.md || echo "$reason"
	done
}

check_gofmt() {
	files '*.go' | tr '\n' '\0' | xargs -0 gofmt -l | expect_none "not formatted, run gofmt -w"
}

check_vet() { in_modules go vet ./...; }

check_staticcheck() {
	go build -C hack/tools -o "$tools/" honnef.co/go/tools/cmd/staticcheck
	in_modules lint
}

# lint leaves generated clients to their generator.
lint() {
	local packages
	mapfile -t packages < <(go list ./... | grep -v /pkg/client/)
	"$tools/staticcheck" "${packages[@]}"
}

check_modules() {
	in_modules go mod tidy -diff
	in_modules go mod verify >/dev/null
}

# in_modules runs a command in each module and fails if one run did.
in_modules() {
	local module failed=0
	for module in "${modules[@]}"; do
		(cd "$module" && "$@") || {
			echo "failed in $module"
			failed=1
		}
	done
	return $failed
}

# check_generated generates into a copy, so that nothing changes here.
check_generated() {
	local copy=_out/generated
	rm -rf $copy
	files go.mod go.sum cmd pkg hack manifests charts docs | tar --create --files-from=- | tar --extract --one-top-level=$copy
	rm -rf $copy/manifests/* $copy/docs/api/*
	if ! $copy/hack/update-codegen.sh >$copy/log 2>&1; then
		cat $copy/log
		return 1
	fi
	local path
	for path in pkg/apis pkg/client manifests charts/cell-operator/files docs/api; do
		diff --recursive --brief $path $copy/$path || true
	done | expect_none "not as generated from pkg/apis, run make generate"
}

check_scripts() {
	if ! command -v shellcheck >/dev/null; then
		echo "skipped: there is no shellcheck (hack/install-needs.sh brings it)"
		return
	fi
	files '*.sh' '.ci/*' | tr '\n' '\0' | xargs -0 shellcheck
}

check_charts() {
	local bin chart
	go build -C tests/cluster -o "$PWD/_out/bin/cell-cluster" .
	bin=$(_out/bin/cell-cluster build --only helm)
	for chart in charts/*/; do
		"$bin/helm" lint --strict --quiet "$chart"
	done
}

# run runs one check, and says how it went and how long it took.
run() {
	local output status began=$SECONDS
	# In a condition set -e would not work.
	set +e
	output=$(set -e; "check_$1" 2>&1)
	status=$?
	set -e
	if ((status != 0)); then failed+=("$1"); fi
	printf '%-6s %-12s %4d s\n' "$( ((status == 0)) && echo ok || echo FAILED)" "$1" $((SECONDS - began))
	if [[ -n $output ]]; then printf '       %s\n' "${output//$'\n'/$'\n       '}"; fi
}

failed=()
checks=(layout headers paths docs scripts gofmt generated modules vet staticcheck charts)
if (($# > 0)); then checks=("$@"); fi
for check in "${checks[@]}"; do
	run "$check"
done
if ((${#failed[@]} > 0)); then
	echo "verify.sh: failed: ${failed[*]}" >&2
	exit 1
fi
