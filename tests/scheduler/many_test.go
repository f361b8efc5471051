// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/internal/schedule"
)

// sizes of PDs and stores that clusters have.
var sizes = [][2]int32{{3, 3}, {3, 6}, {5, 5}, {1, 3}, {4, 4}, {3, 7}}

func many(ctx context.Context, ns string, count int) ([]*v1alpha1.CellCluster, error) {
	clusters := make([]*v1alpha1.CellCluster, count)
	var group errgroup.Group
	group.SetLimit(16)
	for i := range clusters {
		group.Go(func() (err error) {
			size := sizes[i%len(sizes)]
			clusters[i], err = tryCreate(ctx, cluster(ns, fmt.Sprintf("c%d", i), size[0], size[1], nil))
			return err
		})
	}
	return clusters, group.Wait()
}

// TestFiftyAtOnce creates 50 clusters at once on 300 nodes in three zones.
func TestFiftyAtOnce(t *testing.T) {
	start(t, schedule.Options{})
	begin := time.Now()
	clusters, err := many(t.Context(), namespace(t), 50)
	require.NoError(t, err)
	zones, members := zoneOf(t), 0
	for _, c := range clusters {
		on := placed(t, c)
		checkRules(t, c, on, zones)
		members += len(on[naming.PD]) + len(on[naming.Store])
	}
	t.Logf("%d clusters with %d members were placed in %v", len(clusters), members, time.Since(begin).Round(time.Millisecond))
}

// TestRestartsInTheMiddle kills the extender, and then kube-scheduler, while clusters are placed.
func TestRestartsInTheMiddle(t *testing.T) {
	s := start(t, schedule.Options{})
	var clusters []*v1alpha1.CellCluster
	var creating errgroup.Group
	ns := namespace(t)
	creating.Go(func() (err error) {
		clusters, err = many(t.Context(), ns, 30)
		return err
	})
	for range 3 {
		time.Sleep(700 * time.Millisecond) // an arbitrary moment
		s.StopExtender()
		require.NoError(t, s.StartExtender(t.Context()))
		time.Sleep(300 * time.Millisecond)
		s.StopKubeScheduler()
		require.NoError(t, s.StartKubeScheduler(t.Context()))
	}
	require.NoError(t, creating.Wait())
	zones := zoneOf(t)
	for _, c := range clusters {
		checkRules(t, c, placed(t, c), zones)
	}
}

// checkRules counts anew, with nothing of the extender's, what would be lost with a zone or a node.
func checkRules(t *testing.T, c *v1alpha1.CellCluster, on map[naming.Component][]string, zones map[string]string) {
	t.Helper()
	inZones := func(nodes []string) map[string]int {
		var names []string
		for _, n := range nodes {
			names = append(names, zones[n])
		}
		return count(names)
	}
	pds := int(c.Spec.PD.Replicas)
	bearable := max((pds-1)/2, (pds+2)/3) // with four PDs three zones cannot do better than two
	assert.LessOrEqual(t, most(inZones(on[naming.PD])), bearable, "%s: PDs in zones: %v", c.Name, inZones(on[naming.PD]))
	assert.LessOrEqual(t, most(count(on[naming.PD])), max((pds-1)/2, 1), "%s: PDs on nodes: %v", c.Name, on[naming.PD])
	stores := inZones(on[naming.Store])
	assert.Len(t, stores, 3, "%s: three replicas, three zones: %v", c.Name, stores)
	even := (int(c.Spec.Store.Replicas) + 2) / 3
	assert.LessOrEqual(t, most(stores), even, "%s: stores in zones: %v", c.Name, stores)
}
