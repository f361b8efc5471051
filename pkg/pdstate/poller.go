// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
)

// Target is what to poll of a cluster, and how.
type Target struct {
	// Endpoints are the client URLs of its PDs.
	Endpoints []string
	// Busy clusters, those with an operation under way, are polled often and with their cells.
	Busy bool
	// WantCells asks for the cells of a settled cluster too.
	WantCells bool
	// Ready is how many members are ready. When it changes, PD is likely to have news.
	Ready int
	// HeartbeatLimit is the age beyond which a store's heartbeat is stale; 0 for DefaultHeartbeatLimit.
	HeartbeatLimit time.Duration
}

func (t *Target) equal(o *Target) bool {
	return t.Busy == o.Busy && t.WantCells == o.WantCells && t.Ready == o.Ready && t.HeartbeatLimit == o.HeartbeatLimit && slices.Equal(t.Endpoints, o.Endpoints)
}

// Options of a Poller.
type Options struct {
	// Factory makes the client of a cluster's PD.
	Factory pdapi.Factory
	// Notify is told the key of a cluster of which something that matters changed. It must not block.
	Notify func(key string)
	// Clock is the real one by default.
	Clock clock.Clock
	// Settled is how far polls of a cluster at rest are apart, 30 s by default; Busy those of one with an operation, 2 s by default.
	Settled, Busy time.Duration
	// BusyRate bounds the polls of all busy clusters together, per second: the more there are, the further apart the polls
	// of each; 200 by default. A first look, and one after something happened, is not kept back.
	BusyRate int
	// Jitter spreads the polls of settled and failing clusters by this share either way; 0.1 by default, negative for none.
	Jitter float64
	// Workers bounds the polls under way at once; 16 by default. Those that were slow the last time may take a quarter.
	Workers int
	// Timeout bounds one poll; 10 s by default.
	Timeout time.Duration
}

