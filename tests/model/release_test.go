// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	"github.com/deepfabric/elasticell-operator/pkg/apis/deepfabric/v1alpha1"
	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
	"github.com/deepfabric/elasticell-operator/pkg/desired"
	"github.com/deepfabric/elasticell-operator/pkg/naming"
	"github.com/deepfabric/elasticell-operator/tests/model/sim"
)

// The objects of each earlier release, running, are taken over by this version of
// the operator: no pod is deleted and none made, and no template says that one should be.
func TestNextVersion(t *testing.T) {
	dirs, err := filepath.Glob("../../pkg/desired/testdata/releases/*/small")
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, dir := range dirs {
		t.Run(filepath.Base(filepath.Dir(dir)), func(t *testing.T) {
			var object v1alpha1.CellCluster
			read(t, filepath.Join(dir, "cluster.yaml"), &object)
			hashes := map[naming.Component]string{}
			w := &Workload{
				Name: "next version", Least: 120,
				Spec: func(s *spec) { *s = object.Spec },
				Do: func(r *Run) {
					r.op.stop()
					for _, c := range naming.Components() {
						var template corev1.PodTemplateSpec
						read(t, filepath.Join(dir, string(c)+".yaml"), &template)
						hashes[c] = desired.RestartHash(template.Annotations)
						r.asReleased(c, template)
					}
					r.op = r.startOperator()
				},
			}
			out := play(t, w, Fault{Name: "next version", End: func(r *Run) {
				for c, hash := range hashes {
					assert.Equal(t, hash, desired.RestartHash(r.template(c).Annotations), "the template of %s", c)
				}
			}})
			assert.Empty(t, out.problem())
			for name, count := range out.Counts {
				if len(name) > 5 && name[:5] == "pods " {
					assert.Zero(t, count, name)
				}
			}
			t.Logf("%d writes: %v", len(out.Writes), out.Writes)
		})
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into))
}

// template is the pods' of a component.
func (r *Run) template(c naming.Component) corev1.PodTemplateSpec {
	if c == naming.Proxy {
		return ct.Read[appsv1.Deployment](r.API, sim.Namespace, naming.Member(sim.Cluster, c)).Spec.Template
	}
	return r.set(c).Spec.Template
}

// asReleased makes a component's objects what an earlier release has left.
func (r *Run) asReleased(c naming.Component, template corev1.PodTemplateSpec) {
	const older = "older"
	if c == naming.Proxy {
		d := ct.Read[appsv1.Deployment](r.API, sim.Namespace, naming.Member(sim.Cluster, c)).DeepCopy()
		d.Spec.Template, d.Annotations[naming.AnnotationAppliedHash] = template, older
		r.API.Replace(d, true)
	} else {
		s := r.set(c).DeepCopy()
		s.Spec.Template, s.Annotations[naming.AnnotationAppliedHash] = template, older
		r.API.Replace(s, true)
	}
	for _, p := range r.members(c) {
		p = p.DeepCopy()
		zone, rack := p.Annotations[naming.AnnotationZone], p.Annotations[naming.AnnotationRack]
		p.Labels, p.Annotations = maps.Clone(template.Labels), maps.Clone(template.Annotations)
		if c == naming.Store {
			p.Annotations[naming.AnnotationZone], p.Annotations[naming.AnnotationRack] = zone, rack
		}
		r.API.Replace(p, false)
	}
	for _, b := range ct.ReadAll[policyv1.PodDisruptionBudget](r.API, sim.Namespace) {
		b = b.DeepCopy()
		b.Annotations[naming.AnnotationAppliedHash] = older
		r.API.Replace(b, false)
	}
}
