// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// persister writes PD's state into etcd, for as long as the leadership that it was made for lasts.
type persister struct {
	client  func() *clientv3.Client
	guard   clientv3.Cmp
	cluster uint64
}

const (
	clusterIDKey = "/pd/cluster_id"
	allocKey     = "/pd/meta/alloc_id"
	allocBlock   = 1000 // ids jump by this much when the leader changes
	etcdTimeout  = 3 * time.Second
)

var errNotLeaderAnyMore = errors.New("this PD leads no more")

// newPersister finds the cluster's id, or gives it one.
func newPersister(ctx context.Context, client func() *clientv3.Client, rev int64) (*persister, error) {
	p := &persister{client: client, guard: clientv3.Compare(clientv3.ModRevision(leaderKey), "=", rev)}
	ctx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	got, err := client().Get(ctx, clusterIDKey)
	if err != nil {
		return nil, fmt.Errorf("read cluster id: %w", err)
	}
	if len(got.Kvs) > 0 {
		p.cluster, err = strconv.ParseUint(string(got.Kvs[0].Value), 10, 64)
		return p, err
	}
	var random [8]byte
	_, _ = rand.Read(random[:])
	p.cluster = binary.BigEndian.Uint64(random[:])>>1 + 1
	return p, p.do(ctx, clientv3.OpPut(clusterIDKey, strconv.FormatUint(p.cluster, 10)))
}

// do writes in one transaction.
func (p *persister) do(ctx context.Context, ops ...clientv3.Op) error {
	ctx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	txn, err := p.client().Txn(ctx).If(p.guard).Then(ops...).Commit()
	if err != nil {
		return fmt.Errorf("write PD state: %w", err)
	}
	if !txn.Succeeded {
		return errNotLeaderAnyMore
	}
	return nil
}

func (p *persister) key(parts ...string) string {
	return path.Join(append([]string{"/pd/cluster", strconv.FormatUint(p.cluster, 10)}, parts...)...)
}

// put is the operation that writes v as JSON.
func (p *persister) put(v any, parts ...string) clientv3.Op {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only our own plain structs come here
	}
	return clientv3.OpPut(p.key(parts...), string(b))
}

// get reads one value; it says whether it was there.
func (p *persister) get(ctx context.Context, v any, parts ...string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	got, err := p.client().Get(ctx, p.key(parts...))
	if err != nil || len(got.Kvs) == 0 {
		return false, err
	}
	return true, json.Unmarshal(got.Kvs[0].Value, v)
}

// list calls each with the last part of the key and the value of everything below the folder.
func (p *persister) list(ctx context.Context, folder string, each func(name string, value []byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	prefix := p.key(folder) + "/"
	got, err := p.client().Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return fmt.Errorf("read %s: %w", folder, err)
	}
	for _, kv := range got.Kvs {
		if err := each(strings.TrimPrefix(string(kv.Key), prefix), kv.Value); err != nil {
			return fmt.Errorf("read %s: %w", kv.Key, err)
		}
	}
	return nil
}

// allocator gives out the ids of stores, cells and peers from one counter.
type allocator struct {
	p         *persister
	next, end uint64
}

func (a *allocator) alloc(ctx context.Context, count uint64) (uint64, error) {
	if a.next+count > a.end {
		if err := a.refill(ctx, count); err != nil {
			return 0, err
		}
	}
	first := a.next
	a.next += count
	return first, nil
}

func (a *allocator) refill(ctx context.Context, count uint64) error {
	getCtx, cancel := context.WithTimeout(ctx, etcdTimeout)
	defer cancel()
	got, err := a.p.client().Get(getCtx, allocKey)
	if err != nil {
		return fmt.Errorf("read id counter: %w", err)
	}
	var used uint64
	if len(got.Kvs) > 0 {
		if used, err = strconv.ParseUint(string(got.Kvs[0].Value), 10, 64); err != nil {
			return fmt.Errorf("read id counter: %w", err)
		}
	}
	end := used + max(count, allocBlock)
	if err := a.p.do(ctx, clientv3.OpPut(allocKey, strconv.FormatUint(end, 10))); err != nil {
		return err
	}
	a.next, a.end = used+1, end+1
	return nil
}
