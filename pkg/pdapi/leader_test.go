// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

func TestLeaderIsFoundByAskingMembers(t *testing.T) {
	// Of three, the one that was asked at the same time as the leader could be noted after the reset.
	s := start(t, pdtest.Config{Members: []string{"pd-0", "pd-1"}})
	assert.Equal(t, "http://pd-0:2379", leader(t, s.Client))
	require.NoError(t, s.Elect("pd-1"))
	assert.Equal(t, "http://pd-1:2379", leader(t, s.Client))
	s.ResetCalls()
	assert.Equal(t, "http://pd-1:2379", leader(t, s.Client))
	calls := s.Calls()
	require.Len(t, calls, 1, "the last leader is asked first, and alone")
	assert.Equal(t, "pd-1", calls[0].Member)
	assert.True(t, calls[0].Own)

	_, err := s.System(ctx)
	require.NoError(t, err)
	assert.Equal(t, "pd-1", s.Calls()[1].Member, "other reads go to the leader too")
}

func TestWhoWorkedIsAskedFirst(t *testing.T) {
	s := start(t, pdtest.Config{})
	require.NoError(t, s.Elect("pd-2"))
	s.StopMember("pd-0")
	for range 2 {
		_, err := s.System(ctx)
		require.NoError(t, err)
	}
	s.StopMember("pd-1")
	_, err := s.System(ctx)
	require.NoError(t, err)
	var members []string
	for _, c := range s.Calls() {
		members = append(members, c.Member)
	}
	assert.Equal(t, []string{"pd-1", "pd-1", "pd-2"}, members)
	require.NoError(t, s.StartMember("pd-0"))
	s.ResetCalls()
	_, err = s.System(ctx)
	require.NoError(t, err)
	assert.Equal(t, "pd-2", s.Calls()[0].Member, "not the first of the list")
}

func TestFollowersForward(t *testing.T) {
	s := start(t, pdtest.Config{})
	s.addStores(t, "store-0")
	follower := pdapi.New([]string{"http://pd-1:2379"}, s.options)
	stores, err := follower.Stores(ctx)
	require.NoError(t, err)
	assert.Len(t, stores, 1)

	s.ListenOnAnyAddress("pd-0")
	_, err = follower.Stores(ctx)
	require.ErrorIs(t, err, pdapi.ErrUnknown)
	assert.Contains(t, err.Error(), "redirect to not leader")
	assert.Contains(t, err.Error(), "-urls-client")
	_, err = s.Stores(ctx)
	require.NoError(t, err, "the leader itself answers")

	s.StopMember("pd-0")
	_, err = follower.Stores(ctx)
	assert.ErrorIs(t, err, pdapi.ErrUnknown)
}

func TestElection(t *testing.T) {
	s := start(t, pdtest.Config{})
	id := s.addStores(t, "store-0")[0]
	assert.Equal(t, "http://pd-0:2379", leader(t, s.Client))

	s.StopMember("pd-0")
	_, _, err := s.Client.Leader(ctx)
	require.ErrorIs(t, err, pdapi.ErrNoLeader)
	_, err = s.Stores(ctx)
	require.ErrorIs(t, err, pdapi.ErrUnknown)
	assert.Contains(t, err.Error(), "redirect failed", "the record of the dead leader still stands")
	s.Expire()
	_, err = s.Stores(ctx)
	require.ErrorIs(t, err, pdapi.ErrUnknown)
	assert.Contains(t, err.Error(), "PANIC")
	members, err := s.Members(ctx)
	require.NoError(t, err, "etcd's list needs no PD leader")
	assert.Len(t, members, 3)
	healthy, err := s.Health(ctx, "http://pd-1:2379")
	require.NoError(t, err)
	assert.True(t, healthy, "health says nothing about the leader")

	require.NoError(t, s.Elect("pd-1"))
	assert.Equal(t, "http://pd-1:2379", leader(t, s.Client))
	store := s.store(t, id)
	assert.True(t, store.LastHeartbeat.IsZero())
	assert.Zero(t, store.CellCount, "the new leader knows no figure yet")
	assert.Nil(t, s.cells(t)[0].Leader)
	s.Heartbeat()
	store = s.store(t, id)
	assert.Equal(t, 1, store.CellCount)
	assert.Equal(t, id, s.cells(t)[0].Leader.StoreID)
}

func TestWedgedMemberNeverCampaigns(t *testing.T) {
	s := start(t, pdtest.Config{})
	s.Wedge("pd-0")
	require.Error(t, s.Elect("pd-0"))
	_, _, err := s.Client.Leader(ctx)
	require.ErrorIs(t, err, pdapi.ErrNoLeader)
	s.StopMember("pd-0")
	require.NoError(t, s.StartMember("pd-0"))
	require.NoError(t, s.Elect("pd-0"))
	assert.Equal(t, "http://pd-0:2379", leader(t, s.Client))
}

func TestUnwellMembers(t *testing.T) {
	modes := map[string]struct {
		mode       pdtest.Mode
		all        string // the class when all are so
		oneIsMinor bool   // whether the others still find the leader
	}{
		"silent":    {pdtest.Silent, "unreachable", true},
		"garbage":   {pdtest.Garbage, "garbage", true},
		"panicking": {pdtest.Panicking, "no_leader", true},
		"refusing":  {pdtest.Refusing, "refused", false},
	}
	for name, tt := range modes {
		t.Run(name, func(t *testing.T) {
			s := start(t, pdtest.Config{})
			s.addStores(t, "store-0")
			require.NoError(t, s.Elect("pd-2"))
			s.SetMode("pd-0", tt.mode)
			c := s.hasty()
			endpoint, _, err := c.Leader(ctx)
			if tt.oneIsMinor {
				require.NoError(t, err)
				assert.Equal(t, "http://pd-2:2379", endpoint)
				_, err = s.hasty().Stores(ctx)
				require.NoError(t, err)
			} else {
				require.Error(t, err)
			}

			s.SetModes(tt.mode)
			_, _, err = c.Leader(ctx)
			assert.Equal(t, tt.all, pdapi.Class(err), "%v", err)
			s.SetModes(pdtest.Well)
			_, _, err = c.Leader(ctx)
			require.NoError(t, err)
		})
	}
}

