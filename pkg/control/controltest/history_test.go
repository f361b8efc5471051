// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// blinkers is a Sight that a test sets.
type blinkers struct {
	horizon, cut int
	hide         string
}

func (b *blinkers) Horizon() int       { return b.horizon }
func (b *blinkers) Pass(e Event) bool  { return e.Name.Name != b.hide }
func (b *blinkers) Cut(began int) bool { return began < b.cut }

func note(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: map[string]string{"app": "mine"}}}
}

// told are the events that a watch has told so far.
func told(w watch.Interface) (out []string) {
	for {
		synctest.Wait()
		select {
		case e, ok := <-w.ResultChan():
			if !ok {
				return append(out, "end")
			}
			name := ""
			if m, ok := e.Object.(metav1.Object); ok {
				name = m.GetName()
			}
			out = append(out, string(e.Type)+" "+name)
		default:
			return out
		}
	}
}

// A client with blinkers lists what was at the horizon, and is told the rest when the horizon moves.
func TestSightHorizon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, sight := NewAPI(), &blinkers{}
		api.Put(note("old"))
		sight.horizon = api.Version()
		api.Put(note("new"))
		api.Remove(Read[corev1.ConfigMap](api, "ns", "old"))

		kube, _ := api.Connect(Link{Sight: sight})
		list, err := kube.CoreV1().ConfigMaps("ns").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		assert.Equal(t, "old", list.Items[0].Name)
		assert.Equal(t, strconv.Itoa(sight.horizon), list.ResourceVersion)

		w, err := kube.CoreV1().ConfigMaps("ns").Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
		require.NoError(t, err)
		defer w.Stop()
		assert.Empty(t, told(w))
		sight.horizon = 0
		api.Release()
		assert.Equal(t, []string{"ADDED new", "DELETED old"}, told(w))
	})
}

// What a Sight hides is lost, what is held comes later, and what it cuts ends with 410.
func TestSightHidesAndCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, sight := NewAPI(), &blinkers{hide: "hidden"}
		kube, _ := api.Connect(Link{Sight: sight})
		w, err := kube.CoreV1().ConfigMaps("ns").Watch(t.Context(), metav1.ListOptions{ResourceVersion: strconv.Itoa(api.Version())})
		require.NoError(t, err)
		api.Hold()
		api.Put(note("hidden"))
		api.Put(note("seen"))
		assert.Empty(t, told(w))
		api.Release()
		assert.Equal(t, []string{"ADDED seen"}, told(w))
		sight.cut = api.Version() + 1
		api.Release()
		assert.Equal(t, []string{"ERROR ", "end"}, told(w))
	})
}

// Whoever selects by labels is told of an object that loses them as of one that goes.
func TestWatchTellsOfLostLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := NewAPI()
		w, err := api.Kube.CoreV1().ConfigMaps("ns").Watch(t.Context(), metav1.ListOptions{LabelSelector: "app=mine"})
		require.NoError(t, err)
		defer w.Stop()
		api.Put(note("a"))
		for _, labels := range []map[string]string{nil, {"app": "mine"}} {
			next := Read[corev1.ConfigMap](api, "ns", "a").DeepCopy()
			next.Labels = labels
			api.Replace(next, false)
		}
		assert.Equal(t, []string{"ADDED a", "DELETED a", "ADDED a"}, told(w))
	})
}

// A link decides about each request but watches.
func TestLink(t *testing.T) {
	api := NewAPI()
	var seen []string
	kube, _ := api.Connect(Link{Do: func(r Request, do func() (runtime.Object, error)) (runtime.Object, error) {
		seen = append(seen, r.String())
		if r.Write() && r.Verb != "create" {
			return nil, assert.AnError
		}
		return do()
	}})
	maps := kube.CoreV1().ConfigMaps("ns")
	_, err := maps.Create(t.Context(), note("a"), metav1.CreateOptions{})
	require.NoError(t, err)
	require.ErrorIs(t, maps.Delete(t.Context(), "a", metav1.DeleteOptions{}), assert.AnError)
	_, err = maps.Get(t.Context(), "a", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"create configmaps a", "delete configmaps a", "get configmaps a"}, seen)
}

// Pods on a node end in their own time where that is asked for.
func TestGraceful(t *testing.T) {
	api := NewAPI()
	api.Graceful()
	for name, node := range map[string]string{"waiting": "", "placed": "node"} {
		api.Put(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: corev1.PodSpec{NodeName: node}})
		api.Delete(Read[corev1.Pod](api, "ns", name), metav1.DeleteOptions{})
	}
	assert.Nil(t, Read[corev1.Pod](api, "ns", "waiting"))
	placed := Read[corev1.Pod](api, "ns", "placed")
	require.NotNil(t, placed)
	assert.NotNil(t, placed.DeletionTimestamp)
	api.Delete(placed, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
	assert.Nil(t, Read[corev1.Pod](api, "ns", "placed"), "by force")
}
