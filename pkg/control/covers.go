// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"reflect"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// covers tells whether live still has everything that want asks for: labels,
// annotations, owners, and all other top-level fields but metadata and status.
// What want leaves empty is Kubernetes' or others' to fill.
func covers(want, live metav1.Object) bool {
	if !subset(want.GetLabels(), live.GetLabels()) || !subset(want.GetAnnotations(), live.GetAnnotations()) {
		return false
	}
	if !owners(want.GetOwnerReferences(), live.GetOwnerReferences()) {
		return false
	}
	w, l := reflect.ValueOf(want).Elem(), reflect.ValueOf(live).Elem()
	for i := range w.NumField() {
		switch w.Type().Field(i).Name {
		case "TypeMeta", "ObjectMeta", "Status":
			continue
		}
		if !coversValue(w.Field(i), l.Field(i)) {
			return false
		}
	}
	return true
}

func subset(want, live map[string]string) bool {
	for k, v := range want {
		if got, ok := live[k]; !ok || got != v {
			return false
		}
	}
	return true
}

func owners(want, live []metav1.OwnerReference) bool {
	for i := range want {
		found := false
		for j := range live {
			found = found || equality.Semantic.DeepEqual(want[i], live[j])
		}
		if !found {
			return false
		}
	}
	return true
}

// coversValue ignores what is zero in want. Lists must agree in length, maps
// may have more keys than asked for.
func coversValue(want, live reflect.Value) bool {
	if want.IsZero() {
		return true
	}
	switch want.Kind() {
	case reflect.Pointer, reflect.Interface:
		if e := want.Elem(); e.Kind() != reflect.Struct {
			return !live.IsNil() && coversExactly(e, live.Elem()) // whoever points to false or 0 means it
		}
		return !live.IsNil() && coversValue(want.Elem(), live.Elem())
	case reflect.Struct:
		return coversStruct(want, live)
	case reflect.Slice:
		if want.Len() != live.Len() {
			return false
		}
		for i := range want.Len() {
			if !coversValue(want.Index(i), live.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		for _, key := range want.MapKeys() {
			got := live.MapIndex(key)
			if !got.IsValid() || !coversExactly(want.MapIndex(key), got) {
				return false
			}
		}
		return true
	default:
		return want.Equal(live)
	}
}

// coversExactly is for values of maps, where zero is a value like others.
func coversExactly(want, live reflect.Value) bool {
	if want.IsZero() {
		return live.IsZero()
	}
	return coversValue(want, live)
}

func coversStruct(want, live reflect.Value) bool {
	for i := range want.NumField() {
		// Quantities and the like have no exported fields; they compare by meaning.
		if !want.Type().Field(i).IsExported() {
			return equality.Semantic.DeepEqual(want.Interface(), live.Interface())
		}
	}
	for i := range want.NumField() {
		// What came as protobuf carries no kinds inside, as those of claims in a StatefulSet.
		if want.Field(i).Type() != typeMeta && !coversValue(want.Field(i), live.Field(i)) {
			return false
		}
	}
	return true
}

var typeMeta = reflect.TypeFor[metav1.TypeMeta]()
