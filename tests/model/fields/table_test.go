// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"strings"
)

// field is a part of the spec that takes effect as a whole.
type field struct {
	// path may have a star for each of pd, store and proxy.
	path string
	// a and b are two values, in YAML, that between them have every leaf below the path.
	a, b string
	// bad is a value of the right type that is refused; "" if there is none. says is part of the answer.
	bad, says string
	// at is where the value shows: "Kind/name:path", with {c} for the component and {set} for its StatefulSet or Deployment.
	at string
	// shows turns the value into what is to be seen there; nil leaves it as it is.
	shows func(v any) any
	// batch names the fields that are tried together.
	batch string
	// elsewhere says where a field is tried that does not show in objects, or cannot be changed freely.
	elsewhere string
}

// of is the path in a component.
func (f *field) of(component string) string { return strings.Replace(f.path, "*", component, 1) }

// paths are all the paths that the field stands for.
func (f *field) paths() []string {
	if !strings.Contains(f.path, "*") {
		return []string{f.path}
	}
	var out []string
	for _, c := range components {
		out = append(out, f.of(c))
	}
	return out
}

const (
	template  = "{set}:spec.template.spec."
	container = template + "containers[0]."
	// plan shows in the arguments of the start plan, each as its own text.
	planArgs = "plan {set}:args"
	planFile = "plan {set}:files"
)

// flag is how a value shows in a start plan.
func flag(name string, text func(v any) string) func(any) any {
	return func(v any) any { return []any{name + text(v)} }
}