func (o *Options) setDefaults() {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Notify == nil {
		o.Notify = func(string) {}
	}
	if o.Settled <= 0 {
		o.Settled = 30 * time.Second
	}
	if o.Busy <= 0 {
		o.Busy = 2 * time.Second
	}
	if o.BusyRate <= 0 {
		o.BusyRate = 200
	}
	if o.Jitter == 0 {
		o.Jitter = 0.1
	}
	if o.Workers <= 0 {
		o.Workers = 16
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
}

// Poller polls the PDs of many clusters. All methods are safe for concurrent use, and none but Run does I/O or blocks.
type Poller struct {
	options Options
	wake    chan struct{}

	mu       sync.RWMutex
	clusters map[string]*cluster
	// busy is how many of them are.
	busy     int
	schedule schedule
}

// cluster is one polled cluster. All but the snapshot is guarded by Poller.mu.
type cluster struct {
	key      string
	target   Target
	client   pdapi.Client
	snapshot atomic.Pointer[Snapshot]

	// due is when the next poll is to begin, at its place in the queue by time; -1 while it is not there.
	due   time.Time
	place int
	began time.Time
	// quiet counts the polls since something changed or somebody asked.
	quiet int
	// running: a poll is under way, or waits for a worker. again: somebody asked meanwhile. gone: nobody wants it any more.
	running, again, gone bool
	// slow: the last poll took long, as one of a PD that hangs does.
	slow bool
}

// New makes a Poller. It polls nothing until Run.
func New(options Options) *Poller {
	options.setDefaults()
	p := &Poller{options: options, wake: make(chan struct{}, 1), clusters: map[string]*cluster{}}
	p.schedule.workers, p.schedule.slowShare = options.Workers, max(options.Workers/4, 1)
	return p
}

// Ensure has a cluster polled as the target says. It is cheap to repeat. A new
// cluster, one with other endpoints or another number of ready members, and one
// that became busy or wants more than before, is polled at once.
func (p *Poller) Ensure(key string, target Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clusters[key]
	switch {
	case c == nil:
		c = &cluster{key: key, place: -1}
		p.clusters[key] = c
	case c.target.equal(&target):
		return
	}
	soon := target.Busy && !c.target.Busy || target.WantCells && !c.target.WantCells || target.Ready != c.target.Ready
	if c.client == nil || !slices.Equal(c.target.Endpoints, target.Endpoints) {
		soon = true
		target.Endpoints = slices.Clone(target.Endpoints)
		c.setClient(p.options.Factory(target.Endpoints))
	}
	p.countBusy(c.target.Busy, target.Busy)
	c.target = target
	if soon {
		p.hurry(c)
	}
}

// countBusy notes that a cluster became busy or ceased to be.
func (p *Poller) countBusy(was, is bool) {
	switch {
	case is && !was:
		p.busy++
	case was && !is:
		p.busy--
	}
}

// setClient replaces the client. A poll under way goes on with the old one.
func (c *cluster) setClient(client pdapi.Client) {
	if c.client != nil {
		_ = c.client.Close()
	}
	c.client = client
}

// Forget ends the polling of a cluster and drops what is known of it.
func (p *Poller) Forget(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clusters[key]
	if c == nil {
		return
	}
	delete(p.clusters, key)
	p.countBusy(c.target.Busy, false)
	c.gone = true
	p.schedule.remove(c)
	c.setClient(nil)
}

// Get returns the newest snapshot of a cluster, nil if nothing is known yet.
func (p *Poller) Get(key string) *Snapshot {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if c := p.clusters[key]; c != nil {
		return c.snapshot.Load()
	}
	return nil
}

// Refresh has a cluster polled soon: at once, or an eighth of Busy after its
// last poll began. While a poll is under way another one follows it, since the
// first may have missed what the caller knows.
func (p *Poller) Refresh(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.clusters[key]; c != nil {
		p.hurry(c)
	}
}

// hurry is Refresh under the lock.
func (p *Poller) hurry(c *cluster) {
	c.quiet = 0
	if c.running {
		c.again = true
		return
	}
	due := p.soonest(c)
	if c.place >= 0 && !due.Before(c.due) {
		return
	}
	p.schedule.set(c, due)
	p.nudge()
}

// soonest is the earliest time of a cluster's next poll.
func (p *Poller) soonest(c *cluster) time.Time {
	now := p.options.Clock.Now()
	if earliest := c.began.Add(p.options.Busy / 8); earliest.After(now) {
		return earliest
	}
	return now
}

// nudge lets Run look at the schedule again.
func (p *Poller) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run polls until the context ends, and returns when the last poll under way has.
func (p *Poller) Run(ctx context.Context) {
	var polls sync.WaitGroup
	defer polls.Wait()
	for ctx.Err() == nil {
		next := p.startDue(ctx, &polls)
		var timeout <-chan time.Time
		var timer clock.Timer
		if !next.IsZero() {
			timer = p.options.Clock.NewTimer(next.Sub(p.options.Clock.Now()))
			timeout = timer.C()
		}
		select {
		case <-ctx.Done():
		case <-p.wake:
		case <-timeout:
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// startDue starts the polls that are due, as far as there are workers, and
// returns when the next one is. A worker is a goroutine that ends with its poll.
func (p *Poller) startDue(ctx context.Context, polls *sync.WaitGroup) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.schedule.ripen(p.options.Clock.Now())
	for {
		c := p.schedule.start()
		if c == nil {
			return p.schedule.next()
		}
		c.began = p.options.Clock.Now()
		slow := c.slow
		client, target := c.client, c.target
		polls.Go(func() {
			p.poll(ctx, c, client, target)
			p.finish(c, slow)
		})
	}
}

// poll asks a PD and publishes the answer.
func (p *Poller) poll(ctx context.Context, c *cluster, client pdapi.Client, target Target) {
	asking, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	last := c.snapshot.Load()
	next := ask(asking, client, target, last, c.began)
	next.MaxAge = p.maxAge()
	if ctx.Err() != nil {
		return // the failure is ours
	}
	changed := Changes(last, next) != 0
	p.mu.Lock()
	notify := changed && !c.gone
	if !c.gone {
		c.snapshot.Store(next)
	}
	if c.quiet++; changed {
		c.quiet = 0
	}
	p.mu.Unlock()
	if notify {
		p.options.Notify(c.key)
	}
}

// maxAge leaves room for one poll that fails, whatever the pace.
func (p *Poller) maxAge() time.Duration {
	return 2*p.options.Settled + p.options.Timeout + 5*time.Second
}

// finish plans the next poll and gives the worker back.
func (p *Poller) finish(c *cluster, wasSlow bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.schedule.done(c, wasSlow)
	now := p.options.Clock.Now()
	c.slow = now.Sub(c.began) >= slowPoll
	if !c.gone {
		p.schedule.set(c, p.after(c, now))
	}
	c.again = false
	p.nudge()
}

// after is when the poll after the one that ended now is due.
func (p *Poller) after(c *cluster, now time.Time) time.Time {
	if c.again {
		c.quiet = 0
		return p.soonest(c)
	}
	failures := 0
	if s := c.snapshot.Load(); s != nil {
		failures = s.Failures
	}
	wait := pause(&p.options, c.target.Busy, c.quiet, failures)
	if c.target.Busy {
		wait = max(wait, time.Duration(p.busy)*time.Second/time.Duration(p.options.BusyRate))
	}
	return now.Add(spread(wait, p.options.Jitter))
}
