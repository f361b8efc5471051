// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"strings"
	"testing"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// kinds are those that a cell cluster's objects can have, with those that
// Kubernetes makes of them.
var kinds = []string{
	"cellclusters", "statefulsets", "controllerrevisions", "deployments", "replicasets", "pods", "services",
	"endpointslices", "configmaps", "poddisruptionbudgets", "horizontalpodautoscalers",
}

// Objects are all objects of the cluster but its claims: UID by kind and name.
func (c *Cells) Objects(t *testing.T) map[string]string {
	t.Helper()
	objects := c.list(t, strings.Join(kinds, ","), naming.LabelInstance+"="+c.Name)
	cluster := c.w.Kubectl(t, "--namespace="+c.Namespace, "get", "cellclusters", "--ignore-not-found", "--field-selector=metadata.name="+c.Name,
		"--output", `jsonpath={.items[*].metadata.uid}`)
	if cluster != "" {
		objects["CellCluster/"+c.Name] = cluster
	}
	return objects
}

// Claims are the UIDs of the cluster's volume claims by name.
func (c *Cells) Claims(t *testing.T) map[string]string {
	t.Helper()
	return c.list(t, "persistentvolumeclaims", naming.LabelInstance+"="+c.Name)
}

func (c *Cells) list(t *testing.T, kinds, selector string) map[string]string {
	t.Helper()
	out := c.w.Kubectl(t, "--namespace="+c.Namespace, "get", kinds, "--selector="+selector, "--output",
		`jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid}{"\n"}{end}`)
	objects := map[string]string{}
	for line := range strings.Lines(out) {
		if name, uid, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			objects[name] = uid
		}
	}
	return objects
}
