// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/pkg/view"
	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// An upgrade of the operator restarts no pod and changes no template, be its
// launcher newer or not: this version goes on with clusters whose pods were made from the
// templates that each earlier release wrote.
func TestUpgradeOfTheOperator(t *testing.T) {
	root, err := kube.Root()
	require.NoError(t, err)
	dirs, err := filepath.Glob(filepath.Join(root, "pkg", "desired", "testdata", "releases", "*", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, dir := range dirs {
		name, err := filepath.Rel(filepath.Join(root, "pkg", "desired", "testdata", "releases"), dir)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := release{dir: dir}
			r.read(t)
			l := plane.in(t, metav1.ObjectMeta{Name: r.cluster.Namespace})
			l.Name = r.cluster.Name
			r.stand(t, l)
			pods, state := l.Pods(), l.State()
			require.NotEmpty(t, pods["store"])

			for _, launcher := range []string{LauncherImage, "cell-operator:newer"} {
				l.Launcher = launcher
				l.Start(nil)
				l.Rests()
				l.Crash()
				assert.Equal(t, pods, l.Pods(), "pods restarted, with launcher %s", launcher)
				Same(t, state, l.State(), "objects changed, with launcher "+launcher)
				for component, template := range r.templates {
					assert.Equal(t, desired.RestartHash(template.Annotations), desired.RestartHash(l.template(component).Annotations), "%s", component)
				}
			}
		})
	}
}

// release is what an earlier release made of a cluster.
type release struct {
	dir       string
	cluster   *v1alpha1.CellCluster
	templates map[naming.Component]*corev1.PodTemplateSpec
}

func (r *release) read(t *testing.T) {
	t.Helper()
	r.cluster, r.templates = &v1alpha1.CellCluster{}, map[naming.Component]*corev1.PodTemplateSpec{}
	read := func(name string, into any) {
		text, err := os.ReadFile(filepath.Join(r.dir, name))
		require.NoError(t, err)
		require.NoError(t, yaml.UnmarshalStrict(text, into))
	}
	read("cluster.yaml", r.cluster)
	r.cluster.UID, r.cluster.Spec.Paused = "", false
	for _, component := range naming.Components() {
		template := &corev1.PodTemplateSpec{}
		read(string(component)+".yaml", template)
		r.templates[component] = template
	}
}

// stand brings the cluster up, and lets all its pods be made from the release's templates.
func (r *release) stand(t *testing.T, l *Lab) {
	t.Helper()
	ctx := context.Background()
	r.needs(t, l)
	_, err := l.Cells.DeepfabricV1alpha1().CellClusters(l.Namespace).Create(ctx, r.cluster, metav1.CreateOptions{})
	require.NoError(t, err)
	l.Start(nil)
	l.AwaitReady()
	l.Until(l.labelled, func() string { return "all is labelled" })
	l.Quiet()
	l.Crash()
	for _, component := range []naming.Component{naming.PD, naming.Store} {
		set, err := l.Kube.AppsV1().StatefulSets(l.Namespace).Get(ctx, naming.Member(l.Name, component), metav1.GetOptions{})
		require.NoError(t, err)
		set.Spec.Template = *r.templates[component]
		_, err = l.Kube.AppsV1().StatefulSets(l.Namespace).Update(ctx, set, metav1.UpdateOptions{})
		require.NoError(t, err)
	}
	d, err := l.Kube.AppsV1().Deployments(l.Namespace).Get(ctx, naming.Member(l.Name, naming.Proxy), metav1.GetOptions{})
	require.NoError(t, err)
	d.Spec.Template = *r.templates[naming.Proxy]
	_, err = l.Kube.AppsV1().Deployments(l.Namespace).Update(ctx, d, metav1.UpdateOptions{})
	require.NoError(t, err)
	before := l.Pods()
	delete(before, string(naming.Proxy)) // these the Deployment restarts
	require.NoError(t, l.Kube.CoreV1().Pods(l.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: naming.LabelComponent + " in (pd,store)"}))
	cluster := r.cluster.DeepCopy()
	v1alpha1.SetDefaults(cluster)
	l.Until(func() bool {
		l.locate(cluster.Spec.Store.LocationLabels)
		return l.allReady(before) && l.rolled()
	}, func() string { return "all pods are new and ready" })
}