func TestSilentMembersAreNamed(t *testing.T) {
	s := start(t, pdtest.Config{})
	s.SetModes(pdtest.Silent)
	c := s.hasty()
	_, _, err := c.Leader(ctx)
	require.ErrorIs(t, err, pdapi.ErrUnreachable)
	assert.Equal(t, 3, strings.Count(err.Error(), "no answer in time"))
}

func TestMembers(t *testing.T) {
	s := start(t, pdtest.Config{})
	members, err := s.Members(ctx)
	require.NoError(t, err)
	require.Len(t, members, 3)

	added, err := s.Client.AddMember(ctx, "http://pd-3:2380")
	require.NoError(t, err)
	assert.Equal(t, []string{"http://pd-3:2380"}, added.PeerURLs)
	members, err = s.Members(ctx)
	require.NoError(t, err)
	require.Len(t, members, 4)
	i := slices.IndexFunc(members, func(m pdapi.Member) bool { return m.ID == added.ID })
	assert.Empty(t, members[i].Name, "added, and never started")

	err = s.RemoveMember(ctx, members[0].ID)
	require.ErrorIs(t, err, pdapi.ErrUnhealthyCluster, "too soon after the last change")
	assert.Contains(t, err.Error(), "ask again in 5 s")
	s.clock.step(6 * time.Second)
	_, err = s.Client.AddMember(ctx, "http://pd-4:2380")
	require.ErrorIs(t, err, pdapi.ErrUnhealthyCluster, "one has not started")
	require.Error(t, s.StartMember("pd-9"), "a member that was not added exits")
	require.NoError(t, s.StartMember("pd-3"))
	_, err = s.Client.AddMember(ctx, "http://pd-3:2380")
	require.ErrorIs(t, err, pdapi.ErrMemberExists)
	require.NoError(t, s.RemoveMember(ctx, added.ID))
	s.clock.step(6 * time.Second)
	require.ErrorIs(t, s.RemoveMember(ctx, added.ID), pdapi.ErrNotFound)

	s.StopMember("pd-2")
	_, err = s.Client.AddMember(ctx, "http://pd-5:2380")
	require.ErrorIs(t, err, pdapi.ErrUnhealthyCluster, "all must be up")
	members, err = s.Members(ctx)
	require.NoError(t, err)
	i = slices.IndexFunc(members, func(m pdapi.Member) bool { return m.Name == "pd-2" })
	require.NoError(t, s.RemoveMember(ctx, members[i].ID), "but for the one that goes")
}

func TestRemovedLeaderGoesOn(t *testing.T) {
	s := start(t, pdtest.Config{})
	members, err := s.Members(ctx)
	require.NoError(t, err)
	i := slices.IndexFunc(members, func(m pdapi.Member) bool { return m.Name == "pd-0" })
	require.NoError(t, s.RemoveMember(ctx, members[i].ID))
	assert.Equal(t, "http://pd-0:2379", leader(t, s.Client), "the removed process still leads")
	healthy, err := s.Health(ctx, "http://pd-0:2379")
	require.NoError(t, err)
	assert.False(t, healthy)

	// Whoever asks only the listed members does not find it, but they forward to it.
	listed := pdapi.New(s.Endpoints(), s.options)
	_, _, err = listed.Leader(ctx)
	require.ErrorIs(t, err, pdapi.ErrLeaderUnreachable)
	require.NotErrorIs(t, err, pdapi.ErrNoLeader)
	_, err = listed.System(ctx)
	require.NoError(t, err)
	s.StopMember("pd-0")
	require.Error(t, s.Elect("pd-0"))
	require.NoError(t, s.Elect("pd-1"))
	assert.Equal(t, "http://pd-1:2379", leader(t, listed))
}

func TestMembersOfNobody(t *testing.T) {
	s := start(t, pdtest.Config{Members: []string{"pd-0"}})
	s.SetModes(pdtest.Silent)
	c := s.hasty()
	assert.ErrorIs(t, c.RemoveMember(ctx, 1), pdapi.ErrUnreachable)
	s.StopMember("pd-0")
	_, err := c.AddMember(ctx, "http://pd-1:2380")
	assert.ErrorIs(t, err, pdapi.ErrUnreachable)
	_, err = c.Members(ctx)
	assert.ErrorIs(t, err, pdapi.ErrUnreachable)
	s.farm.Remove(s.PD)
	_, err = c.Members(ctx)
	assert.ErrorIs(t, err, pdapi.ErrUnreachable)
	assert.Contains(t, err.Error(), "no such host")
	require.NoError(t, c.Close())
}

// A change of the membership that the guard refuses is not sent.
func TestGuard(t *testing.T) {
	s := start(t, pdtest.Config{})
	refused := errors.New("the lease has run out")
	s.options.Guard = func() error { return refused }
	c := pdapi.New(s.Endpoints(), s.options)
	members, err := c.Members(ctx)
	require.NoError(t, err)
	require.ErrorIs(t, c.RemoveMember(ctx, members[2].ID), refused)
	_, err = c.AddMember(ctx, "http://pd-3:2380")
	require.ErrorIs(t, err, refused)
	now, err := c.Members(ctx)
	require.NoError(t, err)
	assert.Equal(t, members, now)
}
