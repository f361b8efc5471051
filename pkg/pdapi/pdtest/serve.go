// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdtest

import (
	"cmp"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"syscall"
	"time"
)

// Farm holds any number of PDs. Requests find their member by the host they are
// addressed to, which is the one of its advertised client URL.
//
// It can be reached in two ways: as an http.RoundTripper, in the same process and
// without a socket (HTTP only, no change of membership), or through one listener
// on 127.0.0.1 after Listen, with DialContext in the place of the names' resolution.
type Farm struct {
	listener net.Listener
	server   *http.Server

	mu    sync.RWMutex
	hosts map[string]place
}

type place struct {
	pd   *PD
	name string
}

// NewFarm makes a farm of PDs.
func NewFarm(pds ...*PD) *Farm {
	f := &Farm{hosts: map[string]place{}}
	for _, pd := range pds {
		f.Add(pd)
	}
	return f
}

// Listen begins to serve on a free port of 127.0.0.1; Close ends it.
func (f *Farm) Listen() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f.listener, f.server = listener, newServer(f)
	go f.server.Serve(listener)
	return nil
}

// newServer speaks HTTP/1 and, for gRPC, HTTP/2 without TLS.
func newServer(handler http.Handler) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{Handler: handler, Protocols: &protocols, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
}

// Serve makes a farm of this PD alone, and listens.
func (pd *PD) Serve() (*Farm, error) {
	f := NewFarm(pd)
	return f, f.Listen()
}

// Add serves a PD's members, those that are listed now. Call it again after members were added and have started.
func (f *Farm) Add(pd *PD) {
	for host, name := range pd.hosts() {
		f.mu.Lock()
		f.hosts[host] = place{pd, name}
		f.mu.Unlock()
	}
}

// Remove forgets a PD: its names no longer resolve.
func (f *Farm) Remove(pd *PD) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for host, p := range f.hosts {
		if p.pd == pd {
			delete(f.hosts, host)
		}
	}
}

// hosts maps the hosts of the advertised client URLs to the members' names.
func (pd *PD) hosts() map[string]string {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	hosts := map[string]string{}
	for _, m := range pd.members {
		if u, err := url.Parse(m.client); err == nil && m.name != "" {
			hosts[u.Host] = m.name
		}
	}
	return hosts
}

func (f *Farm) find(host string) (place, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	p, ok := f.hosts[host]
	return p, ok
}

// ServeHTTP passes a request to the member it is addressed to.
func (f *Farm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, ok := f.find(r.Host)
	if !ok {
		http.Error(w, "no PD has the host "+r.Host, http.StatusNotFound)
		return
	}
	p.pd.serve(p.name, w, r)
}

// reach finds the member that an address belongs to, or the error of dialling
// it: an unknown name does not resolve, a process that does not run refuses.
func (f *Farm) reach(network, address string) (place, error) {
	p, ok := f.find(address)
	if !ok {
		host, _, _ := net.SplitHostPort(address)
		return p, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	if !p.pd.isRunning(p.name) {
		return p, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	return p, nil
}

// DialContext dials a member by its advertised host.
func (f *Farm) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if _, err := f.reach(network, address); err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, network, f.listener.Addr().String())
}

// RoundTrip lets a member answer without a socket. The whole answer is made before it returns.
func (f *Farm) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	p, err := f.reach("tcp", r.URL.Host)
	if err != nil {
		return nil, err
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
	p.pd.serve(p.name, recorder, served)
	return recorder.Result(), nil
}

func (pd *PD) isRunning(name string) bool {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	return pd.member(name).running
}

// Close ends the listener and all connections.
func (f *Farm) Close() error {
	if f.server == nil {
		return nil
	}
	return f.server.Close()
}
