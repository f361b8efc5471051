// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8slabels "k8s.io/apimachinery/pkg/labels"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
)

// small is a cluster with nothing set that has a default.
func small(t *testing.T) *v1alpha1.CellCluster {
	t.Helper()
	return readCluster(t, "testdata/golden/small/cluster.yaml")
}

func clientServiceOf(t *testing.T, c *v1alpha1.CellCluster, component naming.Component) *corev1.Service {
	t.Helper()
	for _, s := range Services(c, component) {
		if s.Name == naming.Service(c.Name, component) {
			return s
		}
	}
	require.Fail(t, "no Service for clients")
	return nil
}

func TestServiceType(t *testing.T) {
	tests := map[string]struct {
		services []v1alpha1.Service
		own      *v1alpha1.ServiceSpec
		want     corev1.ServiceType
	}{
		"by default":                     {nil, nil, corev1.ServiceTypeClusterIP},
		"by the list":                    {[]v1alpha1.Service{{Name: "proxy", Type: "NodePort"}}, nil, corev1.ServiceTypeNodePort},
		"another's entry":                {[]v1alpha1.Service{{Name: "pd", Type: "NodePort"}}, nil, corev1.ServiceTypeClusterIP},
		"the list, if the own is empty":  {[]v1alpha1.Service{{Name: "proxy", Type: "NodePort"}}, &v1alpha1.ServiceSpec{}, corev1.ServiceTypeNodePort},
		"the own wins":                   {[]v1alpha1.Service{{Name: "proxy", Type: "NodePort"}}, &v1alpha1.ServiceSpec{Type: "LoadBalancer"}, corev1.ServiceTypeLoadBalancer},
		"the own wins as ClusterIP also": {[]v1alpha1.Service{{Name: "proxy", Type: "NodePort"}}, &v1alpha1.ServiceSpec{Type: "ClusterIP"}, corev1.ServiceTypeClusterIP},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := small(t)
			c.Spec.Services, c.Spec.Proxy.Service = test.services, test.own
			assert.Equal(t, test.want, clientServiceOf(t, c, naming.Proxy).Spec.Type)
		})
	}
}

// Each field goes with the types for which Kubernetes takes it.
func TestServiceFields(t *testing.T) {
	all := v1alpha1.ServiceSpec{
		Annotations:              map[string]string{"a": "b"},
		NodePort:                 30001,
		LoadBalancerSourceRanges: []string{"10.0.0.0/8"},
		ExternalTrafficPolicy:    corev1.ServiceExternalTrafficPolicyLocal,
	}
	tests := map[v1alpha1.ServiceType]struct {
		nodePort int32
		ranges   []string
		policy   corev1.ServiceExternalTrafficPolicy
	}{
		"ClusterIP":    {},
		"NodePort":     {nodePort: 30001, policy: "Local"},
		"LoadBalancer": {nodePort: 30001, policy: "Local", ranges: []string{"10.0.0.0/8"}},
	}
	for kind, want := range tests {
		for _, component := range []naming.Component{naming.PD, naming.Proxy} {
			t.Run(string(kind)+" of "+string(component), func(t *testing.T) {
				c := small(t)
				spec := all
				spec.Type = kind
				c.Spec.PD.Service, c.Spec.Proxy.Service = &spec, &spec
				s := clientServiceOf(t, c, component)
				assert.Equal(t, want.nodePort, s.Spec.Ports[0].NodePort)
				assert.Equal(t, want.ranges, s.Spec.LoadBalancerSourceRanges)
				assert.Equal(t, want.policy, s.Spec.ExternalTrafficPolicy)
				assert.Equal(t, map[string]string{"a": "b"}, s.Annotations)
			})
		}
	}
}

