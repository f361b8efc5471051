// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/rpc"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/kv"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/wire"
)

// Proxy is one proxy process.
type Proxy struct {
	cfg       Config
	supported map[string]bool
	pd        *pdrpc.Client
	routes    *routes
	backends  *backends
	done      chan struct{}
}

// New returns a proxy that does nothing yet.
func New(cfg Config) *Proxy {
	pd := pdrpc.NewClient(cfg.PDAddrs)
	return &Proxy{
		cfg: cfg, supported: cfg.supported(), pd: pd, routes: &routes{pd: pd}, backends: newBackends(), done: make(chan struct{}),
	}
}

// errRefresh ends the process: a route refresh that fails is fatal upstream.
var errRefresh = errors.New("route refresh failed")

// Run serves until ctx ends, or until a refresh of the routes fails. It needs PD to begin with; later it serves from
// what it knows.
func (p *Proxy) Run(ctx context.Context) error {
	defer p.pd.Close()
	if err := p.routes.refresh(ctx); err != nil {
		return fmt.Errorf("%w: %w", errRefresh, err)
	}
	notify, err := net.Listen("tcp", p.cfg.AddrNotify)
	if err != nil {
		return fmt.Errorf("listen on addrNotify: %w", err)
	}
	defer notify.Close()
	if err := p.serveNotify(notify); err != nil {
		return err
	}
	if err := p.pd.Call(ctx, "Watch", &pdrpc.WatchRequest{Addr: p.cfg.AddrNotify}, &pdrpc.Empty{}); err != nil {
		return fmt.Errorf("register at pd: %w", err)
	}
	redis, err := server.NewServer(p.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen on addr: %w", err)
	}
	redis.SetPreHook(p.serve)
	defer redis.Close()
	defer close(p.done) // first: a command that waits ends with it
	slog.Info("proxy serves", "addr", p.cfg.Addr, "cells", len(p.routes.cells))
	return p.watch(ctx)
}

// watch compares notes with PD. A heartbeat that fails changes nothing; a refresh that fails is the end.
func (p *Proxy) watch(ctx context.Context) error {
	ticker := time.NewTicker(p.cfg.heartbeat())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		var resp pdrpc.WatchHeartbeatResponse
		req := pdrpc.WatchHeartbeatRequest{Addr: p.cfg.AddrNotify, Offset: p.routes.at()}
		callCtx, cancel := context.WithTimeout(ctx, callTimeout)
		err := p.pd.Call(callCtx, "WatchHeartbeat", &req, &resp)
		cancel()
		if err != nil {
			slog.Warn("watcher heartbeat failed", "error", err)
			continue
		}
		if resp.Offset == p.routes.at() {
			continue
		}
		slog.Info("routes are behind PD's: fetching all")
		if err := p.routes.refresh(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("%w: %w", errRefresh, err)
		}
	}
}

// notifications is what PD calls.
type notifications struct{ r *routes }

// Notify takes in a change of routes.
func (n *notifications) Notify(req *pdrpc.Notification, resp *pdrpc.Empty) error {
	n.r.apply(req)
	resp.Ok = true
	return nil
}

func (p *Proxy) serveNotify(l net.Listener) error {
	s := rpc.NewServer()
	if err := s.RegisterName(pdrpc.NotifyService, &notifications{p.routes}); err != nil {
		return fmt.Errorf("register notifications: %w", err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.ServeConn(conn)
		}
	}()
	return nil
}

// serve carries out one Redis command. It always answers by itself, or never.
func (p *Proxy) serve(c *server.Peer, name string, args ...string) bool {
	lower := strings.ToLower(name)
	if !p.supported[lower] || !kv.Known(lower) {
		c.WriteError("command not support: " + lower)
		return true
	}
	command := make([][]byte, 0, len(args)+1)
	command = append(command, []byte(lower))
	for _, a := range args {
		command = append(command, []byte(a))
	}
	if bad := kv.Check(command); bad != nil {
		c.WriteRaw(string(bad))
		return true
	}
	parts, join := kv.Split(command)
	replies := make([][]byte, len(parts))
	for i, part := range parts {
		reply, ok := p.do(c, part)
		if !ok {
			return true // the client has gone
		}
		replies[i] = reply
	}
	c.WriteRaw(string(join(replies)))
	return true
}

// retryEvery is the pause before a command that surely was not carried out is tried again.
const retryEvery = 20 * time.Millisecond

// do carries out a command for one key. Without a route it tries for as long as the client waits; once it has been
// sent and the line breaks, it waits for nothing, as upstream does. It returns false when the client has gone.
func (p *Proxy) do(c *server.Peer, command [][]byte) ([]byte, bool) {
	for {
		var key []byte
		if len(command) > 1 && string(command[0]) != "ping" {
			key = command[1]
		}
		to := p.routes.find(key, key != nil)
		if to.addr != "" {
			answer, err := p.backends.to(to.addr).send(wire.Request{Cluster: to.cluster, Cell: to.cell, Args: command})
			if err == nil {
				resp, ok := p.await(c, answer)
				if !ok {
					return nil, false
				}
				if resp.Outcome == wire.Done {
					return resp.Reply, true
				}
				p.routes.hint(to.cell, to.leader, resp.Leader)
				if resp.Leader.StoreID != 0 && resp.Leader != to.leader {
					continue
				}
			}
		}
		if !p.pause(c) {
			return nil, false
		}
	}
}

// clientCheck is how often a waiting command looks whether its client is still there.
const clientCheck = 500 * time.Millisecond

func (p *Proxy) await(c *server.Peer, answer <-chan wire.Response) (wire.Response, bool) {
	for {
		timer := time.NewTimer(clientCheck)
		select {
		case resp := <-answer:
			timer.Stop()
			return resp, true
		case <-p.done:
			timer.Stop()
			return wire.Response{}, false
		case <-timer.C:
			if c.Closed() {
				return wire.Response{}, false
			}
		}
	}
}

func (p *Proxy) pause(c *server.Peer) bool {
	if c.Closed() {
		return false
	}
	select {
	case <-p.done:
		return false
	case <-time.After(retryEvery):
		return true
	}
}
