// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdstate

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/deepfabric/elasticell-operator/pkg/pdapi"
	"github.com/deepfabric/elasticell-operator/pkg/pdapi/pdtest"
)

// room is a poller that runs in a bubble of fake time, with the PDs it polls.
type room struct {
	*Poller
	t    *testing.T
	farm *pdtest.Farm
	ctx  context.Context
	stop func()
	runs sync.WaitGroup

	mu       sync.Mutex
	notified map[string]int
	clients  []*closing
}

// closing notes that a client was closed.
type closing struct {
	pdapi.Client
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return c.Client.Close()
}

// inRoom runs a test in a bubble: time stands still while anything runs, and sleeping costs nothing.
func inRoom(t *testing.T, options Options, test func(*room)) {
	synctest.Test(t, func(t *testing.T) {
		r := &room{t: t, farm: pdtest.NewFarm(), notified: map[string]int{}}
		factory := pdapi.NewFactory(pdapi.Options{Transport: r.farm})
		options.Factory = func(endpoints []string) pdapi.Client {
			c := &closing{Client: factory(endpoints)}
			r.clients = append(r.clients, c)
			return c
		}
		options.Notify = func(key string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.notified[key]++
		}
		if options.Jitter == 0 {
			options.Jitter = -1
		}
		r.Poller = New(options)
		ctx, cancel := context.WithCancel(t.Context())
		r.ctx = ctx
		r.runs.Go(func() { r.Run(ctx) })
		r.stop = func() {
			cancel()
			r.runs.Wait()
		}
		defer r.stop()
		test(r)
	})
}

// pd makes a PD with three stores and adds it to the farm; its stores report every 5 s.
func (r *room) pd(name string) *pdtest.PD {
	pd := pdtest.New(pdtest.Config{
		Members:   []string{"pd-0", "pd-1", "pd-2"},
		ClientURL: func(member string) string { return "http://" + member + "." + name + ":2379" },
	})
	for i := range 3 {
		_, err := pd.AddStore(pdtest.Store{Address: fmt.Sprintf("store-%d:1", i), ClientAddress: fmt.Sprintf("store-%d:2", i)})
		require.NoError(r.t, err)
	}
	pd.Settle()
	r.farm.Add(pd)
	r.runs.Go(func() {
		for {
			select {
			case <-r.ctx.Done():
				return
			case <-time.After(5 * time.Second):
				pd.Heartbeat()
			}
		}
	})
	return pd
}

func (r *room) notes(key string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notified[key]
}

// pass lets time pass, and everything that is due in it happen.
func (r *room) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestSettledClusterIsCheap(t *testing.T) {
	inRoom(t, Options{Jitter: 0.1}, func(r *room) {
		pd := r.pd("demo")
		assert.Nil(t, r.Get("ns/demo"))
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		r.pass(time.Millisecond)
		require.NotNil(t, r.Get("ns/demo"), "the first poll is at once")
		assert.Equal(t, 1, r.notes("ns/demo"))
		pd.ResetCalls()
		const minutes = 30
		r.pass(minutes * time.Minute)
		assert.LessOrEqual(t, pd.CallCount(), 8*minutes, "requests in %d minutes", minutes)
		assert.GreaterOrEqual(t, pd.CallCount(), 5*minutes)
		assert.Equal(t, 1, r.notes("ns/demo"), "nothing that matters changed")
		assert.LessOrEqual(t, r.Get("ns/demo").Age(time.Now()), 33*time.Second)
		assert.True(t, r.Get("ns/demo").Known(time.Now()))

		pd.ResetCalls()
		for range 1000 {
			r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		}
		r.pass(time.Millisecond)
		assert.Zero(t, pd.CallCount(), "repeating the target asks nothing")
	})
}

