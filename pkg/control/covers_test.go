// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"fmt"
	"math/rand"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"
)

func TestCovers(t *testing.T) {
	pod := func(change ...func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{Spec: corev1.PodSpec{
			Containers:                   []corev1.Container{{Name: "c", Image: "i", Command: []string{"a", "b"}}},
			AutomountServiceAccountToken: new(false),
			Tolerations:                  []corev1.Toleration{{Key: "x"}},
		}}
		for _, c := range change {
			c(p)
		}
		return p
	}
	owner := func(uid types.UID) metav1.OwnerReference { return metav1.OwnerReference{Name: "o", UID: uid} }
	tests := map[string]struct {
		want, live metav1.Object
		covers     bool
	}{
		"equal":          {pod(), pod(), true},
		"nothing wanted": {&corev1.Pod{}, pod(), true},
		"defaults filled in": {pod(), pod(func(p *corev1.Pod) {
			p.Spec.RestartPolicy = "Always"
			p.Spec.Containers[0].TerminationMessagePath = "x"
		}), true},
		"a pointer filled in":        {pod(), pod(func(p *corev1.Pod) { p.Spec.SecurityContext = &corev1.PodSecurityContext{} }), true},
		"status":                     {pod(func(p *corev1.Pod) { p.Status.Phase = "Running" }), pod(), true},
		"text":                       {pod(), pod(func(p *corev1.Pod) { p.Spec.Containers[0].Image = "j" }), false},
		"text gone":                  {pod(), pod(func(p *corev1.Pod) { p.Spec.Containers[0].Image = "" }), false},
		"pointer gone":               {pod(), pod(func(p *corev1.Pod) { p.Spec.AutomountServiceAccountToken = nil }), false},
		"pointer to false":           {pod(), pod(func(p *corev1.Pod) { p.Spec.AutomountServiceAccountToken = new(true) }), false},
		"plain list longer":          {pod(), pod(func(p *corev1.Pod) { p.Spec.Containers[0].Command = []string{"a", "b", "c"} }), false},
		"plain list shorter":         {pod(), pod(func(p *corev1.Pod) { p.Spec.Containers[0].Command = []string{"a"} }), false},
		"plain list in other order":  {pod(), pod(func(p *corev1.Pod) { p.Spec.Containers[0].Command = []string{"b", "a"} }), false},
		"named list shorter":         {pod(), pod(func(p *corev1.Pod) { p.Spec.Containers = nil }), false},
		"list without names, longer": {pod(), pod(func(p *corev1.Pod) { p.Spec.Tolerations = append(p.Spec.Tolerations, corev1.Toleration{Key: "y"}) }), false},
		"labels more": {
			&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "1"}}},
			&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "1", "b": "2"}}}, true,
		},
		"label empty and gone": {
			&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": ""}}}, &corev1.Pod{}, false,
		},
		"annotation other": {
			&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"a": "1"}}},
			&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"a": "2"}}}, false,
		},
		"owner more": {
			&corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{owner("1")}}},
			&corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Name: "p"}, owner("1")}}}, true,
		},
		"owner gone": {
			&corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{owner("1")}}}, &corev1.Pod{}, false,
		},
		"quantities of one meaning": {
			&corev1.PersistentVolumeClaim{Spec: claimOf("1Gi")}, &corev1.PersistentVolumeClaim{Spec: claimOf("1024Mi")}, true,
		},
		"quantities": {
			&corev1.PersistentVolumeClaim{Spec: claimOf("1Gi")}, &corev1.PersistentVolumeClaim{Spec: claimOf("2Gi")}, false,
		},
		"data of a config map": {
			&corev1.ConfigMap{Data: map[string]string{"a": "1"}}, &corev1.ConfigMap{Data: map[string]string{"a": "2"}}, false,
		},
		"data empty is a value": {
			&corev1.ConfigMap{Data: map[string]string{"a": ""}}, &corev1.ConfigMap{Data: map[string]string{"a": "x"}}, false,
		},
		"number or text": {
			&policyv1.PodDisruptionBudget{Spec: policyv1.PodDisruptionBudgetSpec{MaxUnavailable: new(intstr.FromInt32(1))}},
			&policyv1.PodDisruptionBudget{Spec: policyv1.PodDisruptionBudgetSpec{MaxUnavailable: new(intstr.FromString("1"))}}, false,
		},
		"none unavailable": {
			&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: new(intstr.FromInt32(0))}}}},
			&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: new(intstr.FromString("25%"))}}}}, false,
		},
		"no replicas": {
			&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: new(int32(0))}}, &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: new(int32(3))}}, false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.covers, covers(test.want, test.live)) })
	}
}

func claimOf(size string) corev1.PersistentVolumeClaimSpec {
	return corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse(size)}}}
}