// Members find each other by name before they are ready, and under the ports that the pods have.
func TestPeerServices(t *testing.T) {
	c := small(t)
	for _, component := range []naming.Component{naming.PD, naming.Store} {
		s := Services(c, component)[0]
		assert.Equal(t, naming.PeerService("demo", component), s.Name)
		assert.Equal(t, corev1.ClusterIPNone, s.Spec.ClusterIP)
		assert.True(t, s.Spec.PublishNotReadyAddresses)
	}
	pd, err := PDStatefulSet(c, 3, launcherImage)
	require.NoError(t, err)
	store, err := StoreStatefulSet(c, 3, launcherImage)
	require.NoError(t, err)
	proxy, err := ProxyDeployment(c, nil, launcherImage)
	require.NoError(t, err)
	assert.Nil(t, proxy.Spec.Replicas, "an autoscaler chooses")
	for component, spec := range map[naming.Component]corev1.PodSpec{
		naming.PD: pd.Spec.Template.Spec, naming.Store: store.Spec.Template.Spec, naming.Proxy: proxy.Spec.Template.Spec,
	} {
		ports := map[string]int32{}
		for _, p := range spec.Containers[0].Ports {
			ports[p.Name] = p.ContainerPort
		}
		for _, s := range Services(c, component) {
			for _, p := range s.Spec.Ports {
				assert.Equal(t, p.Port, ports[p.TargetPort.StrVal], "%s, port %s", s.Name, p.Name)
			}
		}
	}
}

func TestBudgets(t *testing.T) {
	for _, component := range []naming.Component{naming.PD, naming.Proxy} {
		budgets := Budgets(small(t), component)
		require.Len(t, budgets, 1)
		assert.Equal(t, 1, budgets[0].Spec.MaxUnavailable.IntValue())
		assert.Equal(t, naming.SelectorLabels("demo", component), budgets[0].Spec.Selector.MatchLabels)
		assert.EqualValues(t, "AlwaysAllow", *budgets[0].Spec.UnhealthyPodEvictionPolicy, "a broken pod must not hold up a drain")
	}
}

// Each pod of a store is in exactly one budget: Kubernetes evicts none that is in two.
func TestBudgetsOfStores(t *testing.T) {
	budgets := Budgets(small(t), naming.Store)
	require.Len(t, budgets, 2)
	for name, labels := range map[string]map[string]string{"kept": {}, "may go": {naming.LabelEvictable: "true"}} {
		t.Run(name, func(t *testing.T) {
			pod := naming.Labels("demo", naming.Store)
			maps.Copy(pod, labels)
			var covered []*policyv1.PodDisruptionBudget
			for _, b := range budgets {
				selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
				require.NoError(t, err)
				if selector.Matches(k8slabels.Set(pod)) {
					covered = append(covered, b)
				}
			}
			require.Len(t, covered, 1)
			if name == "kept" {
				assert.Equal(t, 0, covered[0].Spec.MaxUnavailable.IntValue())
			} else {
				assert.Equal(t, 0, covered[0].Spec.MinAvailable.IntValue())
			}
		})
	}
}

// An autoscaler without metrics of its own follows the CPU.
func TestAutoscaler(t *testing.T) {
	c := small(t)
	assert.Nil(t, Autoscaler(c))
	c.Spec.Proxy.Autoscaling = &v1alpha1.AutoscalingSpec{MaxReplicas: 9}
	v1alpha1.SetDefaults(c)
	a := Autoscaler(c)
	assert.EqualValues(t, 1, *a.Spec.MinReplicas)
	assert.EqualValues(t, 9, a.Spec.MaxReplicas)
	require.Len(t, a.Spec.Metrics, 1)
	assert.Equal(t, corev1.ResourceCPU, a.Spec.Metrics[0].Resource.Name)
	assert.EqualValues(t, 80, *a.Spec.Metrics[0].Resource.Target.AverageUtilization)
	proxy, err := ProxyDeployment(c, nil, launcherImage)
	require.NoError(t, err)
	assert.Equal(t, proxy.Name, a.Spec.ScaleTargetRef.Name)
}
