// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/rpc"
	"strings"
	"sync"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

// redirector marks a forwarded request. With it from outside ("probe"), only the leader answers 200.
const redirector = "PD-Redirector"

var forwarding = &http.Client{Timeout: 5 * time.Second}

// forwardAPI asks the leader at its first listen URL, not at the advertised one: a leader that listens on 0.0.0.0
// makes each follower ask itself.
func (s *Server) forwardAPI(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(redirector) != "" {
		http.Error(w, "redirect to not leader", http.StatusInternalServerError)
		return
	}
	seen, _, _ := s.lookup()
	if seen.record == nil {
		panic(panics{})
	}
	base, _, _ := strings.Cut(seen.record.ListenURLs, ",")
	req, err := http.NewRequestWithContext(r.Context(), r.Method, base+r.URL.RequestURI(), r.Body)
	if err != nil {
		http.Error(w, "redirect failed", http.StatusInternalServerError)
		return
	}
	req.Header = r.Header.Clone()
	req.Header.Set(redirector, s.cfg.Name)
	resp, err := forwarding.Do(req)
	if err != nil {
		slog.Warn("PD leader does not answer", "leader", seen.record.Name, "error", err)
		http.Error(w, "redirect failed", http.StatusInternalServerError)
		return
	}
	defer resp.Body.Close()
	for key, values := range resp.Header {
		w.Header()[key] = values
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// rpcPeers holds a follower's connection to the leader's RPC address.
type rpcPeers struct {
	mu   sync.Mutex
	addr string
	conn *rpc.Client
}

const forwardTimeout = 3 * time.Second

// forwardRPC passes a request on to the leader. Whatever goes wrong on the way reads as "not leader" to the caller, who
// then asks again.
func (s *Server) forwardRPC(method string, req pdrpc.Request, resp any) error {
	seen, _, _ := s.lookup()
	if seen.record == nil || req.WasForwarded() {
		return rpc.ServerError(pdrpc.NotLeader)
	}
	conn, err := s.peers.connect(seen.record.AddrRPC)
	if err != nil {
		return rpc.ServerError(pdrpc.NotLeader)
	}
	req.MarkForwarded()
	err = pdrpc.CallOnce(context.Background(), conn, pdrpc.Service+"."+method, req, resp, forwardTimeout)
	if _, refused := err.(rpc.ServerError); err != nil && !refused {
		s.peers.drop(conn)
		return rpc.ServerError(pdrpc.NotLeader)
	}
	return err
}

func (p *rpcPeers) connect(addr string) (*rpc.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil && p.addr == addr {
		return p.conn, nil
	}
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
	conn, err := pdrpc.Dial(addr, time.Second)
	if err != nil {
		return nil, err
	}
	p.conn, p.addr = conn, addr
	return conn, nil
}

func (p *rpcPeers) drop(conn *rpc.Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == conn {
		_ = conn.Close()
		p.conn = nil
	}
}
