// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"reflect"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
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
		if e := want.Elem(); scalar(e) {
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
	if scalar(want) {
		return equality.Semantic.DeepEqual(want.Interface(), live.Interface())
	}
	for i := range want.NumField() {
		// What came as protobuf carries no kinds inside, as those of claims in a StatefulSet.
		if want.Field(i).Type() == typeMeta {
			continue
		}
		cover := coversValue
		if _, keyed := want.Type().Field(i).Tag.Lookup("patchMergeKey"); keyed {
			cover = coversSome
		}
		if !cover(want.Field(i), live.Field(i)) {
			return false
		}
	}
	return true
}

// coversSome is for lists of named things. Others may add to them, which
// server-side apply leaves alone, so that writing again would change nothing.
func coversSome(want, live reflect.Value) bool {
	for i := range want.Len() {
		found := false
		for j := range live.Len() {
			found = found || coversValue(want.Index(i), live.Index(j))
		}
		if !found {
			return false
		}
	}
	return true
}

// scalar tells what is one value from a struct of fields. Quantities and the like compare by meaning.
func scalar(v reflect.Value) bool {
	switch v.Interface().(type) {
	case resource.Quantity, intstr.IntOrString, metav1.Time, metav1.MicroTime:
		return true
	}
	return v.Kind() != reflect.Struct
}

var typeMeta = reflect.TypeFor[metav1.TypeMeta]()
