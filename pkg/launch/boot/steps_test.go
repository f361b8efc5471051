// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
)

func storePlan(f *fixture) launch.Plan {
	return launch.Plan{
		Component: launch.Store,
		Program:   "/usr/local/bin/cell",
		Args:      []string{"-addr=${HOST}:10800", "-zone=${ZONE}", "-rack=${RACK}"},
		Host:      "${POD_NAME}.peer",
		DataDir:   f.path("volume/data"),
		StateDir:  f.path("volume"),
		Location:  true,
	}
}

const annotations = "cell.deepfabric.com/rack=\"r1\"\ncell.deepfabric.com/zone=\"z1\"\n"

// newStore has a volume and a plan.
func newStore(t *testing.T) *fixture {
	f := newFixture(t, launch.Store, "demo-store-0")
	require.NoError(t, os.Mkdir(f.path("volume"), 0o755))
	f.writePlan(storePlan(f))
	return f
}

func TestWaitsForItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newStore(t)
		f.write("annotations", annotations)
		delete(f.network.hosts, "demo-store-0.peer")
		f.run()
		f.waitsFor("demo-store-0.peer to resolve to this pod's IP 10.0.0.1")
		f.waitsFor("no such host")

		f.network.change(func(n *fakeNetwork) { n.hosts["demo-store-0.peer"] = []string{"10.0.0.9", "nonsense"} })
		f.wait(10 * time.Second)
		f.waitsFor("it resolves to 10.0.0.9, nonsense")

		f.network.change(func(n *fakeNetwork) { n.hosts["demo-store-0.peer"] = []string{"10.0.0.9", "::ffff:10.0.0.1"} })
		f.wait(time.Second)
		f.started("-addr=demo-store-0.peer:10800", "-zone=z1", "-rack=r1")
	})
}

func TestWaitsForItsLocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newStore(t)
		f.write("annotations", "cell.deepfabric.com/zone=\"z1\"\n")
		f.run()
		f.waitsFor("to annotate this pod with cell.deepfabric.com/zone and cell.deepfabric.com/rack")
		f.wait(time.Hour)
		f.waitsFor("none remembered from an earlier start")
		f.waitsFor("waited=1h0m0s")

		f.write("annotations", annotations)
		f.wait(time.Second)
		f.started("-addr=demo-store-0.peer:10800", "-zone=z1", "-rack=r1")

		remembered, err := os.ReadFile(f.path("volume/location.json"))
		require.NoError(t, err)
		assert.JSONEq(t, `{"node":"node-1","zone":"z1","rack":"r1"}`, string(remembered))
		assert.NoDirExists(t, f.path("volume/data"), "the data directory is the store's own")
	})
}

func TestRemembersItsLocation(t *testing.T) {
	tests := []struct {
		name, remembered, node string
		annotated              bool
		at                     time.Duration // of the start; 0: at once
		zone                   string        // "": it never starts
		now                    string
	}{
		{name: "same node, no operator", remembered: `{"node":"node-1","zone":"z0","rack":"r0"}`, node: "node-1",
			at: 10 * time.Second, zone: "z0", now: "zone z0 and rack r0, is used if none comes"},
		{name: "another node", remembered: `{"node":"node-1","zone":"z0","rack":"r0"}`, node: "node-2",
			now: "that of node node-1, this is node-2"},
		{name: "unreadable", remembered: `{`, node: "node-1",
			now: "none remembered: read remembered location"},
		{name: "annotated again", remembered: `{"node":"node-2","zone":"z0","rack":"r0"}`, node: "node-1",
			annotated: true, zone: "z1"},
		{name: "unreadable and annotated", remembered: `{`, node: "node-1",
			annotated: true, zone: "z1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newStore(t)
				plan := storePlan(f)
				plan.Args = []string{"${ZONE}"}
				f.writePlan(plan)
				f.launcher.Pod.Node = tt.node
				f.write("volume/location.json", tt.remembered)
				if tt.annotated {
					f.write("annotations", annotations)
				}
				f.run()
				if tt.now != "" {
					f.waitsFor(tt.now)
				}
				f.wait(time.Minute)
				if tt.zone == "" {
					f.waitsFor(tt.now)
					return
				}
				f.started(tt.zone)
				assert.Equal(t, tt.at, f.execAt)
				after, err := os.ReadFile(f.path("volume/location.json"))
				require.NoError(t, err)
				assert.Contains(t, string(after), `"zone":"`+tt.zone+`"`)
				assert.Contains(t, string(after), `"node":"`+tt.node+`"`)
			})
		})
	}
}

func TestLocationFails(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*fixture)
		want    string
	}{
		{"no volume", func(f *fixture) { require.NoError(f, os.RemoveAll(f.path("volume"))) }, "stateDir must be on the pod's volume"},
		{"no node name", func(f *fixture) { f.launcher.Pod.Node = "" }, "spec.nodeName"},
		{"annotations that are none", func(f *fixture) { f.write("annotations", "zone: z") }, "read annotations: line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newStore(t)
				f.write("annotations", annotations)
				tt.prepare(f)
				f.run()
				f.failed(tt.want)
			})
		})
	}
}

func TestWaitsForWhatItNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, launch.Proxy, "demo-proxy-x")
		plan := proxyPlan(f)
		plan.WaitFor = []string{"pd.${POD_NAMESPACE}:20800", "other:1"}
		f.writePlan(plan)
		f.run()
		f.waitsFor("pd.cell:20800 to accept connections")
		f.network.change(func(n *fakeNetwork) { n.listen["pd.cell:20800"] = true })
		f.wait(time.Second)
		f.waitsFor("other:1 to accept connections")
		f.network.change(func(n *fakeNetwork) { n.listen["other:1"] = true })
		f.wait(time.Second)
		f.started("-cfg", f.path("proxy/cfg.json"))
	})
}
