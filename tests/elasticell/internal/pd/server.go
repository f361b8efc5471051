// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/rpc"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

// Server is one PD process.
type Server struct {
	cfg     Config
	backend *backend
	leading atomic.Pointer[cluster] // set while this PD leads
	everLed bool                    // only elect's goroutine touches it
	peers   rpcPeers

	mu          sync.Mutex
	seen        observed
	known       bool
	seenChanged chan struct{}
}

// New returns a PD that does nothing yet.
func New(cfg Config) *Server {
	return &Server{cfg: cfg, seenChanged: make(chan struct{})}
}

// Run serves until ctx ends; it returns early only if PD cannot start. The RPC port opens first, and stays open
// whatever becomes of etcd: a removed member that is started again hangs its clients, as upstream's does.
func (s *Server) Run(ctx context.Context) error {
	listener, err := net.Listen("tcp", s.cfg.AddrRPC)
	if err != nil {
		return fmt.Errorf("listen on -addr-rpc: %w", err)
	}
	defer listener.Close()
	server := rpc.NewServer()
	if err := server.RegisterName(pdrpc.Service, &handlers{s}); err != nil {
		return fmt.Errorf("register RPC service: %w", err)
	}
	go acceptRPC(listener, server)

	s.backend, err = startEtcd(s.cfg, s.httpHandlers())
	if err != nil {
		return err
	}
	select {
	case <-s.backend.etcd.Server.ReadyNotify():
	case <-s.backend.etcd.Server.StopNotify():
		slog.Error("the embedded etcd has ended: this member was permanently removed from the cluster; the process stays")
		<-ctx.Done()
		return nil
	case <-ctx.Done():
		s.backend.etcd.Close()
		return nil
	}
	slog.Info("PD has joined", "name", s.cfg.Name, "member", s.backend.etcd.Server.MemberID().String())
	var wg sync.WaitGroup
	for _, loop := range []func(context.Context){s.observe, s.elect, s.remember} {
		wg.Go(func() { loop(ctx) })
	}
	<-ctx.Done()
	wg.Wait()
	s.backend.etcd.Close()
	return nil
}

// remember keeps the list of the other members fresh.
func (s *Server) remember(ctx context.Context) {
	for ctx.Err() == nil {
		s.backend.rememberMembers()
		pause(ctx, time.Second)
	}
}

func acceptRPC(l net.Listener, server *rpc.Server) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go server.ServeConn(conn)
	}
}

func (s *Server) httpHandlers() map[string]http.Handler {
	return map[string]http.Handler{
		"/pd/":           http.HandlerFunc(s.serveAPI),
		"/health":        http.HandlerFunc(s.serveHealth),
		"/v2/members":    http.HandlerFunc(s.serveMembers),
		"/v2/stats/self": http.HandlerFunc(s.serveSelf),
	}
}