func TestNotify(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		pd := r.pd("demo")
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		r.pass(time.Second)
		steps := []struct {
			name   string
			change func()
			within time.Duration
			times  int
		}{
			{"leader dies", func() { pd.StopMember("pd-0") }, 31 * time.Second, 1},
			{"still dead", func() {}, 2 * time.Minute, 0},
			{"another leads and has heard the stores", func() { require.NoError(t, pd.Elect("pd-1")); pd.Heartbeat() }, 31 * time.Second, 1},
			{"nothing", func() {}, 5 * time.Minute, 0},
			{"a store goes down", func() { require.NoError(t, pd.Down(1)) }, 31 * time.Second, 1},
			{"a store dies", func() { pd.StopStore(1) }, time.Minute, 1},
			{"nothing", func() {}, time.Minute, 0},
		}
		for _, step := range steps {
			before := r.notes("ns/demo")
			step.change()
			r.pass(step.within)
			assert.Equal(t, step.times, r.notes("ns/demo")-before, step.name)
		}
	})
}

func TestBusyCluster(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		pd := r.pd("demo")
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		r.pass(10 * time.Second)
		pd.ResetCalls()
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints(), Busy: true})
		r.pass(time.Millisecond)
		assert.Equal(t, 4, pd.CallCount(), "becoming busy asks at once, for the cells too")
		assert.NotZero(t, r.Get("ns/demo").CellsAt)

		r.pass(time.Minute)
		pd.ResetCalls()
		r.pass(time.Minute)
		assert.Equal(t, 4*30, pd.CallCount(), "a quiet busy cluster is asked every 2 s")
		require.NoError(t, pd.Down(1))
		r.pass(2 * time.Second)
		pd.ResetCalls()
		r.pass(time.Second)
		assert.GreaterOrEqual(t, pd.CallCount(), 4, "and more often when something moved")

		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		r.pass(time.Minute)
		pd.ResetCalls()
		r.pass(time.Minute)
		assert.Equal(t, 3*2, pd.CallCount())
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints(), WantCells: true})
		r.pass(time.Millisecond)
		assert.NotZero(t, r.Get("ns/demo").CellsAt)
	})
}

func TestRefresh(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		pd := r.pd("demo")
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		r.pass(10 * time.Second)
		pd.ResetCalls()
		for range 100 {
			r.Refresh("ns/demo")
		}
		r.pass(time.Millisecond)
		assert.Equal(t, 3, pd.CallCount(), "many wishes are one poll")
		r.Refresh("ns/demo")
		r.Refresh("ns/demo")
		r.pass(100 * time.Millisecond)
		assert.Equal(t, 3, pd.CallCount(), "and no sooner than an eighth of Busy after the last")
		r.pass(200 * time.Millisecond)
		assert.Equal(t, 6, pd.CallCount())
		r.Refresh("ns/unheard-of")
	})
}

// A poll under way may have missed what the caller knows: another one follows.
func TestRefreshDuringPoll(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		pd := r.pd("demo")
		pd.SetModes(pdtest.Silent)
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		r.pass(time.Second)
		r.Refresh("ns/demo")
		r.pass(4900 * time.Millisecond) // 3 s for the first member, 3 s for the others
		assert.Nil(t, r.Get("ns/demo"))
		pd.ResetCalls()
		r.pass(200 * time.Millisecond)
		assert.Equal(t, 1, r.Get("ns/demo").Failures)
		assert.Equal(t, 1, pd.CallCount(), "the next poll has begun")
	})
}

func TestFailingClusterIsAskedLess(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		pd := r.pd("demo")
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		r.pass(time.Second)
		for _, m := range []string{"pd-0", "pd-1", "pd-2"} {
			pd.StopMember(m)
		}
		r.pass(31 * time.Second)
		s := r.Get("ns/demo")
		require.ErrorIs(t, s.Err, pdapi.ErrUnreachable)
		r.pass(32 * time.Second)
		assert.Equal(t, 5, r.Get("ns/demo").Failures, "after 0, 2, 6, 14 and 30 s")
		r.pass(10 * time.Minute)
		assert.Equal(t, 25, r.Get("ns/demo").Failures)
		assert.Equal(t, 2, r.notes("ns/demo"))
	})
}

