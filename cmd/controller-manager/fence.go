// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// fence keeps an operator that stood still, and wakes after its lease has run out, from sending what it had in
// hand: another one may act by then. Preconditions guard the object of a write alone, and this guards the rest.
// What is under way to the server when the process stands still passes.
type fence struct{ check atomic.Pointer[func() error] }

// renewals is a lease's lock that remembers when its last renewal was sent. Others count the lease's duration from when
// they see that renewal: that may be long before its answer comes here, and never before it was sent.
type renewals struct {
	resourcelock.Interface
	sent atomic.Pointer[time.Time]
}

// Create implements resourcelock.Interface.
func (l *renewals) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.renew(record, func() error { return l.Interface.Create(ctx, record) })
}

// Update implements resourcelock.Interface.
func (l *renewals) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.renew(record, func() error { return l.Interface.Update(ctx, record) })
}

func (l *renewals) renew(record resourcelock.LeaderElectionRecord, write func() error) error {
	now := time.Now()
	err := write()
	if err == nil && record.HolderIdentity == l.Identity() {
		l.sent.Store(&now)
	}
	return err
}

// age is for how long the lease has not been renewed.
func (l *renewals) age() time.Duration {
	sent := l.sent.Load()
	if sent == nil {
		return time.Duration(math.MaxInt64)
	}
	return time.Since(*sent)
}

// guard sets what tells whether the lease still holds; nil means that it does, or that none is held.
func (f *fence) guard(check func() error) { f.check.Store(&check) }

// open returns why nothing may be sent, nil if it may.
func (f *fence) open() error {
	if check := f.check.Load(); check != nil {
		return (*check)()
	}
	return nil
}

// Wrap makes a transport that sends no write without the lease. The lease itself is always written.
func (f *fence) Wrap(next http.RoundTripper) http.RoundTripper { return &fenced{f, next} }

type fenced struct {
	fence *fence
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *fenced) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || strings.Contains(r.URL.Path, "/apis/coordination.k8s.io/") {
		return t.next.RoundTrip(r)
	}
	if err := t.fence.open(); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, fmt.Errorf("%s %s is not sent, since the lease has run out and another operator may act: %w", r.Method, r.URL.Path, err)
	}
	return t.next.RoundTrip(r)
}
