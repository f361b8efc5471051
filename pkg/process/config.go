// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// RESTConfig is the way to the API server by a kubeconfig file, or without one by the pod's service account.
func RESTConfig(kubeconfig, userAgent string) (*rest.Config, error) {
	find := rest.InClusterConfig
	if kubeconfig != "" {
		find = func() (*rest.Config, error) { return clientcmd.BuildConfigFromFlags("", kubeconfig) }
	}
	config, err := find()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w; run inside of Kubernetes or set --kubeconfig", err)
	}
	config.UserAgent = userAgent
	return config, nil
}

// Protobuf is a copy of config that makes the built-in kinds travel in the smaller encoding.
func Protobuf(config *rest.Config) *rest.Config {
	c := rest.CopyConfig(config)
	c.ContentType = runtime.ContentTypeProtobuf
	c.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return c
}
