#!/usr/bin/env bash
# Copyright 2026 The Cell Operator Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Shows Cell Operator at work: demo.sh up|down, by way of `make demo` and
# `make demo-down`. Variables:
#
#   CLUSTER   where Kubernetes comes from. Empty: a new one on this machine, from
#             tests/cluster. kind: a kind cluster. existing: the current kubeconfig's.
#   CLUSTER_NAME  the name of the new Kubernetes or kind cluster; cell by default.
#   REGISTRY  for CLUSTER=existing: what to put before the names of the images,
#             which the nodes must be able to pull, as in registry.example.com/me.
#   STORAGE_CLASS  for kind and existing: the class of the volumes; the default one if empty.
set -euo pipefail
cd "$(dirname "$0")/.."

CLUSTER=${CLUSTER-}
NAME=${CLUSTER_NAME:-cell}
REGISTRY=${REGISTRY-}
STORAGE_CLASS=${STORAGE_CLASS-}
OUT=$PWD/_out
VERSION=$(awk '/^appVersion:/ { print $2 }' charts/cell-operator/Chart.yaml)
ARCHIVES=("$OUT"/images/{cell-operator,elasticell-pd,elasticell-store,elasticell-proxy}.tar)
PROXY=demo-proxy.cell.svc:6379
CLIENTS= # the folder of kubectl and helm, where the machine has none

say() { printf '\n==> %s\n' "$*"; }
die() {
	printf 'demo: %s\n' "$*" >&2
	exit 1
}
need() { command -v "$1" >/dev/null || die "$1 is missing: $2"; }
cell_cluster() { "$OUT/bin/cell-cluster" --name "$NAME" "$@"; }

build_tools() {
	need go "install Go 1.21 or later from https://go.dev/dl; it fetches by itself the version that go.mod asks for"
	mkdir -p "$OUT/bin"
	CGO_ENABLED=0 go build -C tests/cluster -o "$OUT/bin/cell-cluster" .
	CGO_ENABLED=0 go build -C tests -o "$OUT/bin/redis" ./e2e/cmd/redis
}

build_images() {
	say "Building the images of the operator and of the stand-in for Elasticell"
	"${MAKE:-make}" --no-print-directory image elasticell-images
}

# Puts kubectl and helm on the PATH: those of the machine, or else built ones.
find_clients() {
	command -v kubectl >/dev/null && command -v helm >/dev/null && return
	say "Building kubectl and helm, once"
	CLIENTS=$(cell_cluster build --only kubectl,helm)
	PATH=$CLIENTS:$PATH
}

up_own() {
	say "Checking the machine"
	cell_cluster doctor --for demo
	build_images
	say "Bringing up Kubernetes with three nodes; the first time its programs are built, which takes minutes"
	cell_cluster up --nodes 3
	cell_cluster image load "${ARCHIVES[@]}"
	KUBECONFIG=$(cell_cluster kubeconfig)
	CLIENTS=$(cell_cluster build 2>/dev/null)
	PATH=$CLIENTS:$PATH
	export KUBECONFIG PATH
}

up_kind() {
	need kind "see https://kind.sigs.k8s.io/docs/user/quick-start/#installation"
	need docker "kind runs its nodes in docker: see https://docs.docker.com/engine/install"
	docker info >/dev/null 2>&1 || die "docker does not answer: start it, and see that you may use it (docker info says why not)"
	find_clients
	build_images
	if ! kind get clusters 2>/dev/null | grep -qx "$NAME"; then
		say "Making the kind cluster $NAME"
		kind create cluster --name "$NAME" --config - <<-NODES
			kind: Cluster
			apiVersion: kind.x-k8s.io/v1alpha4
			nodes:
			- role: control-plane
			- {role: worker, labels: {topology.kubernetes.io/zone: zone-1}}
			- {role: worker, labels: {topology.kubernetes.io/zone: zone-2}}
			- {role: worker, labels: {topology.kubernetes.io/zone: zone-3}}
		NODES
	fi
	KUBECONFIG=$OUT/kind-$NAME.kubeconfig
	export KUBECONFIG
	kind export kubeconfig --name "$NAME" --kubeconfig "$KUBECONFIG"
	for archive in "${ARCHIVES[@]}"; do
		kind load image-archive "$archive" --name "$NAME"
	done
}

up_existing() {
	[[ -n $REGISTRY ]] || die "CLUSTER=existing needs images that your nodes can pull. Build and push them:
    make image elasticell-images
    for i in cell-operator:$VERSION pd:latest store:latest proxy:latest; do
        docker tag deepfabric/\$i REGISTRY/\$i && docker push REGISTRY/\$i
    done
(without docker, the archives in _out/images can be pushed by skopeo), then say where they are:
    make demo CLUSTER=existing REGISTRY=registry.example.com/me"
	find_clients
	kubectl get --raw /readyz >/dev/null || die "the current kubeconfig reaches no Kubernetes: set KUBECONFIG, and try kubectl get nodes"
	say "Using the Kubernetes of $(kubectl config current-context 2>/dev/null || echo KUBECONFIG)"
}

# chart RELEASE CHART NAMESPACE [ARG...]: installs a chart; in a second demo it upgrades it. VERB says which.
chart() {
	local release=$1 chart=$2 namespace=$3
	VERB=install
	if helm status "$release" --namespace="$namespace" >/dev/null 2>&1; then VERB=upgrade; fi
	set -- helm "$VERB" "$release" "charts/$chart" --namespace="$namespace" "${@:4}"
	[[ $VERB == upgrade ]] || set -- "$@" --create-namespace
	say "$*"
	"$@"
}

