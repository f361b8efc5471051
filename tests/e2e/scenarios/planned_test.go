// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/e2e/harness"
)

// longest is how long one planned change may take.
const longest = 10 * time.Minute

// TestPlanned changes a cluster on purpose in every way. Nobody may wait for it
// longer than the bar.
func TestPlanned(t *testing.T) {
	w := harness.Get(t)
	w.NeedOperator(t)
	w.OwnNamespace(t, "planned", "baseline")
	c := w.CellsNamed("planned", "cell", "planned")
	c.Install(t)
	c.AwaitReady(t)
	c.Write(t, "before")

	all := naming.Components()
	var values []string // what the chart has been given by now
	change := func(name, prefix string, more ...string) {
		t.Run(name, func(t *testing.T) {
			c.Planned(t, name, prefix, func() {
				values = append(values, more...)
				c.Upgrade(t, values...)
				c.AwaitReadyWithin(t, longest)
				awaitRest(t, c)
			})
		})
	}
	change("upgrade of PD", "pd", env("1", naming.PD)...)
	change("upgrade of the stores", "store", env("1", naming.Store)...)
	t.Run("upgrade of the proxies", func(t *testing.T) { upgradeProxies(t, c, &values) })
	change("upgrade of all", "all", env("2", all...)...)
	change("PD 3 → 5", "pd-out", "--set=pd.replicas=5")
	change("PD 5 → 3", "pd-in", "--set=pd.replicas=3")
	change("stores 3 → 5", "store-out", "--set=store.replicas=5")
	change("stores 5 → 3", "store-in", "--set=store.replicas=3")
	change("all 3 → 5", "all-out", "--set=pd.replicas=5,store.replicas=5,proxy.replicas=3")
	change("all 5 → 3", "all-in", "--set=pd.replicas=3,store.replicas=3,proxy.replicas=2")
	change("PD 3 → 1", "pd-one", "--set=pd.replicas=1")
	change("PD 1 → 3", "pd-three", "--set=pd.replicas=3")
	t.Run("disks are changed", func(t *testing.T) { changeDisks(t, c) })
	t.Run("a node is drained", func(t *testing.T) { drainNode(t, w, c) })
	t.Run("operator killed", func(t *testing.T) { upgradeUnderKills(t, w, c, append(values, env("3", all...)...)) })
	c.Read(t, "before")
}

// rest is for how long PD must have nothing to do until it has moved all that it
// wants to: it looks for more every 5 seconds.
const rest = 7 * time.Second

// awaitRest waits until PD has spread cells and leaders over the stores that there are now.
func awaitRest(t *testing.T, c *harness.Cells) {
	t.Helper()
	client := c.PD(t)
	busy := time.Now()
	harness.Within(t, longest, "PD has nothing more to move", func() error {
		system, err := client.System(t.Context())
		if err != nil || system.OperatorCount > 0 {
			busy = time.Now()
		}
		if still := time.Since(busy); still < rest {
			return fmt.Errorf("it had %.0f s ago", still.Seconds())
		}
		return nil
	})
}

// upgradeProxies ends when the last client has left the old proxies, or was made to.
func upgradeProxies(t *testing.T, c *harness.Cells, values *[]string) {
	c.Planned(t, "upgrade of the proxies", "proxy", func() {
		*values = append(*values, env("1", naming.Proxy)...)
		c.Upgrade(t, *values...)
		c.AwaitReady(t)
		harness.Eventually(t, "the old proxies are gone", func() error {
			if n := len(c.Pods(t, naming.Proxy)); n > 2 {
				return fmt.Errorf("there are %d", n)
			}
			return nil
		})
	})
}

// changeDisks has a PD and a store replaced on request.
func changeDisks(t *testing.T, c *harness.Cells) {
	store, pd := naming.Pod(c.Name, naming.Store, 1), naming.Pod(c.Name, naming.PD, 1)
	c.Planned(t, "a PD is replaced on request", "pd-replaced", func() {
		old := c.Member(t, pd)
		c.Replace(t, pd)
		c.AwaitOtherMember(t, pd, old, longest)
		c.AwaitReadyWithin(t, longest)
	})
	c.Planned(t, "a store is replaced on request", "store-replaced", func() {
		old := c.Stores(t)[store]
		c.Replace(t, store)
		c.AwaitOtherStore(t, store, old, longest)
		c.AwaitReadyWithin(t, longest)
		awaitRest(t, c)
	})
	whole(t, c)
}

// drainNode does what an administrator does before working on a node, and after it.
func drainNode(t *testing.T, w *harness.World, c *harness.Cells) {
	node := c.NodeOf(t, naming.Pod(c.Name, naming.Store, 1))
	on := func() (names []string) {
		for _, component := range naming.Components() {
			for _, p := range c.Pods(t, component) {
				if p.Spec.NodeName == node && p.DeletionTimestamp == nil {
					names = append(names, p.Name)
				}
			}
		}
		return names
	}
	c.Planned(t, "`kubectl drain` of a node, and back", "drain", func() {
		t.Logf("on %s are %v", node, on())
		began := time.Now()
		_, err := w.Patiently(longest, "kubectl", "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=5m")
		t.Cleanup(func() { w.Kubectl(t, "uncordon", node) })
		require.NoError(t, err)
		t.Logf("drained after %.1f s", time.Since(began).Seconds())
		assert.Empty(t, on())
		w.Kubectl(t, "uncordon", node)
		c.AwaitReadyWithin(t, longest)
	})
}

// upgradeUnderKills upgrades everything while no operator lives for longer than some seconds.
func upgradeUnderKills(t *testing.T, w *harness.World, c *harness.Cells, values []string) {
	// One operator, that waits for nobody's lease.
	w.UninstallOperator(t)
	w.InstallOperator(t, "--set=controllerManager.replicas=1,controllerManager.leaderElection.enabled=false")
	before := c.Lives(t, naming.Components()...)
	killed := 0
	c.Planned(t, "operator killed every 4 seconds during an upgrade of all", "killed", func() {
		c.Upgrade(t, values...)
		updated := func() error {
			var old []string
			for pod, life := range c.Lives(t, naming.Components()...) {
				if before[pod] == life {
					old = append(old, pod)
				}
			}
			if len(old) > 0 {
				slices.Sort(old)
				return fmt.Errorf("not yet restarted: %s", strings.Join(old, ", "))
			}
			return nil
		}
		for begin := time.Now(); updated() != nil && time.Since(begin) < longest; killed++ {
			time.Sleep(4 * time.Second)
			w.CrashOperator(t)
		}
		c.AwaitReadyWithin(t, longest)
		require.NoError(t, updated())
	})
	t.Logf("the operator was killed %d times", killed)
	assert.Greater(t, killed, 5, "the upgrade was quicker than the kills")
}