// Over random StatefulSets: each covers itself, and a copy with what others
// filled in; a copy in which anything that was set is another is not covered.
func FuzzCovers(f *testing.F) {
	for seed := range int64(40) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed int64) {
		want := randomSet(seed)
		require.True(t, covers(want, want.DeepCopy()), "covers(x, x)")

		filled := want.DeepCopy()
		fill(reflect.ValueOf(filled).Elem(), randomSet(seed+1000))
		require.True(t, covers(want, filled), "what want leaves empty is others' to fill")

		r := rand.New(rand.NewSource(seed))
		leaves := leaves("", reflect.ValueOf(want.DeepCopy()).Elem(), true)
		for range min(20, len(leaves)) {
			broken := want.DeepCopy()
			i := r.Intn(len(leaves))
			same := leavesOf(broken)
			same[i].change()
			require.False(t, covers(want, broken), "after a change of %s", same[i].path)
		}
	})
}

func leavesOf(set *appsv1.StatefulSet) []leaf { return leaves("", reflect.ValueOf(set).Elem(), true) }

func randomSet(seed int64) *appsv1.StatefulSet {
	s := &appsv1.StatefulSet{}
	randfill.NewWithSeed(seed).NilChance(0.6).NumElements(1, 2).MaxDepth(9).Funcs(
		func(q *resource.Quantity, r randfill.Continue) {
			*q = *resource.NewQuantity(1+r.Int63n(1<<30), resource.BinarySI)
		},
		func(x *intstr.IntOrString, r randfill.Continue) { *x = intstr.FromInt32(r.Int31n(100)) },
		func(x *metav1.Time, r randfill.Continue) { x.Time = time.Unix(r.Int63n(1<<31), 0) },
		func(m *metav1.TypeMeta, _ randfill.Continue) {},
		func(m *appsv1.StatefulSetStatus, _ randfill.Continue) {},
		// Of an object's metadata only these are compared; in templates, claims and the like all of it is.
		func(m *metav1.ObjectMeta, r randfill.Continue) { r.Fill(&m.Labels); r.Fill(&m.Annotations) },
	).Fill(s)
	return s
}

// leaf is a value that can be made another.
type leaf struct {
	path   string
	change func()
}

// leaves finds all values that are set, in a fixed order. What stands in a map of
// values that are no structs is one leaf.
func leaves(path string, v reflect.Value, top bool) []leaf {
	if v.Kind() != reflect.Pointer && v.IsZero() {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if e := v.Elem(); e.Kind() != reflect.Struct {
			return []leaf{{path, func() { e.Set(another(e)) }}} // to false and 0 too
		}
		return leaves(path, v.Elem(), false)
	case reflect.Struct:
		switch x := v.Addr().Interface().(type) {
		case *resource.Quantity:
			return []leaf{{path, func() { x.Add(resource.MustParse("1")) }}}
		case *metav1.Time:
			return []leaf{{path, func() { x.Time = x.Add(time.Second) }}}
		}
		var out []leaf
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && (!top || f.Name != "Status") {
				out = append(out, leaves(path+"."+f.Name, v.Field(i), false)...)
			}
		}
		return out
	case reflect.Slice:
		var out []leaf
		for i := range v.Len() {
			out = append(out, leaves(fmt.Sprintf("%s[%d]", path, i), v.Index(i), false)...)
		}
		return out
	case reflect.Map:
		return []leaf{{path, func() { v.SetMapIndex(v.MapKeys()[0], reflect.Value{}) }}}
	}
	return []leaf{{path, func() { v.Set(another(v)) }}}
}

func another(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		out.SetString(v.String() + "x")
	case reflect.Bool:
		out.SetBool(!v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		out.SetInt(v.Int() + 1)
	case reflect.Uint8:
		out.SetUint(v.Uint() + 1)
	case reflect.Float64:
		out.SetFloat(v.Float() + 1)
	default:
		panic("no other value of a " + v.Kind().String())
	}
	return out
}

// fill sets what is empty in v from another object, and adds to its maps.
func fill(v reflect.Value, from *appsv1.StatefulSet) { fillFrom(v, reflect.ValueOf(from).Elem()) }

func fillFrom(v, from reflect.Value) {
	if v.IsZero() {
		v.Set(from)
		return
	}
	if from.IsZero() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.Elem().Kind() == reflect.Struct {
			fillFrom(v.Elem(), from.Elem())
		}
	case reflect.Struct:
		if _, opaque := v.Interface().(resource.Quantity); opaque {
			return
		}
		if _, opaque := v.Interface().(metav1.Time); opaque {
			return
		}
		for i := range v.NumField() {
			fillFrom(v.Field(i), from.Field(i))
		}
	case reflect.Map:
		for _, k := range from.MapKeys() {
			if !v.MapIndex(k).IsValid() {
				v.SetMapIndex(k, from.MapIndex(k))
			}
		}
	}
}
