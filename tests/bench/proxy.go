// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"k8s.io/client-go/rest"

	"github.com/deepfabric/elasticell-operator/tests/internal/kube"
)

// proxy stands before the API server and counts requests.
type proxy struct {
	kube.Counter
	*http.Server
	addr string
}

func newProxy(config *rest.Config) (*proxy, error) {
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("read the API server's address: %w", err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the operator: %w", err)
	}
	p := &proxy{addr: listener.Addr().String()}
	pass := &httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1, // watches must not wait
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
		},
	}
	p.Server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Note(r)
		pass.ServeHTTP(w, r)
	})}
	go func() { _ = p.Serve(listener) }() // ends with Close
	return p, nil
}
