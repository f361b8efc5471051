#!/usr/bin/env bash
# Copyright 2026 The Cell Operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Sees to the programs that the checks and tests use and this repository cannot
# build: installs what is missing where it can, and else says what to install.
set -euo pipefail

needs=( # program:package of Debian and Ubuntu
	git:git make:make gcc:gcc
	shellcheck:shellcheck
	buildah:buildah
	containerd:containerd runc:runc
	nft:nftables iptables:iptables conntrack:conntrack ip:iproute2
	redis-cli:redis-tools
)
cni_package=containernetworking-plugins

if ! version=$(go env GOVERSION 2>/dev/null); then
	echo "install-needs.sh: there is no Go; get 1.21 or newer from https://go.dev/dl and put it on the PATH" >&2
	exit 1
fi
minor=${version#go1.}
if [[ $version == go1.* && ${minor%%[!0-9]*} -lt 21 ]]; then
	echo "install-needs.sh: $version cannot fetch the Go that go.mod asks for; get 1.21 or newer from https://go.dev/dl" >&2
	exit 1
fi

# Such programs often stand outside of a user's PATH.
PATH=$PATH:/usr/sbin:/sbin
missing=()
for need in "${needs[@]}"; do
	command -v "${need%%:*}" >/dev/null || missing+=("${need#*:}")
done
if ! compgen -G '/opt/cni/bin/ptp' >/dev/null && ! compgen -G '/usr/lib*/cni/ptp' >/dev/null; then
	missing+=("$cni_package")
fi
if ((${#missing[@]} == 0)); then
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	echo "install-needs.sh: install these with your package manager (the names are Debian's): ${missing[*]}" >&2
	exit 1
fi
if ((EUID != 0)); then
	echo "install-needs.sh: type: sudo apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install=(apt-get --quiet=2 -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends "${missing[@]}")
# The list of packages is only fetched where the machine does not know one of them.
"${install[@]}" >/dev/null 2>&1 || {
	apt-get --quiet=2 update
	"${install[@]}" >/dev/null
}
