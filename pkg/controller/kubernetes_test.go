// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"maps"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// world is the controllers, the scheduler and the kubelets.
type world struct {
	*stage
	elasticell map[string]*elasticell // by cluster
	badImages  map[string]bool        // that cannot be pulled
	full       map[string]bool        // clusters whose pods no node takes
}

// elasticell is the programs of one cluster.
type elasticell struct {
	pd     *pdtest.PD
	index  int
	stores map[string]uint64 // ids by pod name; the id is on the volume
	halted bool              // nobody reports to PD
}

// move is one round of everybody.
func (k *world) move() {
	ctx, kube := k.t.Context(), k.OtherKube
	sets, err := kube.AppsV1().StatefulSets(ct.Namespace).List(ctx, metav1.ListOptions{})
	require.NoError(k.t, err)
	for i := range sets.Items {
		k.statefulSet(&sets.Items[i])
	}
	deployments, err := kube.AppsV1().Deployments(ct.Namespace).List(ctx, metav1.ListOptions{})
	require.NoError(k.t, err)
	for i := range deployments.Items {
		k.deployment(&deployments.Items[i])
	}
	for _, p := range k.pods(nil, nil) {
		k.kubelet(p)
	}
	k.heartbeat()
}

// heartbeat has all that runs of Elasticell report to PD, and PD do its work.
func (k *world) heartbeat() {
	for _, e := range k.elasticell {
		if e.pd != nil && !e.halted {
			e.pd.Tick()
		}
	}
}

// pods are those of a selector, and from now on owned by whom that is.
func (k *world) pods(selector map[string]string, owner *metav1.OwnerReference) []*corev1.Pod {
	pods := k.OtherKube.CoreV1().Pods(ct.Namespace)
	all, err := pods.List(k.t.Context(), metav1.ListOptions{LabelSelector: labels.SelectorFromSet(selector).String()})
	require.NoError(k.t, err)
	var out []*corev1.Pod
	for i := range all.Items {
		p := &all.Items[i]
		if owner != nil && p.OwnerReferences[0].UID != owner.UID {
			p.OwnerReferences = []metav1.OwnerReference{*owner}
			p, err = pods.Update(k.t.Context(), p, metav1.UpdateOptions{})
			require.NoError(k.t, err)
		}
		out = append(out, p)
	}
	return out
}

func (k *world) statefulSet(s *appsv1.StatefulSet) {
	owner := metav1.NewControllerRef(s, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))
	have := map[string]bool{}
	for _, p := range k.pods(s.Spec.Selector.MatchLabels, owner) {
		ordinal, _ := naming.Ordinal(p.Name)
		if have[p.Name] = true; ordinal >= *s.Spec.Replicas {
			k.deletePod(p)
		}
	}
	for i := range *s.Spec.Replicas {
		name := fmt.Sprintf("%s-%d", s.Name, i)
		if have[name] {
			continue
		}
		claim := s.Spec.VolumeClaimTemplates[0].DeepCopy()
		claim.Namespace, claim.Name = ct.Namespace, claim.Name+"-"+name
		_, _ = k.OtherKube.CoreV1().PersistentVolumeClaims(ct.Namespace).Create(k.t.Context(), claim, metav1.CreateOptions{}) // may be there
		k.createPod(name, &s.Spec.Template, *owner)
	}
}

func (k *world) deployment(d *appsv1.Deployment) {
	owner := metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))
	hash := desired.RestartHash(d.Spec.Template.Annotations)
	have := map[string]bool{}
	for _, p := range k.pods(d.Spec.Selector.MatchLabels, owner) {
		if desired.RestartHash(p.Annotations) != hash {
			k.deletePod(p)
		}
		have[p.Name] = true
	}
	for i := range *d.Spec.Replicas {
		if name := fmt.Sprintf("%s-%s-%d", d.Name, hash[:6], i); !have[name] {
			k.createPod(name, &d.Spec.Template, *owner)
		}
	}
}

func (k *world) createPod(name string, t *corev1.PodTemplateSpec, owner metav1.OwnerReference) {
	_, err := k.OtherKube.CoreV1().Pods(ct.Namespace).Create(k.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: ct.Namespace, Name: name, Labels: maps.Clone(t.Labels), Annotations: maps.Clone(t.Annotations), OwnerReferences: []metav1.OwnerReference{owner}},
		Spec:       t.Spec,
	}, metav1.CreateOptions{})
	require.NoError(k.t, err)
}

func (k *world) deletePod(p *corev1.Pod) {
	require.NoError(k.t, k.OtherKube.CoreV1().Pods(p.Namespace).Delete(k.t.Context(), p.Name, metav1.DeleteOptions{}))
}