// needs makes what the clusters name.
func (r *release) needs(t *testing.T, l *Lab) {
	t.Helper()
	ctx := context.Background()
	for _, c := range []*v1alpha1.ComponentSpec{&r.cluster.Spec.PD.ComponentSpec, &r.cluster.Spec.Store.ComponentSpec, &r.cluster.Spec.Proxy.ComponentSpec} {
		if c.PriorityClassName != "" {
			_, err := l.Kube.SchedulingV1().PriorityClasses().Create(ctx, &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: c.PriorityClassName}, Value: 7}, metav1.CreateOptions{})
			require.True(t, err == nil || apierrors.IsAlreadyExists(err), "%v", err)
		}
	}
	for _, class := range []*string{r.cluster.Spec.PD.StorageClassName, r.cluster.Spec.Store.StorageClassName} {
		if class != nil && *class != "" {
			_, err := l.Kube.StorageV1().StorageClasses().Create(ctx, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: *class}, Provisioner: "example.com/played"}, metav1.CreateOptions{})
			require.True(t, err == nil || apierrors.IsAlreadyExists(err), "%v", err)
		}
	}
}

// locate tells new stores where they are, as the earlier operator did.
func (l *Lab) locate(labels *v1alpha1.LocationLabels) {
	list, err := l.Kube.CoreV1().Pods(l.Namespace).List(context.Background(), metav1.ListOptions{LabelSelector: l.Selector() + "," + naming.LabelComponent + "=store"})
	require.NoError(l.T, err)
	for i := range list.Items {
		p := &list.Items[i]
		if p.Spec.NodeName == "" || p.Annotations[naming.AnnotationZone] != "" || p.DeletionTimestamp != nil {
			continue
		}
		node, err := l.Kube.CoreV1().Nodes().Get(context.Background(), p.Spec.NodeName, metav1.GetOptions{})
		require.NoError(l.T, err)
		at := view.LocationOf(labels, node.Name, node)
		body := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q,%q:%q}}}`, naming.AnnotationZone, at.Zone, naming.AnnotationRack, at.Rack)
		_, err = l.Kube.CoreV1().Pods(l.Namespace).Patch(context.Background(), p.Name, types.MergePatchType, body, metav1.PatchOptions{})
		require.True(l.T, err == nil || apierrors.IsNotFound(err), "%v", err)
	}
}

// rolled tells whether all proxies are from the Deployment's present template, and no others are left.
func (l *Lab) rolled() bool {
	d, err := l.Kube.AppsV1().Deployments(l.Namespace).Get(context.Background(), naming.Member(l.Name, naming.Proxy), metav1.GetOptions{})
	require.NoError(l.T, err)
	s := d.Status
	return s.ObservedGeneration == d.Generation && s.UpdatedReplicas == *d.Spec.Replicas && s.ReadyReplicas == *d.Spec.Replicas &&
		s.Replicas == *d.Spec.Replicas && len(l.Pods()[string(naming.Proxy)]) == int(*d.Spec.Replicas)
}

// allReady tells whether all pods are ready, as many as before and none of them.
func (l *Lab) allReady(before map[string][]string) bool {
	now := l.Pods()
	for component, pods := range before {
		if len(now[component]) != len(pods) {
			return false
		}
		for i := range pods {
			for j := range pods {
				if now[component][i] == pods[j] {
					return false
				}
			}
		}
	}
	list, err := l.Kube.CoreV1().Pods(l.Namespace).List(context.Background(), metav1.ListOptions{})
	require.NoError(l.T, err)
	for i := range list.Items {
		if !ready(&list.Items[i]) {
			return false
		}
	}
	return true
}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}

func (l *Lab) template(component naming.Component) *corev1.PodTemplateSpec {
	l.T.Helper()
	name := naming.Member(l.Name, component)
	if component == naming.Proxy {
		d, err := l.Kube.AppsV1().Deployments(l.Namespace).Get(context.Background(), name, metav1.GetOptions{})
		require.NoError(l.T, err)
		return &d.Spec.Template
	}
	set, err := l.Kube.AppsV1().StatefulSets(l.Namespace).Get(context.Background(), name, metav1.GetOptions{})
	require.NoError(l.T, err)
	return &set.Spec.Template
}
