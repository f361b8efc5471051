// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"context"
	"log/slog"
	"net/rpc"
	"sync"
	"time"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/pdrpc"
)

// watchers push route changes to the proxies. An address once registered stays for ever; what cannot be delivered is
// dropped, and the proxy finds out by the offset in the answer to its next heartbeat.
type watchers struct {
	mu     sync.Mutex
	offset pdrpc.Offset
	queues map[string]chan pdrpc.Notification
}

// newWatchers begins a stream of its own, so that every proxy fetches all routes after a change of the PD leader.
func newWatchers() *watchers {
	return &watchers{offset: pdrpc.Offset{Stream: time.Now().UnixNano()}, queues: map[string]chan pdrpc.Notification{}}
}

func (w *watchers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queues)
}

func (w *watchers) at() pdrpc.Offset {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offset
}

// add begins to push to addr; it says whether that is new.
func (w *watchers) add(ctx context.Context, addr string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.queues[addr]; known {
		return false
	}
	queue := make(chan pdrpc.Notification, 256)
	w.queues[addr] = queue
	go push(ctx, addr, queue)
	return true
}

// publish hands one change to all proxies, without waiting.
func (w *watchers) publish(n pdrpc.Notification) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n.After = w.offset
	w.offset.Seq++
	n.Offset = w.offset
	for _, queue := range w.queues {
		select {
		case queue <- n:
		default:
		}
	}
}

func push(ctx context.Context, addr string, queue <-chan pdrpc.Notification) {
	var conn *rpc.Client
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-queue:
			for attempt := 0; attempt < 2; attempt++ { // the old connection may have broken unnoticed
				if conn == nil {
					var err error
					if conn, err = pdrpc.Dial(addr, time.Second); err != nil {
						slog.Debug("proxy not reached", "address", addr, "error", err)
						conn = nil
						break
					}
				}
				err := pdrpc.CallOnce(ctx, conn, pdrpc.NotifyService+".Notify", &n, &pdrpc.Empty{}, 2*time.Second)
				if err == nil {
					break
				}
				_ = conn.Close()
				conn = nil
			}
		}
	}
}