// 200 PDs hang; the ten others are polled as if they were alone.
func TestHangingPDsDelayNobody(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		for i := range 200 {
			name := fmt.Sprintf("dead-%d", i)
			pd := r.pd(name)
			pd.SetModes(pdtest.Silent)
			r.Ensure(name, Target{Endpoints: pd.Endpoints(), Busy: true})
		}
		// Once all of them are known to be slow.
		r.pass(3 * time.Minute)
		var good []string
		begin := time.Now()
		for i := range 10 {
			name := fmt.Sprintf("good-%d", i)
			good = append(good, name)
			r.Ensure(name, Target{Endpoints: r.pd(name).Endpoints()})
		}
		r.pass(time.Millisecond)
		for _, name := range good {
			require.NotNil(t, r.Get(name), "%s is polled at once", name)
		}
		for range 600 {
			r.pass(time.Second)
			for _, name := range good {
				require.LessOrEqual(t, r.Get(name).Age(time.Now()), 30*time.Second, "%v after the beginning", time.Since(begin))
			}
		}
		for i := range 200 {
			assert.Greater(t, r.Get(fmt.Sprintf("dead-%d", i)).Failures, 1, "the dead ones are still asked, in turn")
		}
	})
}

func TestForget(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		pd := r.pd("demo")
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		r.pass(time.Second)
		r.Forget("ns/demo")
		r.Forget("ns/demo")
		assert.Nil(t, r.Get("ns/demo"))
		assert.True(t, r.clients[0].closed)
		pd.ResetCalls()
		r.pass(5 * time.Minute)
		assert.Zero(t, pd.CallCount())

		// While a poll is under way.
		pd.SetModes(pdtest.Silent)
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		r.pass(time.Second)
		r.Forget("ns/demo")
		before := r.notes("ns/demo")
		r.pass(5 * time.Minute)
		assert.Nil(t, r.Get("ns/demo"))
		assert.Equal(t, before, r.notes("ns/demo"))
		assert.Empty(t, r.schedule.byTime)
		assert.Zero(t, r.schedule.running)
	})
}

func TestEndpointsChange(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		pd := r.pd("demo")
		endpoints := []string{"http://gone:2379"}
		r.Ensure("ns/demo", Target{Endpoints: endpoints})
		r.pass(time.Second)
		require.ErrorIs(t, r.Get("ns/demo").Err, pdapi.ErrUnreachable)
		endpoints[0] = pd.Endpoints()[0] // the caller's slice is the caller's
		r.Ensure("ns/demo", Target{Endpoints: endpoints})
		r.pass(time.Millisecond)
		require.NoError(t, r.Get("ns/demo").Err, "new endpoints are asked at once")
		assert.True(t, r.clients[0].closed)
		assert.False(t, r.clients[1].closed)
		s := r.Get("ns/demo")
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		assert.Same(t, s, r.Get("ns/demo"), "what is known stays")
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints(), HeartbeatLimit: time.Minute})
		assert.Len(t, r.clients, 3, "the same endpoints keep their client")
		r.pass(time.Minute)
		assert.Equal(t, time.Minute, r.Get("ns/demo").HeartbeatLimit)
	})
}

// An answer is believed until the next two polls are missing, whatever the pace.
func TestSlowPaceIsNotUnknown(t *testing.T) {
	inRoom(t, Options{Settled: 5 * time.Minute}, func(r *room) {
		r.Ensure("ns/demo", Target{Endpoints: r.pd("demo").Endpoints()})
		r.pass(time.Second)
		for range 600 {
			r.pass(time.Second)
			require.Empty(t, r.Get("ns/demo").Unknown(time.Now()))
		}
	})
}

// A failure that comes of stopping is not PD's.
func TestStopDuringPoll(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		pd := r.pd("demo")
		pd.SetModes(pdtest.Silent)
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
		r.pass(time.Second)
		r.stop()
		assert.Nil(t, r.Get("ns/demo"))
		assert.Zero(t, r.notes("ns/demo"))
	})
}