// table is all fields of the CRD.
var table = []field{
	// What is tried elsewhere.
	{path: "spec.paused", elsewhere: "apiserver.TestWorkloads, api.TestPaused"},
	{path: "spec.launcherImage", elsewhere: "TestLauncherImage"},
	{path: "spec.*.replicas", elsewhere: "apiserver.TestWorkloads"},
	{path: "spec.*.storageClassName", elsewhere: "TestFixedFields; a proxy has no volume"},
	{path: "spec.store.initialCells", elsewhere: "TestFixedFields"},
	{path: "spec.*.requests.storage", elsewhere: "TestVolumeFields; a proxy has no volume"},
	{path: "spec.*.limits.storage", elsewhere: "it is taken for the sake of older manifests, and has no effect"},
	{path: "spec.enablePVReclaim", elsewhere: "apiserver.TestReclaim"},
	{path: "spec.pvReclaimPolicy", elsewhere: "TestVolumeFields"},
	{path: "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", elsewhere: "TestVolumeFields"},
	{path: "spec.*.failover", elsewhere: "it bounds decisions: model.TestFieldsThatBound; a proxy has none"},
	{path: "spec.store.evictLeaderTimeout", elsewhere: "it bounds decisions: model.TestFieldsThatBound"},
	{path: "spec.store.evictLeaderTimeoutPolicy", elsewhere: "it bounds decisions: model.TestFieldsThatBound"},
	{path: "spec.store.locationLabels", elsewhere: "TestLocationLabels"},

	// The cluster as a whole.
	{path: "spec.schedulerName", a: "one", b: "two", at: template + "schedulerName", batch: "cluster"},
	{path: "spec.timezone", a: "Asia/Shanghai", b: "Europe/Rome", at: container + "env", shows: named("TZ"), batch: "cluster"},
	{path: "spec.services", a: "[{name: pd, type: NodePort}]", b: "[{name: pd, type: ClusterIP}, {name: proxy, type: LoadBalancer}]",
		bad: "[{name: pd}, {name: pd}]", says: "keep one entry for each", at: "Service/demo-pd:spec.type", shows: typeOfPD, batch: "cluster"},

	// What all components have.
	{path: "spec.*.image", a: "image:a", b: "image:b", bad: `""`, says: "image is empty", at: container + "image", batch: "program"},
	{path: "spec.*.imagePullPolicy", a: "Always", b: "IfNotPresent", bad: "Sometimes", says: "Unsupported value", at: container + "imagePullPolicy", batch: "program"},
	{path: "spec.*.imagePullSecrets", a: "[{name: one}]", b: "[{name: one}, {name: two}]", at: template + "imagePullSecrets", batch: "program"},
	{path: "spec.*.extraArgs", a: "[-a=1]", b: "[-b=2, -c]", at: planArgs, batch: "program"},
	{path: "spec.*.terminationGracePeriodSeconds", a: "33", b: "44", bad: "0", says: "greater than or equal to 1", at: template + "terminationGracePeriodSeconds", batch: "program"},
	{path: "spec.*.env", a: "[{name: A, value: a}, {name: TZ, value: UTC}]", b: manyEnv, at: container + "env", batch: "program"},
	{path: "spec.*.requests.cpu", a: "100m", b: "1", bad: `"-1"`, says: "above 0", at: container + "resources.requests.cpu", shows: quantity, batch: "resources"},
	{path: "spec.*.requests.memory", a: "100Mi", b: "1G", bad: `"1e9999999999999"`, says: "quantity", at: container + "resources.requests.memory", shows: quantity, batch: "resources"},
	{path: "spec.*.limits.cpu", a: "2", b: "3500m", bad: "much", says: "limits.cpu", at: container + "resources.limits.cpu", shows: quantity, batch: "resources"},
	{path: "spec.*.limits.memory", a: "2Gi", b: "3Gi", bad: "0", says: "above 0", at: container + "resources.limits.memory", shows: quantity, batch: "resources"},
	{path: "spec.*.annotations", a: "{one: a}", b: "{one: b, two: c}", at: "{set}:spec.template.metadata.annotations", batch: "metadata"},
	{path: "spec.*.labels", a: "{one: a}", b: "{one: b, two: c}", at: "{set}:spec.template.metadata.labels", batch: "metadata"},
	{path: "spec.*.priorityClassName", a: "system-cluster-critical", b: "system-node-critical", at: template + "priorityClassName", batch: "metadata"},
	{path: "spec.*.nodeSelector", a: "{disk: ssd}", b: `{disk: "ssd, nvme", room: "1"}`, at: nodeTerms, shows: selectors, batch: "placement"},
	{path: "spec.*.nodeSelectorRequired", elsewhere: "TestPreferredNodes"},
	{path: "spec.*.tolerations", a: "[{key: a, operator: Equal, value: x, effect: NoSchedule}]",
		b: "[{key: b, operator: Exists, effect: NoExecute, tolerationSeconds: 30}]", at: template + "tolerations", batch: "placement"},
	{path: "spec.*.topologySpreadConstraints", a: spreadA, b: spreadB, at: template + "topologySpreadConstraints", batch: "placement"},
	{path: "spec.*.affinity", a: affinityA, b: affinityB, at: template + "affinity", batch: "affinity"},
	{path: "spec.*.securityContext", a: securityA, b: securityB, at: container + "securityContext", batch: "security"},
	{path: "spec.*.podSecurityContext", a: podSecurityA, b: podSecurityB, at: template + "securityContext", batch: "security"},
	{path: "spec.pd.topologyKeys", a: "[example.com/room]", b: "[example.com/room, kubernetes.io/hostname]", bad: "[a, a]", says: "Duplicate value",
		at: template + "topologySpreadConstraints", shows: topologies, batch: "topology"},
	{path: "spec.store.topologyKeys", a: "[example.com/room]", b: "[example.com/room, kubernetes.io/hostname]", bad: "[a, a]", says: "Duplicate value",
		at: template + "topologySpreadConstraints", shows: topologies, batch: "topology"},

	// Services.
	{path: "spec.pd.service", a: "{type: NodePort, nodePort: 30011, annotations: {lb: a}, externalTrafficPolicy: Local}",
		b:   "{type: LoadBalancer, nodePort: 30012, annotations: {lb: b, more: c}, externalTrafficPolicy: Cluster, loadBalancerSourceRanges: [10.0.0.0/8]}",
		bad: "{type: ExternalName}", says: "Unsupported value", at: "Service/demo-pd:", shows: service("client"), batch: "services"},
	{path: "spec.proxy.service", a: "{type: NodePort, nodePort: 30021, annotations: {lb: a}, externalTrafficPolicy: Local}",
		b:   "{type: LoadBalancer, nodePort: 30022, annotations: {lb: b, more: c}, externalTrafficPolicy: Cluster, loadBalancerSourceRanges: [10.0.0.0/8, 192.0.2.0/24]}",
		bad: "{nodePort: 70000}", says: "less than or equal to 65535", at: "Service/demo-proxy:", shows: service("redis"), batch: "services"},

	// PD.
	{path: "spec.pd.config.maxReplicas", a: "1", b: "2", bad: "0", says: "maxReplicas", at: planArgs, shows: flag("-limit-replicas=", number), batch: "replicas"},
	{path: "spec.pd.config.maxStoreDownTime", a: "30m", b: "1h30m", bad: "-5s", says: "above 0", at: planArgs, shows: flag("-interval-store-down=", seconds), batch: "pd"},
	{path: "spec.pd.config.leaderLease", a: "7s", b: "8s", bad: "soon", says: "soon", at: planArgs, shows: flag("-interval-leader-lease=", seconds), batch: "pd"},
	{path: "spec.pd.config.storageThreshold", a: "70", b: "90", bad: "101", says: "less than or equal to", at: planArgs, shows: flag("-threshold-rate-storage=", number), batch: "pd"},
	{path: "spec.pd.config.logLevel", a: "debug", b: "warn", bad: "loud", says: "Unsupported value", at: planArgs, shows: flag("-log-level=", text), batch: "pd"},
	{path: "spec.pd.config.limits.leader", a: "1", b: "2", bad: "-1", says: "greater than or equal to", at: planArgs, shows: flag("-limit-schedule-leader=", number), batch: "pd"},
	{path: "spec.pd.config.limits.cell", a: "3", b: "4", bad: "-1", says: "greater than or equal to", at: planArgs, shows: flag("-limit-schedule-cell=", number), batch: "pd"},
	{path: "spec.pd.config.limits.replica", a: "5", b: "6", bad: "-1", says: "greater than or equal to", at: planArgs, shows: flag("-limit-schedule-replica=", number), batch: "pd"},

	// Stores.
	{path: "spec.store.config.syncLog", a: "false", b: "true", at: planArgs, shows: syncLog, batch: "store"},
	{path: "spec.store.config.logLevel", a: "debug", b: "warn", bad: "loud", says: "Unsupported value", at: planArgs, shows: flag("-log-level=", text), batch: "store"},
	{path: "spec.store.config.cellCapacity", a: "134217728", b: "33554432", bad: "1", says: "greater than or equal to", at: planArgs, shows: flag("-capacity-cell=", number), batch: "store"},
	{path: "spec.store.config.storeHeartbeatInterval", a: "6s", b: "7s", bad: "0s", says: "above 0", at: planArgs, shows: flag("-interval-heartbeat-store=", seconds), batch: "store"},
	{path: "spec.store.config.cellHeartbeatInterval", a: "3s", b: "4s", bad: "0s", says: "above 0", at: planArgs, shows: flag("-interval-heartbeat-cell=", seconds), batch: "store"},
	{path: "spec.store.config.raftTickInterval", a: "200ms", b: "300ms", bad: "0s", says: "above 0", at: planArgs, shows: flag("-interval-raft-tick=", milliseconds), batch: "store"},
	{path: "spec.store.config.peerDownTime", a: "6m", b: "7m", bad: "9001h", says: "9000h", at: planArgs, shows: flag("-limit-peer-down=", seconds), batch: "store"},

	// Proxies.
	{path: "spec.proxy.config.logLevel", a: "debug", b: "warn", bad: "loud", says: "Unsupported value", at: planArgs, shows: flag("-log-level=", text), batch: "proxy"},
	{path: "spec.proxy.config.maxRetries", a: "5", b: "6", bad: "-1", says: "greater than or equal to", at: planFile, shows: setting("maxRetries"), batch: "proxy"},
	{path: "spec.proxy.config.retryDuration", a: "1s", b: "1500ms", bad: "0s", says: "above 0", at: planFile, shows: retry, batch: "proxy"},
	{path: "spec.proxy.config.workerCount", a: "4", b: "8", bad: "3", says: "Unsupported value", at: planFile, shows: setting("workerCount"), batch: "proxy"},
	{path: "spec.proxy.config.supportCMDs", a: "[ping, info]", b: "[ping, info, time]", at: planFile, shows: setting("supportCMDs"), batch: "proxy"},
	{path: "spec.proxy.autoscaling", a: "{minReplicas: 1, maxReplicas: 2}", b: autoscaling, bad: "{minReplicas: 3, maxReplicas: 2}", says: "lower minReplicas or raise maxReplicas",
		at: "HorizontalPodAutoscaler/demo-proxy:spec", batch: "autoscaling"},
}
