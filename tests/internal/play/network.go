// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"time"

	"google.golang.org/grpc/test/bufconn"
)

// Network is where the addresses of pods are from.
const Network = "10.231.0.0/16"

func address(n int) string { return fmt.Sprintf("10.231.%d.%d", n>>8&0xff, n&0xff) }

// place is a PD behind an address.
type place struct {
	cluster *cluster
	pod     string
}

func (w *World) find(host string) (place, bool) {
	ip, _, err := net.SplitHostPort(host)
	if err != nil {
		return place{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.places[ip]
	return p, ok
}

// ServeHTTP is the PD at the address that a request is for, for whoever listens
// on all addresses of Network.
func (w *World) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	p, ok := w.find(r.Host)
	if !ok {
		panic(http.ErrAbortHandler) // nobody is there
	}
	p.cluster.pd.Handler(p.pod).ServeHTTP(out, r)
}

// servePipe serves the PDs over connections in this process.
func servePipe(w *World) (*bufconn.Listener, *http.Server) {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	pipe := bufconn.Listen(64 << 10)
	server := &http.Server{Handler: w, Protocols: &protocols, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(pipe) }() // ends with Close
	return pipe, server
}

// DialContext connects a client in the same process to the PD at an address, as changes of the membership need.
func (w *World) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if _, ok := w.find(address); !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.EHOSTUNREACH}
	}
	return w.pipe.DialContext(ctx)
}

// RoundTrip lets a PD answer a client in the same process, without a network.
func (w *World) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	p, ok := w.find(r.URL.Host)
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}
	}
	served := r.Clone(r.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	defer served.Body.Close()
	defer func() {
		if broken := recover(); broken == http.ErrAbortHandler {
			resp, err = nil, cmp.Or(r.Context().Err(), io.ErrUnexpectedEOF)
		} else if broken != nil {
			panic(broken)
		}
	}()
	recorder := httptest.NewRecorder()
	p.cluster.pd.Handler(p.pod).ServeHTTP(recorder, served)
	return recorder.Result(), nil
}
