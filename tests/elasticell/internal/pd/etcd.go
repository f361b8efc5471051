// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap"
)

// backend is the embedded etcd. A member that was removed loses its own etcd, yet a removed PD leader goes on leading
// through the others: client then speaks to them.
type backend struct {
	etcd  *embed.Etcd
	local *clientv3.Client

	mu     sync.Mutex
	others []string // the other members' client URLs, as long as our own etcd knew them
	remote *clientv3.Client
}

// startEtcd starts the member; it does not wait until it has joined. handlers are served on the client port.
func startEtcd(cfg Config, handlers map[string]http.Handler) (*backend, error) {
	ec, err := etcdConfig(cfg)
	if err != nil {
		return nil, err
	}
	ec.UserHandlers = handlers
	etcd, err := embed.StartEtcd(ec)
	if err != nil {
		return nil, fmt.Errorf("start embedded etcd: %w", err)
	}
	return &backend{etcd: etcd, local: v3client.New(etcd.Server)}, nil
}

func etcdConfig(cfg Config) (*embed.Config, error) {
	// A WAL segment is preallocated; 64 MB of it are too much for a demo's disk.
	wal.SegmentSizeBytes = 4 << 20
	ec := embed.NewConfig()
	ec.Name, ec.Dir = cfg.Name, cfg.Data
	ec.InitialCluster, ec.ClusterState = cfg.InitialCluster, cfg.InitialClusterState
	ec.EnableGRPCGateway = false
	ec.MaxTxnOps = 10000 // a bootstrap writes all its cells at once
	ec.SnapshotCount, ec.SnapshotCatchUpEntries = 2000, 500
	ec.AutoCompactionMode, ec.AutoCompactionRetention = embed.CompactorModeRevision, "1000"
	ec.LogLevel, ec.LogFormat, ec.LogOutputs = "error", "console", []string{"stdout"}
	if cfg.Debug {
		ec.LogLevel = "info"
	}
	for _, u := range []struct {
		flag, value string
		to          *[]url.URL
	}{
		{"urls-client", cfg.URLsClient, &ec.ListenClientUrls}, {"urls-peer", cfg.URLsPeer, &ec.ListenPeerUrls},
		{"urls-advertise-client", cfg.URLsAdvertiseClient, &ec.AdvertiseClientUrls},
		{"urls-advertise-peer", cfg.URLsAdvertisePeer, &ec.AdvertisePeerUrls},
	} {
		urls, err := parseURLs(u.value)
		if err != nil {
			return nil, fmt.Errorf("parse -%s: %w", u.flag, err)
		}
		*u.to = urls
	}
	return ec, nil
}

func parseURLs(list string) ([]url.URL, error) {
	var urls []url.URL
	for _, s := range strings.Split(list, ",") {
		u, err := url.Parse(s)
		if err != nil {
			return nil, err
		}
		urls = append(urls, *u)
	}
	return urls, nil
}

// stopped says whether our own etcd has ended: the member was removed.
func (b *backend) stopped() bool {
	select {
	case <-b.etcd.Server.StopNotify():
		return true
	default:
		return false
	}
}

// rememberMembers notes whom to ask should this member be removed.
func (b *backend) rememberMembers() {
	if b.stopped() {
		return
	}
	var others []string
	for _, m := range b.etcd.Server.Cluster().Members() {
		if m.ID != b.etcd.Server.MemberID() {
			others = append(others, m.ClientURLs...)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(others) > 0 {
		b.others = others
	}
}

// client returns the way into etcd.
func (b *backend) client() *clientv3.Client {
	if !b.stopped() {
		return b.local
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.remote == nil && len(b.others) > 0 {
		remote, err := clientv3.New(clientv3.Config{
			Endpoints: b.others, DialTimeout: 2 * time.Second, Logger: zap.NewNop(),
		})
		if err == nil {
			b.remote = remote
		}
	}
	if b.remote == nil {
		return b.local
	}
	return b.remote
}
