// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// AddMember implements Client.
func (c *client) AddMember(ctx context.Context, peerURL string) (Member, error) {
	var member Member
	err := c.change(ctx, request{op: "add member", target: peerURL}, func(ctx context.Context, etcd *clientv3.Client) error {
		added, err := etcd.MemberAdd(ctx, []string{peerURL})
		if err != nil {
			return err
		}
		m := added.Member
		member = Member{ID: m.ID, Name: m.Name, PeerURLs: m.PeerURLs, ClientURLs: m.ClientURLs}
		return nil
	})
	return member, err
}

// RemoveMember implements Client.
func (c *client) RemoveMember(ctx context.Context, id uint64) error {
	return c.change(ctx, request{op: "remove member", target: strconv.FormatUint(id, 16)}, func(ctx context.Context, etcd *clientv3.Client) error {
		_, err := etcd.MemberRemove(ctx, id)
		return err
	})
}

// change runs one change of etcd's membership. Its client lives no longer than
// the change: membership changes are rare, and clusters at rest hold no
// connection. etcd does not repeat a change by itself.
func (c *client) change(ctx context.Context, r request, do func(context.Context, *clientv3.Client) error) error {
	begin := c.Now()
	err := func() error {
		ctx, cancel := context.WithTimeout(ctx, c.MemberTimeout)
		defer cancel()
		etcd, err := clientv3.New(c.etcdConfig(ctx))
		if err != nil {
			return err
		}
		defer etcd.Close()
		if c.Guard != nil {
			if err := c.Guard(); err != nil {
				return fmt.Errorf("not sent: %w", err)
			}
		}
		return do(ctx, etcd)
	}()
	if err != nil {
		err = c.changeError(r, err)
	}
	c.observe(r.op, begin, err)
	return err
}

func (c *client) etcdConfig(ctx context.Context) clientv3.Config {
	endpoints := make([]string, 0, len(c.endpoints))
	for _, i := range c.order() {
		endpoints = append(endpoints, c.endpoints[i])
	}
	dial := c.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext // gRPC's own would go by the environment's proxies
	}
	return clientv3.Config{Endpoints: endpoints, Context: ctx, Logger: zap.NewNop(), DialOptions: []grpc.DialOption{
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return dial(ctx, "tcp", address) }),
	}}
}

// changeErrors are etcd's refusals, in this package's words.
var changeErrors = []struct{ is, kind error }{
	{rpctypes.ErrUnhealthy, ErrUnhealthyCluster},
	{rpctypes.ErrMemberNotEnoughStarted, ErrUnhealthyCluster},
	{rpctypes.ErrPeerURLExist, ErrMemberExists},
	{rpctypes.ErrMemberExist, ErrMemberExists},
	{rpctypes.ErrMemberNotFound, ErrNotFound},
	{rpctypes.ErrNoLeader, ErrUnknown},
	{rpctypes.ErrStopped, ErrUnknown},
	{rpctypes.ErrTimeout, ErrUnknown},
	{rpctypes.ErrTimeoutDueToLeaderFail, ErrUnknown},
	{rpctypes.ErrTimeoutDueToConnectionLost, ErrUnknown},
}

func (c *client) changeError(r request, err error) error {
	e := r.fail(strings.Join(c.endpoints, ","), ErrUnreachable, err)
	if errors.Is(err, context.Canceled) {
		e.Kind = context.Canceled
		return e
	}
	for _, k := range changeErrors {
		if errors.Is(err, k.is) {
			e.Kind = k.kind
			return e
		}
	}
	var etcd rpctypes.EtcdError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.Detail = "no answer in time, and it may have been carried out"
	case status.Code(err) == codes.Unavailable:
	case errors.As(err, &etcd), status.Code(err) != codes.Unknown:
		e.Kind = ErrUnknown
	}
	return e
}
