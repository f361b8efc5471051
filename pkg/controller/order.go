// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/control"
	"github.com/deepfabric/elasticell-operator/pkg/manager"
	"github.com/deepfabric/elasticell-operator/pkg/manager/pd"
	"github.com/deepfabric/elasticell-operator/pkg/manager/proxy"
	"github.com/deepfabric/elasticell-operator/pkg/manager/store"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/view"
)

// Order is the list of what disrupts members, or might, in the order in which they go
// before each other; one of a cluster acts at a time. client makes a client of its
// PD, and again has it looked at again after a while.
//
//  0. nobody may evict what others depend on
//  1. what only a restart cures is restarted
//  2. what has begun ends: members that are gone, changes of the membership, drains
//  3. nodes are emptied, and members replaced, as somebody asks
//  4. a new spec is rolled out, PDs before stores
//  5. the numbers change
func Order(controls *control.Controls, client func(*view.Cluster) pdapi.Client, again func(*view.Cluster, time.Duration)) []manager.Operation {
	pds, stores := pd.NewScaler(controls, client, again), store.NewScaler(controls, client, again)
	replacedPDs, replacedStores := pd.NewReplacer(controls, client, again), store.NewReplacer(controls, client, again)
	drains := store.NewNodeDrain(controls, client, again)
	return []manager.Operation{
		drains.Hold(),

		pd.NewAwakener(controls, client),
		proxy.NewAwakener(controls, client),
		store.NewAwakener(controls, client),

		store.NewFailover(controls, client, again),
		pds.Begun(),
		replacedPDs,
		stores.Begun(),
		replacedStores.Begun(),

		drains,
		replacedStores.Begin(),
		replacedPDs.Asked(),

		pd.NewUpgrader(controls, client),
		store.NewUpgrader(controls, client, again),

		pds.Begin(),
		stores.Begin(),
	}
}
