// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// Definitions is the resource of CustomResourceDefinitions.
var Definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// ReadYAML reads an object.
func ReadYAML(path string) (*unstructured.Unstructured, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	body, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(body, &object.Object); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return object, nil
}

// Install installs the CellCluster's definition and waits until it is served.
func Install(ctx context.Context, config *rest.Config) error {
	path, err := DefinitionPath()
	if err != nil {
		return err
	}
	definition, err := ReadYAML(path)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	if _, err := client.Resource(Definitions).Apply(ctx, definition.GetName(), definition, metav1.ApplyOptions{FieldManager: "test", Force: true}); err != nil {
		return fmt.Errorf("install the definition: %w", err)
	}
	return AwaitDefinition(ctx, client, definition.GetName())
}

// AwaitDefinition waits until a definition is served.
func AwaitDefinition(ctx context.Context, client dynamic.Interface, name string) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		live, err := client.Resource(Definitions).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
		for _, c := range conditions {
			if m, ok := c.(map[string]any); ok && m["type"] == "Established" && m["status"] == "True" {
				// Established is set a moment before the new paths answer.
				_, err := client.Resource(CellClusters).Namespace("default").List(ctx, metav1.ListOptions{Limit: 1})
				return err == nil, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the definition %s: %w", name, err)
	}
	return nil
}

// CellClusters is the resource of CellClusters.
var CellClusters = schema.GroupVersionResource{Group: "deepfabric.com", Version: "v1alpha1", Resource: "cellclusters"}