// Everything at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		pd := r.pd("demo")
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 200 {
					key := fmt.Sprint((i + j) % 5)
					switch j % 5 {
					case 0:
						r.Ensure(key, Target{Endpoints: pd.Endpoints(), Busy: j%2 == 0})
					case 1:
						r.Refresh(key)
					case 2:
						if s := r.Get(key); s != nil {
							s.Unknown(time.Now())
						}
					case 3:
						time.Sleep(time.Duration(j) * time.Millisecond)
					case 4:
						if j%20 == 4 {
							r.Forget(key)
						}
					}
				}
			})
		}
		wg.Wait()
	})
}

// The clock can be handed in, too.
func TestInjectedClock(t *testing.T) {
	fake := clocktesting.NewFakeClock(t0)
	pd := pdtest.New(pdtest.Config{Now: fake.Now})
	polled := make(chan string, 10)
	p := New(Options{
		Factory: pdapi.NewFactory(pdapi.Options{Transport: pdtest.NewFarm(pd)}),
		Notify:  func(key string) { polled <- key },
		Clock:   fake,
		Jitter:  -1,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { p.Run(ctx) })
	p.Ensure("ns/demo", Target{Endpoints: pd.Endpoints()})
	assert.Equal(t, "ns/demo", <-polled)
	assert.Equal(t, t0, p.Get("ns/demo").At)
	require.Eventually(t, fake.HasWaiters, 10*time.Second, time.Millisecond)
	_, err := pd.AddStore(pdtest.Store{Address: "a:1"})
	require.NoError(t, err)
	fake.Step(30 * time.Second)
	assert.Equal(t, "ns/demo", <-polled)
	assert.Equal(t, t0.Add(30*time.Second), p.Get("ns/demo").At)
	cancel()
	wg.Wait()
}

// A member that became ready, or ceased to be, is news that PD may know more of.
func TestReadyMembers(t *testing.T) {
	inRoom(t, Options{}, func(r *room) {
		pd := r.pd("demo")
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints(), Ready: 2})
		r.pass(10 * time.Second)
		pd.ResetCalls()
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints(), Ready: 3})
		r.pass(time.Millisecond)
		assert.Equal(t, 3, pd.CallCount())
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints(), Ready: 3})
		r.pass(10 * time.Second)
		assert.Equal(t, 3, pd.CallCount())
		r.Ensure("ns/demo", Target{Endpoints: pd.Endpoints(), Ready: 1})
		r.pass(time.Millisecond)
		assert.Equal(t, 6, pd.CallCount())
	})
}

// Together, busy clusters are asked no more often than a bound allows, and no
// longer than they are busy.
func TestBusyRate(t *testing.T) {
	const count, rate = 100, 10
	inRoom(t, Options{BusyRate: rate}, func(r *room) {
		var pds []*pdtest.PD
		ensure := func(busy bool) {
			for i, pd := range pds {
				r.Ensure(fmt.Sprint(i), Target{Endpoints: pd.Endpoints(), Busy: busy})
			}
		}
		polls := func() (n int) {
			r.pass(time.Minute)
			for _, pd := range pds {
				pd.ResetCalls()
			}
			r.pass(time.Minute)
			for _, pd := range pds {
				n += pd.CallCount()
			}
			return n
		}
		for i := range count {
			pds = append(pds, r.pd(fmt.Sprint(i)))
		}
		ensure(true)
		assert.Equal(t, 60*rate*4, polls(), "four requests a poll")
		ensure(false)
		assert.Equal(t, 2*count*3, polls())
		r.Ensure("0", Target{Endpoints: pds[0].Endpoints(), Busy: true})
		assert.Equal(t, 2*(count-1)*3+30*4, polls(), "one alone is asked every 2 s")
		r.Forget("0")
		r.Ensure("1", Target{Endpoints: pds[1].Endpoints(), Busy: true})
		assert.Equal(t, 2*(count-2)*3+30*4, polls(), "one that is forgotten counts no more")
	})
}
