// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Client asks and orders one cluster's PD. All its members are one PD: any of
// them forwards to the leader. Endpoints are tried in order, the one that
// worked or led last first.
//
// A read goes on to the next endpoint after any failure but a refusal of PD. A
// write does so only where it was surely not carried out; after a time-out its
// outcome is unknown, and the caller observes again. No call is repeated at the
// same endpoint.
type Client interface {
	// Leader finds the leader: its endpoint, and its own summary. ErrNoLeader if some members answer and none leads,
	// ErrLeaderUnreachable if they forward to one that does not answer.
	Leader(ctx context.Context) (endpoint string, system System, err error)
	// System reads the summary from whoever answers.
	System(ctx context.Context) (System, error)
	// Stores lists all stores, tombstones included, by id. Statistics that the leader does not know yet are zero.
	Stores(ctx context.Context) ([]Store, error)
	// Store reads one store from the list, since PD answers HTTP 500 for an unknown id as it does without a leader. ErrNotFound if it is not there.
	Store(ctx context.Context, id uint64) (Store, error)
	// StoreCells lists the cells with a peer on a store. PD answers an unknown id with an empty list, and
	// empties the list of a draining store while the copies are still pending: it is one of four signs of "drained".
	StoreCells(ctx context.Context, id uint64) ([]Cell, error)
	// Cells lists all cells by id.
	Cells(ctx context.Context) ([]Cell, error)
	// Operators lists what PD is doing now.
	Operators(ctx context.Context) ([]Operator, error)
	// Members lists etcd's membership as one member knows it, by id. It needs no leader.
	Members(ctx context.Context) ([]Member, error)
	// Health asks one member for its etcd's health. A removed member answers false; without a PD leader it stays true.
	Health(ctx context.Context, endpoint string) (bool, error)

	// InitCluster sets the initial parameters; repeatable until the bootstrap, after it ErrAlreadyBootstrapped.
	InitCluster(ctx context.Context, params InitParams) error
	// DownStore begins a drain, for good. Success does not mean that the store is Down: a heartbeat under way
	// can write Up back. Read the state back, and again a heartbeat later. ErrTombstone if the store is one.
	DownStore(ctx context.Context, id uint64) error
	// TombstoneStore ends a store from any state, with no check that it is empty; repeatable.
	TombstoneStore(ctx context.Context, id uint64) error
	// TransferLeader asks for a cell's leader to move to a peer, given by the peer's id. Success does not mean that it was queued.
	// Aim at peers on fresh, Up stores only: one on a dead store blocks all transfers for 5 minutes. ErrLimited while another is in flight.
	TransferLeader(ctx context.Context, cellID, toPeerID uint64) error
	// AddMember adds a member that has not started. ErrUnhealthyCluster where etcd refuses for the moment, ErrMemberExists if the URL is listed.
	AddMember(ctx context.Context, peerURL string) (Member, error)
	// RemoveMember removes a member by id; ErrNotFound if it is not listed. The process of a removed leader goes on as leader until it is stopped.
	RemoveMember(ctx context.Context, id uint64) error

	// Close ends the client; calls under way are not interrupted.
	Close() error
}

// Factory makes a client for the client URLs of a cluster's PDs. It is cheap, does no I/O and cannot fail: a bad URL shows at the first call.
type Factory func(endpoints []string) Client

// Options are shared by all clients of a Factory. The zero value works.
type Options struct {
	// Transport carries every HTTP request; nil makes one by NewTransport.
	Transport http.RoundTripper
	// DialContext carries the membership calls, which are gRPC, and HTTP where Transport is nil. Nil dials TCP.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Guard is asked before each change of the membership, which is not sent if it returns an error; nil asks nobody.
	// Other calls pass through Transport, where they can be held back.
	Guard func() error
	// Timeout bounds each request, not the whole call; 3 s by default.
	Timeout time.Duration
	// MemberTimeout bounds AddMember and RemoveMember; 5 s by default, since they wait for a quorum's disks.
	MemberTimeout time.Duration
	// MaxBody bounds an answer in bytes; 64 MiB by default.
	MaxBody int64
	// UserAgent is sent with each request.
	UserAgent string
	// Observe is told of each request after its end. The error's name is Class(err). It must be quick and safe for concurrent use.
	Observe func(op string, took time.Duration, err error)
	// Now times requests for Observe and decides nothing; time.Now by default.
	Now func() time.Time
}

const (
	defaultTimeout       = 3 * time.Second
	defaultMemberTimeout = 5 * time.Second
	defaultMaxBody       = 64 << 20
)

// NewTransport makes the one transport that all clients should share. It keeps
// few idle connections and those for a shorter time than a settled cluster's
// polls are apart, so that hundreds of clusters at rest hold none. It uses no proxy.
func NewTransport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: defaultTimeout}).DialContext
	}
	return &http.Transport{
		DialContext:            dial,
		DisableCompression:     true,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ReadBufferSize:         4 << 10,
		WriteBufferSize:        1 << 10,
	}
}

// NewFactory makes clients that share options, and with them one transport.
func NewFactory(options Options) Factory {
	shared := newShared(options)
	return func(endpoints []string) Client { return newClient(shared, endpoints) }
}

// New makes one client. Use a Factory where there are many.
func New(endpoints []string, options Options) Client {
	return newClient(newShared(options), endpoints)
}

// shared is what all clients of a factory have in common.
type shared struct {
	Options
	http http.Client
}

func newShared(o Options) *shared {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.MemberTimeout <= 0 {
		o.MemberTimeout = defaultMemberTimeout
	}
	if o.MaxBody <= 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Transport == nil {
		o.Transport = NewTransport(o.DialContext)
	}
	return &shared{Options: o, http: http.Client{
		Transport: o.Transport,
		// PD forwards by itself; a redirection comes from something else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (s *shared) observe(op string, begin time.Time, err error) {
	if s.Observe != nil {
		s.Observe(op, s.Now().Sub(begin), err)
	}
}

type client struct {
	*shared
	endpoints []string
	// first is the index of the endpoint that worked or led last.
	first atomic.Int32
}

var _ Client = (*client)(nil)

func newClient(s *shared, endpoints []string) *client {
	c := &client{shared: s, endpoints: make([]string, len(endpoints))}
	for i, e := range endpoints {
		e = strings.TrimRight(e, "/")
		if !strings.Contains(e, "://") {
			e = "http://" + e
		}
		c.endpoints[i] = e
	}
	return c
}

// order lists the endpoints' indexes, the one that worked last first.
func (c *client) order() []int {
	first := int(c.first.Load())
	order := make([]int, 0, len(c.endpoints))
	if first < len(c.endpoints) {
		order = append(order, first)
	}
	for i := range c.endpoints {
		if i != first {
			order = append(order, i)
		}
	}
	return order
}

// Close implements Client. The transport belongs to all clusters and stays open.
func (c *client) Close() error { return nil }
