// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi

import (
	"context"
	"errors"
)

// Leader implements Client. A settled cluster costs one request: the last
// leader is asked alone, the others all at once and only if it leads no longer.
func (c *client) Leader(ctx context.Context) (string, System, error) {
	r := get("find leader", apiPath+"/system")
	r.own = true
	order := c.order()
	if len(order) == 0 {
		_, err := call(ctx, c, r, decodeWith(toSystem))
		return "", System{}, err
	}
	first := c.endpoints[order[0]]
	system, err := ask(ctx, c, r, first, decodeWith(toSystem))
	if err == nil {
		return first, system, nil
	}
	var refused *APIError
	if errors.As(err, &refused) || ctx.Err() != nil {
		return "", System{}, err // it leads, or nobody waits any more
	}
	return c.leaderAmong(ctx, r, order[1:], err)
}

type finding struct {
	index  int
	system System
	err    error
}

// leaderAmong asks several members at once and takes the first that leads. The
// channel has room for all, so that nobody waits for the slow ones.
func (c *client) leaderAmong(ctx context.Context, r request, indexes []int, failed ...error) (string, System, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	findings := make(chan finding, len(indexes))
	for _, i := range indexes {
		go func() {
			system, err := ask(ctx, c, r, c.endpoints[i], decodeWith(toSystem))
			findings <- finding{i, system, err}
		}()
	}
	for range indexes {
		f := <-findings
		if f.err == nil {
			c.first.Store(int32(f.index))
			return c.endpoints[f.index], f.system, nil
		}
		failed = append(failed, f.err)
	}
	return "", System{}, c.noLeader(ctx, r, failed)
}

// noLeader tells "nobody leads" from "nobody answers": one member that says it
// does not lead is an answer. Whether it knows of one that leads, it says by forwarding to it.
func (c *client) noLeader(ctx context.Context, r request, failed []error) error {
	kind := error(nil)
	r.own = false
	for _, err := range failed {
		var follower *CallError
		if !errors.As(err, &follower) || follower.Kind != ErrUnknown {
			continue
		}
		kind = ErrNoLeader
		if _, err := ask(ctx, c, r, follower.Endpoint, decodeWith(toSystem)); err == nil {
			kind = ErrLeaderUnreachable
			break
		}
	}
	if kind == nil {
		return newAttemptsError(r.name(), failed)
	}
	return &AttemptsError{Op: r.name(), Kind: kind, Attempts: failed}
}
