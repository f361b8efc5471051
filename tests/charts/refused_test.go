// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRefusedValues: what cannot work is refused before anything is installed,
// with a message that names the value.
func TestRefusedValues(t *testing.T) {
	cases := []struct {
		chart, values string
		want          []string // what the message must say
	}{
		// Unknown values at each level, and values that only the original's chart had.
		{clusterChart, "nonsense: 1", []string{"'nonsense' not allowed"}},
		{clusterChart, "{discovery: {image: x}, rbac: {create: true}, metaInstance: x}", []string{"'discovery'", "'rbac'", "'metaInstance'", "not allowed"}},
		{clusterChart, "pd: {replica: 3}", []string{"/pd", "'replica' not allowed"}},
		{clusterChart, "pd: {config: {logLevel: info}}", []string{"/pd/config", "'logLevel' not allowed"}},
		{clusterChart, "pd: {config: {limits: {leaders: 1}}}", []string{"/pd/config/limits", "'leaders'"}},
		{clusterChart, "pd: {resources: {storage: 1Gi}}", []string{"/pd/resources", "'storage'"}},
		{clusterChart, "pd: {resources: {requests: {disk: 1Gi}}}", []string{"/pd/resources/requests", "'disk'"}},
		{clusterChart, "pd: {failover: {enable: true}}", []string{"/pd/failover", "'enable'"}},
		{clusterChart, "store: {service: {type: NodePort}}", []string{"/store", "'service'"}},
		{clusterChart, "store: {defaultcfBlockCacheSize: 1GB}", []string{"/store", "'defaultcfBlockCacheSize'"}},
		{clusterChart, "store: {initialCells: {size: 1}}", []string{"/store/initialCells", "'size'"}},
		{clusterChart, "store: {locationLabels: {region: x}}", []string{"/store/locationLabels", "'region'"}},
		{clusterChart, "proxy: {storageClassName: x}", []string{"/proxy", "'storageClassName'"}},
		{clusterChart, "proxy: {resources: {requests: {storage: 1Gi}}}", []string{"/proxy/resources/requests", "'storage'"}},
		{clusterChart, "proxy: {service: {exposeStatus: true}}", []string{"/proxy/service", "'exposeStatus'"}},
		{clusterChart, "proxy: {autoscaling: {maxReplicas: 3, target: 80}}", []string{"/proxy/autoscaling", "'target'"}},
		{clusterChart, "services: [{name: pd, port: 1}]", []string{"/services/0", "'port'"}},
		{operatorChart, "scheduler: {image: x}", []string{"/scheduler", "'image' not allowed"}},
		{operatorChart, "controllerManager: {replica: 1}", []string{"/controllerManager", "'replica'"}},
		{operatorChart, "controllerManager: {leaderElection: {enable: false}}", []string{"/controllerManager/leaderElection", "'enable'"}},
		{operatorChart, "controllerManager: {metrics: {serviceMonitor: {enable: true}}}", []string{"/metrics/serviceMonitor", "'enable'"}},
		{operatorChart, "clusterPermissions: {secrets: true}", []string{"/clusterPermissions", "'secrets'"}},
		{operatorChart, "crds: {upgrade: true}", []string{"/crds", "'upgrade'"}},
		{operatorChart, "rbac: {wildcard: true}", []string{"/rbac", "'wildcard'"}},

		// Numbers out of bounds.
		{clusterChart, "pd: {replicas: 0}", []string{"/pd/replicas", "got 0, want 1"}},
		{clusterChart, "pd: {replicas: 2.5}", []string{"/pd/replicas", "want integer"}},
		{clusterChart, "pd: {replicas: three}", []string{"/pd/replicas", "got string"}},
		{clusterChart, "pd: {replicas: null}", []string{"/pd", "missing property 'replicas'"}},
		{clusterChart, "pd: {maxReplicas: 0}", []string{"/pd/maxReplicas"}},
		{clusterChart, "store: {replicas: 0}", []string{"/store/replicas", "got 0, want 1"}},
		{clusterChart, "store: {initialCells: {count: 5000}}", []string{"/store/initialCells/count", "4,096"}},
		{clusterChart, "proxy: {replicas: -1}", []string{"/proxy/replicas"}},
		{clusterChart, "proxy: {service: {nodePort: 70000}}", []string{"/proxy/service/nodePort"}},
		{clusterChart, "proxy: {autoscaling: {minReplicas: 1}}", []string{"/proxy/autoscaling", "missing property 'maxReplicas'"}},
		{clusterChart, "store: {terminationGracePeriodSeconds: 0}", []string{"/store/terminationGracePeriodSeconds"}},
		{operatorChart, "controllerManager: {replicas: -1}", []string{"/controllerManager/replicas"}},
		{operatorChart, "controllerManager: {logLevel: 11}", []string{"/controllerManager/logLevel"}},
		{operatorChart, "controllerManager: {workers: 0}", []string{"/controllerManager/workers"}},
		{operatorChart, "controllerManager: {metrics: {port: 80}}", []string{"/controllerManager/metrics/port"}},

		// Words that are none.
		{clusterChart, "pd: {imagePullPolicy: Sometimes}", []string{"/pd/imagePullPolicy", "'IfNotPresent'"}},
		{clusterChart, "pd: {logLevel: loud}", []string{"/pd/logLevel", "'debug'"}},
		{clusterChart, "pvReclaimPolicy: Keep", []string{"/pvReclaimPolicy", "'Retain'"}},
		{clusterChart, "services: [{name: tikv}]", []string{"/services/0/name", "'pd'"}},
		{clusterChart, "services: [{name: pd, type: ExternalName}]", []string{"/services/0/type", "'ClusterIP'"}},
		{clusterChart, "proxy: {service: {type: Nodeport}}", []string{"/proxy/service/type", "'NodePort'"}},
		{clusterChart, "proxy: {config: {workerCount: 3}}", []string{"/proxy/config/workerCount"}},
		{clusterChart, "clusterName: Demo_1", []string{"/clusterName"}},
		{clusterChart, "clusterName: 1demo", []string{"/clusterName"}},
		{clusterChart, "clusterName: " + strings.Repeat("a", 41), []string{"/clusterName", "40"}},
		{clusterChart, "clusterName: ''", []string{"/clusterName"}},
		{operatorChart, "imagePullPolicy: ifnotpresent", []string{"/imagePullPolicy"}},
		{operatorChart, "namespaces: [Team_A]", []string{"/namespaces/0"}},
		{operatorChart, "namespaces: [a, a]", []string{"/namespaces", "equal"}},
		{operatorChart, "controllerManager: {extraArgs: [workers=3]}", []string{"/controllerManager/extraArgs/0"}},

		// No image, and quantities and durations that cannot be read.
		{clusterChart, "pd: {image: ''}", []string{"/pd/image"}},
		{clusterChart, "store: {image: null}", []string{"/store", "missing property 'image'"}},
		{clusterChart, "proxy: {image: 'a b'}", []string{"/proxy/image"}},
		{operatorChart, "operatorImage: ''", []string{"/operatorImage"}},
		{clusterChart, "pd: {resources: {requests: {storage: 1GB}}}", []string{"/pd/resources/requests/storage", "'1GB'"}},
		{clusterChart, "store: {resources: {limits: {memory: lots}}}", []string{"/store/resources/limits/memory", "'lots'"}},
		{clusterChart, "store: {resources: {limits: {cpu: -1}}}", []string{"/store/resources/limits/cpu"}},
		{clusterChart, "pd: {maxStoreDownTime: 1 hour}", []string{"/pd/maxStoreDownTime", "'1 hour'"}},
		{clusterChart, "pd: {maxStoreDownTime: 60}", []string{"/pd/maxStoreDownTime", "want string"}},
		{clusterChart, "store: {evictLeaderTimeout: -5m}", []string{"/store/evictLeaderTimeout"}},
		{operatorChart, "controllerManager: {resources: {limits: {memory: 1Zi}}}", []string{"/controllerManager/resources/limits/memory"}},
		{operatorChart, "controllerManager: {leaderElection: {leaseDuration: 15}}", []string{"/controllerManager/leaderElection/leaseDuration"}},

		// Combinations, refused by the templates.
		{operatorChart, "controllerManager: {leaderElection: {enabled: false}}", []string{"controllerManager.leaderElection.enabled", "set it to true, or controllerManager.replicas to 1"}},
		{operatorChart, "controllerManager: {metrics: {service: {enabled: false}, serviceMonitor: {enabled: true}}}", []string{"set controllerManager.metrics.service.enabled to true"}},
		{operatorChart, "controllerManager: {pprof: {enabled: true, port: 8080}}", []string{"controllerManager.pprof.port"}},
		{operatorChart, "clusterPermissions: {nodes: false}", []string{"set all three to true, or all three to false"}},
	}
	for _, c := range cases {
		t.Run(c.chart+"/"+c.values, func(t *testing.T) {
			_, err := renderFiles(c.chart, c.values)
			require.Error(t, err)
			for _, want := range c.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

// schema is the part of JSON schema that the charts use.
type schema struct {
	Ref                  string            `json:"$ref"`
	Properties           map[string]schema `json:"properties"`
	AdditionalProperties json.RawMessage   `json:"additionalProperties"`
	Items                *schema           `json:"items"`
	Definitions          map[string]schema `json:"definitions"`
}

func readSchema(t *testing.T, chart string) schema {
	t.Helper()
	var s schema
	text := readFile(t, filepath.Join("..", "..", "charts", chart, "values.schema.json"))
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	return s
}

// walk calls visit for each schema in s, with the path to it.
func walk(path string, s schema, visit func(path string, s schema)) {
	visit(path, s)
	for name, p := range s.Properties {
		walk(path+"/"+name, p, visit)
	}
	for name, d := range s.Definitions {
		walk(path+"#"+name, d, visit)
	}
	if s.Items != nil {
		walk(path+"/*", *s.Items, visit)
	}
}

// TestSchemaIsStrict: an object that lists its properties takes no others.
func TestSchemaIsStrict(t *testing.T) {
	for _, chart := range []string{operatorChart, clusterChart} {
		walk("", readSchema(t, chart), func(path string, s schema) {
			if len(s.Properties) > 0 {
				assert.JSONEq(t, "false", string(s.AdditionalProperties), "%s: %s takes unknown values", chart, path)
			}
		})
	}
}

// TestEveryValueIsInValues: what the schema allows is in values.yaml, where users look.
func TestEveryValueIsInValues(t *testing.T) {
	hidden := []string{"global", "ephemeral-storage"}
	for _, chart := range []string{operatorChart, clusterChart} {
		values := readFile(t, filepath.Join("..", "..", "charts", chart, "values.yaml"))
		walk("", readSchema(t, chart), func(path string, s schema) {
			for name := range s.Properties {
				if !slices.Contains(hidden, name) {
					assert.Contains(t, values, name+":", "%s%s/%s", chart, path, name)
				}
			}
		})
	}
}
