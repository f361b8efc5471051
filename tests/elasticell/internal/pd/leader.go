// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// observed is what this PD last saw under leaderKey. record is nil if nobody leads.
type observed struct {
	record *leaderRecord
	rev    int64 // of the write that put it there: one a leadership
}

// observe follows leaderKey for as long as the process lives, in whatever role.
func (s *Server) observe(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.observeOnce(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("watch of the PD leader broken", "error", err)
			pause(ctx, 500*time.Millisecond)
		}
	}
}

func (s *Server) observeOnce(ctx context.Context) error {
	client := s.backend.client()
	getCtx, cancel := context.WithTimeout(ctx, 3*time.Second)
	got, err := client.Get(getCtx, leaderKey)
	cancel()
	if err != nil {
		return err
	}
	var now observed
	if len(got.Kvs) > 0 {
		now = s.observation(got.Kvs[0].Value, got.Kvs[0].ModRevision)
	}
	s.setObserved(now)
	watchCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	for resp := range client.Watch(watchCtx, leaderKey, clientv3.WithRev(got.Header.Revision+1)) {
		if err := resp.Err(); err != nil {
			return err
		}
		for _, ev := range resp.Events {
			if ev.Type == clientv3.EventTypeDelete {
				s.setObserved(observed{})
			} else {
				s.setObserved(s.observation(ev.Kv.Value, ev.Kv.ModRevision))
			}
		}
	}
	return errors.New("watch channel closed")
}

func (s *Server) observation(value []byte, rev int64) observed {
	r, err := unmarshalLeader(value)
	if err != nil {
		slog.Error("PD leader record unreadable", "error", err)
	}
	return observed{record: &r, rev: rev}
}

func (s *Server) setObserved(o observed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.known = o, true
	close(s.seenChanged)
	s.seenChanged = make(chan struct{})
}

// lookup returns the last observation, whether there was one, and a channel that closes at the next.
func (s *Server) lookup() (observed, bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen, s.known, s.seenChanged
}

// elect campaigns whenever nobody leads. A PD that lost its leadership while proxies were registered does so no more:
// upstream deadlocks with itself there, and only a restart brings it back.
func (s *Server) elect(ctx context.Context) {
	for ctx.Err() == nil {
		seen, known, changed := s.lookup()
		vacant := clientv3.Compare(clientv3.CreateRevision(leaderKey), "=", 0)
		switch {
		case !known:
			pause(ctx, 50*time.Millisecond)
			continue
		case seen.record != nil && seen.record.Name == s.cfg.Name && !s.everLed:
			// Of this member's earlier life: it goes on in its place.
			vacant = clientv3.Compare(clientv3.ModRevision(leaderKey), "=", seen.rev)
		case seen.record != nil:
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		wedged, err := s.campaign(ctx, vacant)
		if err != nil && ctx.Err() == nil {
			slog.Warn("campaign for PD leadership failed", "error", err)
			pause(ctx, 200*time.Millisecond)
		}
		if wedged && !s.cfg.Switches.NoWedge {
			slog.Error("PD leadership lost with proxies registered: this PD does not campaign again until it is restarted")
			return
		}
	}
}

// campaign tries to lead once and returns when it failed or when leadership was lost; wedged says that it was lost
// while proxies were registered.
func (s *Server) campaign(ctx context.Context, vacant clientv3.Cmp) (wedged bool, err error) {
	client := s.backend.client()
	begin := time.Now()
	tryCtx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	lease, err := client.Grant(tryCtx, s.cfg.Lease)
	if err != nil {
		return false, err
	}
	record := leaderRecord{uint64(s.backend.etcd.Server.MemberID()), s.cfg.Name, s.cfg.AddrRPC, s.cfg.URLsClient}
	txn, err := client.Txn(tryCtx).If(vacant).
		Then(clientv3.OpPut(leaderKey, string(record.marshal()), clientv3.WithLease(lease.ID))).Commit()
	if err != nil {
		return false, err
	}
	if !txn.Succeeded {
		_, _ = client.Revoke(tryCtx, lease.ID)
		pause(ctx, 50*time.Millisecond) // until the observer sees the winner
		return false, nil
	}
	return s.lead(ctx, lease.ID, txn.Header.Revision, begin)
}

// lead serves as the leader for as long as the lease lives.
func (s *Server) lead(ctx context.Context, lease clientv3.LeaseID, rev int64, begin time.Time) (wedged bool, err error) {
	leadCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := loadCluster(leadCtx, s.cfg, s.backend.client, rev)
	if err != nil {
		_, _ = s.backend.client().Revoke(ctx, lease)
		return false, err
	}
	if s.everLed && s.cfg.Switches.CrashOnRegaining && c.watcherCount() > 0 {
		panic("bug: error offset 9, end is 2")
	}
	s.everLed = true
	c.start(leadCtx)
	s.leading.Store(c)
	slog.Info("this PD leads", "name", s.cfg.Name)
	err = s.keepLease(leadCtx, lease, rev, begin)
	s.leading.Store(nil)
	if ctx.Err() == nil {
		slog.Warn("PD leadership lost", "error", err)
	}
	return c.watcherCount() > 0, nil
}

var errLost = errors.New("the lease ran out or was taken")

// keepLease returns when the leadership is lost. A PD never resigns: at its end the lease runs out.
func (s *Server) keepLease(ctx context.Context, lease clientv3.LeaseID, rev int64, last time.Time) error {
	ttl := time.Duration(s.cfg.Lease) * time.Second
	ticker := time.NewTicker(ttl / 4)
	defer ticker.Stop()
	sawOwn := false
	for {
		seen, _, changed := s.lookup()
		sawOwn = sawOwn || seen.rev == rev
		if seen.rev > rev || sawOwn && seen.rev != rev {
			return errLost
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-ticker.C:
			sent := time.Now()
			callCtx, cancel := context.WithTimeout(ctx, ttl/4)
			_, err := s.backend.client().KeepAliveOnce(callCtx, lease)
			cancel()
			switch {
			case err == nil:
				last = sent
			case errors.Is(err, rpctypes.ErrLeaseNotFound):
				return errLost
			case time.Since(last) > ttl:
				return err
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
