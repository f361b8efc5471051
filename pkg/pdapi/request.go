// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// probeHeader keeps a follower from forwarding a request: it answers 500
// instead, whatever the header's value.
const probeHeader = "PD-Redirector"

const apiPath = "/pd/api/v1"

// request is one question to PD, before it is known which member is asked.
type request struct {
	// op names it in metrics, op and target in errors.
	op, target string
	method     string
	// path is below the endpoint and may end in a query.
	path string
	body []byte
	// own makes a member answer for itself instead of forwarding.
	own bool
}

func get(op, path string) request { return request{op: op, method: http.MethodGet, path: path} }

func (r *request) write() bool { return r.method != http.MethodGet }

// name is what errors call the request.
func (r *request) name() string { return strings.TrimSpace(r.op + " " + r.target) }

// fail makes the error of a request that got no answer of PD.
func (r *request) fail(endpoint string, kind, cause error) *CallError {
	return &CallError{Op: r.name(), Endpoint: endpoint, Kind: kind, Err: cause}
}

// answer is what came back.
type answer struct {
	status int
	body   []byte
	// date is the clock of whoever answered; zero if it did not say.
	date time.Time
	// clusterID is etcd's; 0 if the answer did not say.
	clusterID uint64
}

// decoder turns an answer into a value, or into an error that says whose fault it is.
type decoder[T any] func(request, string, answer) (T, error)

// call asks one endpoint after the other until one gives an answer of PD, be it a refusal.
func call[T any](ctx context.Context, c *client, r request, decode decoder[T]) (T, error) {
	var none T
	if len(c.endpoints) == 0 {
		return none, r.fail("(none)", ErrUnreachable, errors.New("no endpoint is known"))
	}
	attempts := make([]error, 0, 1)
	for _, i := range c.order() {
		value, err := ask(ctx, c, r, c.endpoints[i], decode)
		var refused *APIError
		if err == nil || errors.As(err, &refused) {
			c.first.Store(int32(i))
			return value, err
		}
		attempts = append(attempts, err)
		if ctx.Err() != nil || r.write() && !harmless(err) {
			break
		}
	}
	return none, newAttemptsError(r.name(), attempts)
}

// harmless reports whether a failed write was surely not carried out: nobody
// was reached, or a PD without a leader answered. One that forwarded the write
// and got no answer ("redirect failed") cannot know.
func harmless(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return true
	}
	var c *CallError
	return errors.As(err, &c) && c.Kind == ErrUnknown && !strings.Contains(c.Detail, "redirect failed")
}

// ask sends a request to one endpoint, once, and tells the observer.
func ask[T any](ctx context.Context, c *client, r request, endpoint string, decode decoder[T]) (T, error) {
	begin := c.Now()
	value, err := func() (T, error) {
		a, err := c.send(ctx, r, endpoint)
		if err != nil {
			var none T
			return none, err
		}
		return decode(r, endpoint, a)
	}()
	c.observe(r.op, begin, err)
	return value, err
}

// send carries one request, with a deadline, and reads the whole answer.
func (c *client) send(ctx context.Context, r request, endpoint string) (answer, error) {
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, r.method, endpoint+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, r.fail(endpoint, ErrUnreachable, err)
	}
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.own {
		req.Header.Set(probeHeader, "probe")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, lost(ctx, r, endpoint, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.MaxBody+1))
	if err != nil {
		return answer{}, lost(ctx, r, endpoint, err)
	}
	if int64(len(body)) > c.MaxBody {
		return answer{}, r.fail(endpoint, ErrGarbage, fmt.Errorf("the answer is longer than %d bytes", c.MaxBody))
	}
	a := answer{status: resp.StatusCode, body: body}
	a.clusterID, _ = strconv.ParseUint(resp.Header.Get("X-Etcd-Cluster-Id"), 16, 64) // 0 where it does not say
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		a.date = date
	}
	return a, nil
}

// lost tells a member that did not answer from a caller that gave up.
func lost(ctx context.Context, r request, endpoint string, err error) error {
	e := r.fail(endpoint, ErrUnreachable, err)
	var u *url.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind, e.Err = context.Canceled, nil
	case errors.Is(err, context.DeadlineExceeded):
		e.Detail, e.Err = "no answer in time", context.DeadlineExceeded
		if r.write() {
			e.Detail += ", and it may have been carried out"
		}
	case errors.As(err, &u):
		e.Err = u.Err // the URL is in the message already
	}
	return e
}

// check turns every status but 200 into an error. PD uses no other but 500
// (and 404 for a path it does not know).
func (a *answer) check(r *request, endpoint string) error {
	if a.status == http.StatusOK {
		return nil
	}
	kind := ErrGarbage
	if a.status >= http.StatusInternalServerError {
		kind = ErrUnknown
	}
	e := r.fail(endpoint, kind, nil)
	e.Status, e.Detail = a.status, excerpt(a.body)
	return e
}

// excerpt is the start of a body on one line, for messages.
func excerpt(body []byte) string {
	const most = 120
	text := strings.Join(strings.Fields(string(body[:min(len(body), 4*most)])), " ")
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "?")
}
