// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdstate"
)

// A store counts as drained when it was seen so twice, a heartbeat apart, under one PD leader.
func TestDrainWatch(t *testing.T) {
	const heartbeat = 5 * time.Second
	begin := time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)
	// A look is at a second after the begin, at a store, under a leader that leads since a second.
	type look struct {
		cluster types.UID
		at      int
		store   uint64
		leader  string
		since   int
		drained bool
		want    bool
	}
	tests := map[string][]look{
		"once":                              {{"a", 0, 4, "pd-0", -60, true, false}},
		"twice":                             {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 5, 4, "pd-0", -60, true, true}},
		"too early, then not":               {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 4, 4, "pd-0", -60, true, false}, {"a", 6, 4, "pd-0", -60, true, true}},
		"an early look does not start anew": {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 3, 4, "pd-0", -60, true, false}, {"a", 5, 4, "pd-0", -60, true, true}},
		"never":                             {{"a", 0, 4, "pd-0", -60, false, false}, {"a", 5, 4, "pd-0", -60, false, false}},
		"not in between":                    {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 2, 4, "pd-0", -60, false, false}, {"a", 5, 4, "pd-0", -60, true, false}, {"a", 10, 4, "pd-0", -60, true, true}},
		"not the second time":               {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 5, 4, "pd-0", -60, false, false}},
		"another leader":                    {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 5, 4, "pd-1", -60, true, false}, {"a", 10, 4, "pd-1", -60, true, true}},
		"the leader began anew":             {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 5, 4, "pd-0", 3, true, false}, {"a", 10, 4, "pd-0", 3, true, true}},
		"leaders come and go":               {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 5, 4, "pd-1", 4, true, false}, {"a", 10, 4, "pd-0", 9, true, false}},
		"another store":                     {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 5, 5, "pd-0", -60, true, false}},
		"another cluster":                   {{"a", 0, 4, "pd-0", -60, true, false}, {"b", 5, 4, "pd-0", -60, true, false}, {"a", 5, 4, "pd-0", -60, true, true}},
		"it holds only once":                {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 5, 4, "pd-0", -60, true, true}, {"a", 6, 4, "pd-0", -60, true, false}},
		"too long ago":                      {{"a", 0, 4, "pd-0", -60, true, false}, {"a", 51, 4, "pd-0", -60, true, false}, {"a", 56, 4, "pd-0", -60, true, true}},
		"PD's clock turned back":            {{"a", 9, 4, "pd-0", -60, true, false}, {"a", 0, 4, "pd-0", -60, true, false}},
	}
	second := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Second) }
	for name, looks := range tests {
		t.Run(name, func(t *testing.T) {
			w := newDrainWatch()
			for i, l := range looks {
				s := &pdstate.Snapshot{At: second(l.at), LeaderEndpoint: l.leader, LeaderSince: second(l.since)}
				assert.Equal(t, l.want, w.twice(l.cluster, &pdapi.Store{ID: l.store}, s, l.drained, heartbeat), "look %d", i)
			}
		})
	}
}

func TestEvictingSince(t *testing.T) {
	at := time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)
	tests := map[string]struct {
		mark string
		want time.Time
	}{
		"for this":             {"2026-03-04T05:06:07Z remove", at},
		"in another time zone": {"2026-03-04T06:06:07+01:00 remove", at},
		"for another purpose":  {"2026-03-04T05:06:07Z 0123abcd", time.Time{}},
		"for none":             {"2026-03-04T05:06:07Z", time.Time{}},
		"no mark":              {"", time.Time{}},
		"not a time":           {"yesterday remove", time.Time{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{naming.AnnotationEvicting: test.mark}}}
			assert.True(t, test.want.Equal(evictingSince(p, "remove")), "%v", evictingSince(p, "remove"))
		})
	}
	assert.True(t, evictingSince(nil, "remove").IsZero())
}
