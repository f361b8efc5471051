// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"cmp"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"

	"google.golang.org/grpc/test/bufconn"
)

// Network is somebody's way to the PDs.
type Network struct {
	world    *World
	handler  http.Handler
	listener *bufconn.Listener
	server   *http.Server
}

// Connect makes a way to the PDs. wrap stands in it; nil for nothing.
func (w *World) Connect(wrap func(http.Handler) http.Handler) *Network {
	n := &Network{world: w, handler: http.HandlerFunc(w.servePD), listener: bufconn.Listen(64 << 10)}
	if wrap != nil {
		n.handler = wrap(n.handler)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	n.server = &http.Server{Handler: n.handler, Protocols: &protocols, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = n.server.Serve(n.listener) }()
	return n
}

// Close ends all connections.
func (n *Network) Close() {
	_ = n.server.Close()
	_ = n.listener.Close()
}

// at is the PD pod at an address; "" if nobody is there.
func (w *World) at(host string) string {
	ip, _, err := net.SplitHostPort(host)
	if err != nil {
		return ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.places[ip]
}

// servePD is the PD at the address that a request is for.
func (w *World) servePD(out http.ResponseWriter, r *http.Request) {
	name := w.at(r.Host)
	if name == "" {
		panic(http.ErrAbortHandler)
	}
	w.PD.Handler(name).ServeHTTP(out, r)
}

// DialContext connects to the PD at an address.
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if n.world.at(address) == "" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	return n.listener.DialContext(ctx)
}

// RoundTrip lets a PD answer without a connection.
func (n *Network) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if n.world.at(r.URL.Host) == "" {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	served := r.Clone(r.Context())
	served.Host = r.URL.Host
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
	n.handler.ServeHTTP(recorder, served)
	return recorder.Result(), nil
}