# Sends a Redis command to the proxies' Service: by its address where this
# machine reaches it, else through kubectl.
redis() {
	if [[ -z $CLUSTER ]]; then
		cell_cluster run -- "$OUT/bin/redis" -wait 5m -addr "$PROXY" "$@"
		return
	fi
	kubectl --namespace=cell wait cc/demo --for=condition=Available --timeout=10m >/dev/null
	local log port forward status=0
	log=$(mktemp)
	kubectl --namespace=cell port-forward service/demo-proxy :6379 >"$log" 2>&1 &
	forward=$!
	for _ in {1..100}; do
		port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$log")
		if [[ -n $port ]] || ! kill -0 "$forward" 2>/dev/null; then break; fi
		sleep 0.1
	done
	if [[ -n $port ]]; then
		"$OUT/bin/redis" -wait 1m -addr "127.0.0.1:$port" "$@" || status=$?
	else
		cat "$log" >&2
		status=1
	fi
	kill "$forward" 2>/dev/null || true
	wait "$forward" 2>/dev/null || true
	rm -f "$log"
	return "$status"
}

install_charts() {
	local operator=() cluster=()
	if [[ -n $CLUSTER ]]; then
		cluster+=(--set "pd.storageClassName=$STORAGE_CLASS,store.storageClassName=$STORAGE_CLASS")
	fi
	if [[ -n $REGISTRY ]]; then
		operator+=(--set "operatorImage=$REGISTRY/cell-operator:$VERSION")
		cluster+=(--set "pd.image=$REGISTRY/pd:latest,store.image=$REGISTRY/store:latest,proxy.image=$REGISTRY/proxy:latest")
	fi
	chart cell-operator cell-operator cell-admin "${operator[@]}"
	local begin=$EPOCHREALTIME
	chart cell cell-cluster cell "${cluster[@]}"
	say "Waiting for the first PONG of the proxies' Service"
	redis PING
	printf 'The first PONG came %.1f s after helm %s.\n' "$(seconds_since "$begin")" "$VERB"
	say "Waiting until all is ready"
	kubectl --namespace=cell wait cc/demo --for=condition=Ready --timeout=10m
}

# Seconds since a moment of EPOCHREALTIME.
seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { print to - from }'; }

tell() {
	local again="" prefix="" down="make demo-down"
	[[ -z $CLUSTER ]] || again=" CLUSTER=$CLUSTER"
	[[ $NAME == cell ]] || again+=" CLUSTER_NAME=$NAME"
	say "kubectl --namespace=cell get all"
	kubectl --namespace=cell get all
	say "A SET and a GET through the Service demo-proxy"
	redis SET greeting "hello from Elasticell"
	redis GET greeting
	say "It works. To go on:"
	[[ $CLUSTER == existing ]] || echo "  export KUBECONFIG=$KUBECONFIG"
	[[ -z $CLIENTS ]] || echo "  export PATH=$CLIENTS:\$PATH"
	cat <<-NEXT
		  kubectl --namespace=cell get cc,pods
		  kubectl --namespace=cell describe cc demo
		  helm upgrade cell charts/cell-cluster --namespace=cell --reuse-values --set proxy.replicas=3
	NEXT
	if [[ -z $CLUSTER ]]; then
		[[ $NAME == cell ]] || prefix=" --name $NAME"
		echo "  _out/bin/cell-cluster$prefix run -- redis-cli -h ${PROXY%:*}"
	else
		echo "  kubectl --namespace=cell port-forward service/demo-proxy 6379:6379"
	fi
	printf 'and to take it away again:\n  %s%s\n' "$down" "$again"
}

# Shows what there is to see when something failed.
explain() {
	local status=$?
	[[ $status -ne 0 ]] || return
	printf '\ndemo: it failed. This is how things stand:\n' >&2
	if command -v kubectl >/dev/null && [[ -n ${KUBECONFIG-}$CLUSTER ]]; then
		kubectl --namespace=cell-admin get pods,events >&2 || true
		kubectl --namespace=cell get cc,pods,events >&2 || true
	fi
	exit "$status"
}

up() {
	build_tools
	case $CLUSTER in
	"") up_own ;;
	kind) up_kind ;;
	existing) up_existing ;;
	*) die "CLUSTER=$CLUSTER: use kind or existing, or leave it empty for a new Kubernetes on this machine" ;;
	esac
	trap explain EXIT
	install_charts
	tell
}

down() {
	case $CLUSTER in
	"")
		[[ -x $OUT/bin/cell-cluster ]] || build_tools
		cell_cluster down
		;;
	kind) kind delete cluster --name "$NAME" ;;
	existing)
		build_tools
		find_clients
		helm uninstall cell --namespace=cell --ignore-not-found --wait
		helm uninstall cell-operator --namespace=cell-admin --ignore-not-found
		echo "Left behind on purpose, since they hold data: the volume claims in the namespace cell, and the CustomResourceDefinition."
		echo "To remove them too: kubectl delete namespace cell cell-admin && kubectl delete crd cellclusters.deepfabric.com"
		;;
	*) die "CLUSTER=$CLUSTER: use what you used for demo" ;;
	esac
}

case ${1-} in
up) up ;;
down) down ;;
*) die "use demo.sh up or demo.sh down" ;;
esac
