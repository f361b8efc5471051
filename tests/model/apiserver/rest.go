// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// requests counts all but the opening of watches, and reads of a relist.
func (o *Operator) requests() int {
	return kube.Sum(o.Counts(), func(r kube.Request) bool { return r.Verb != "watch" })
}

// Quiet waits until the operator has made no request but watches for a while.
func (l *Lab) Quiet() {
	l.T.Helper()
	const long = 1500 * time.Millisecond
	last, since := -1, time.Now()
	l.Until(func() bool {
		if n := l.operator.requests(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > long
	}, func() string { return "the operator comes to rest; its requests: " + kube.Print(l.operator.Counts()) })
}

// Rests is the oracle of every run: the cluster is ready, and then a hundred
// syncs, and an operator that is new and lists everything again, write nothing.
func (l *Lab) Rests() {
	l.T.Helper()
	for ready := false; !ready; {
		l.AwaitReady()
		l.Until(l.labelled, func() string { return "all pods and claims carry the ids of their members" })
		l.Quiet()
		// It may have been ready by what PD had said before the last write, and be quiet amid a drain.
		ready = IsReady(l.Get())
	}
	before := l.operator.Counts()
	l.sync(100)
	l.silent(before, "a hundred syncs")
	l.Crash()
	l.Start(nil)
	l.Until(func() bool { return l.operator.syncs.Load() > 0 }, func() string { return "the new operator has synced" })
	l.Quiet()
	l.sync(10)
	l.silent(nil, "a new operator")
}

// labelled tells whether all pods and claims carry ids, the last that is written of a cluster.
func (l *Lab) labelled() bool {
	ids := map[string]string{"pd": naming.LabelMemberID, "store": naming.LabelStoreID, "proxy": naming.LabelClusterID}
	options := metav1.ListOptions{LabelSelector: l.Selector()}
	pods, err := l.Kube.CoreV1().Pods(l.Namespace).List(context.Background(), options)
	require.NoError(l.T, err)
	claims, err := l.Kube.CoreV1().PersistentVolumeClaims(l.Namespace).List(context.Background(), options)
	require.NoError(l.T, err)
	used := map[string]bool{}
	for i := range pods.Items {
		p := &pods.Items[i]
		used[naming.DataVolume+"-"+p.Name] = true
		if p.DeletionTimestamp == nil && p.Labels[ids[p.Labels[naming.LabelComponent]]] == "" {
			return false
		}
	}
	for i := range claims.Items {
		p := &claims.Items[i]
		if used[p.Name] && p.Labels[ids[p.Labels[naming.LabelComponent]]] == "" {
			return false
		}
	}
	return true
}

// silent checks that nothing was written.
func (l *Lab) silent(before map[kube.Request]int, who string) {
	l.T.Helper()
	var wrote []string
	for r, n := range l.operator.Counts() {
		if n -= before[r]; n > 0 && r.Verb != "watch" && r.Verb != "list" {
			wrote = append(wrote, fmt.Sprintf("%d of %s", n, r))
		}
	}
	assert.Empty(l.T, sorted(wrote), "%s wrote: %s", who, strings.Join(l.operator.Writes(), "; "))
}

// sync has the operator sync the cluster so often, by an annotation that nobody looks at.
func (l *Lab) sync(times int64) {
	l.T.Helper()
	began := l.operator.syncs.Load()
	for i := 0; l.operator.syncs.Load() < began+times; i++ {
		require.Less(l.T, i, 100*int(times), "events cause no sync")
		body := fmt.Appendf(nil, `{"metadata":{"annotations":{"touched":"%d"}}}`, i)
		pod := []string{l.Name + "-pd-0", l.Name + "-store-0"}[i%2]
		_, err := l.Kube.CoreV1().Pods(l.Namespace).Patch(context.Background(), pod, types.MergePatchType, body, metav1.PatchOptions{})
		require.NoError(l.T, err)
		time.Sleep(25 * time.Millisecond) // events that come together are one sync
	}
}