// kubelet brings a pod one step further.
func (k *world) kubelet(p *corev1.Pod) {
	before := p.DeepCopy()
	component := naming.Component(p.Labels[naming.LabelComponent])
	ordinal, _ := naming.Ordinal(p.Name)
	switch {
	case k.full[p.Labels[naming.LabelInstance]] && p.Spec.NodeName == "":
		ct.Unschedulable("0/3 nodes are available: 3 Insufficient cpu.")(p)
	case p.Spec.NodeName == "":
		ct.On(fmt.Sprintf("node-%d", ordinal%3))(p)
	case k.badImages[p.Spec.Containers[0].Image]:
		ct.Waiting("ErrImagePull", "no such image")(p)
		p.Status.PodIP = ""
	case p.Status.Phase != corev1.PodRunning || p.Status.PodIP == "":
		ct.Running(p)
		p.Status.PodIP = k.cast(p).ip(component, ordinal)
	case k.cast(p).serves(k, p, component):
		if p.Status.ContainerStatuses[0].Ready {
			return
		}
		ip := p.Status.PodIP
		ct.Ready(p)
		p.Status.PodIP = ip
	default:
		return
	}
	pods := k.OtherKube.CoreV1().Pods(p.Namespace)
	if before.Spec.NodeName != p.Spec.NodeName {
		var err error
		status := p.Status
		p, err = pods.Update(k.t.Context(), p, metav1.UpdateOptions{})
		require.NoError(k.t, err)
		p.Status = status
	}
	_, err := pods.UpdateStatus(k.t.Context(), p, metav1.UpdateOptions{})
	require.NoError(k.t, err)
}

// cast are the programs of a pod's cluster.
func (k *world) cast(p *corev1.Pod) *elasticell {
	name := p.Labels[naming.LabelInstance]
	if k.elasticell[name] == nil {
		k.elasticell[name] = &elasticell{index: len(k.elasticell), stores: map[string]uint64{}}
	}
	return k.elasticell[name]
}

func (e *elasticell) ip(c naming.Component, ordinal int32) string {
	return fmt.Sprintf("10.%d%s", e.index, ct.IP(c, ordinal)[len("10.0"):])
}

// serves starts a pod's program if that has not been done, and tells whether it serves.
func (e *elasticell) serves(k *world, p *corev1.Pod, c naming.Component) bool {
	switch c {
	case naming.PD:
		if e.pd == nil {
			e.found(k, p.Labels[naming.LabelInstance])
		}
		return e.pd != nil
	case naming.Store:
		return e.pd != nil && e.pd.Leader() != "" && p.Annotations[naming.AnnotationZone] != "" && e.startStore(k, p)
	default:
		return len(e.stores) > 0
	}
}

// found forms PD's cluster once a majority of the members that the operator wrote runs.
func (e *elasticell) found(k *world, cluster string) {
	start, err := k.OtherKube.CoreV1().ConfigMaps(ct.Namespace).Get(k.t.Context(), naming.StartConfigMap(cluster), metav1.GetOptions{})
	require.NoError(k.t, err, "PDs run before they have a membership")
	join, err := launch.DecodeJoin([]byte(start.Data[launch.JoinKey]))
	require.NoError(k.t, err)
	require.Equal(k.t, launch.JoinNew, join.State, "PDs without data must not find a cluster that exists")
	running := 0
	var names []string
	for _, m := range join.Members {
		names = append(names, m.Name)
		if p, err := k.OtherKube.CoreV1().Pods(ct.Namespace).Get(k.t.Context(), m.Name, metav1.GetOptions{}); err == nil && p.Status.PodIP != "" {
			running++
		}
	}
	if running <= len(names)/2 {
		return
	}
	e.pd = pdtest.New(pdtest.Config{
		ClusterID: 0xc1, Members: names, Now: time.Now,
		ClientURL: func(name string) string {
			ordinal, _ := naming.Ordinal(name)
			return fmt.Sprintf("http://%s:%d", e.ip(naming.PD, ordinal), naming.PDClientPort)
		},
		PeerURL: func(name string) string {
			return fmt.Sprintf("http://%s:%d", naming.Host(ct.Namespace, cluster, naming.PD, name), naming.PDPeerPort)
		},
	})
	k.farm.Add(e.pd)
}

func (e *elasticell) startStore(k *world, p *corev1.Pod) bool {
	cluster := p.Labels[naming.LabelInstance]
	if _, known := e.stores[p.Name]; known {
		return true
	}
	host := naming.Host(ct.Namespace, cluster, naming.Store, p.Name)
	id, err := e.pd.AddStore(pdtest.Store{
		Address: fmt.Sprintf("%s:%d", host, naming.StoreRaftPort), ClientAddress: fmt.Sprintf("%s:%d", host, naming.StoreClientPort),
		Zone: p.Annotations[naming.AnnotationZone], Rack: p.Annotations[naming.AnnotationRack],
	})
	require.NoError(k.t, err)
	e.stores[p.Name] = id
	return true
}
