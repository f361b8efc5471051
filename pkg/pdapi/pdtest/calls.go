// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdtest

import (
	"net/http"
	"time"
)

// Call is one request that reached a PD.
type Call struct {
	At     time.Time
	Member string
	Method string
	// Path includes the query. For gRPC it is the method's full name.
	Path string
	// Own is set if the request forbids forwarding.
	Own bool
}

// calls remembers the last ones and counts all.
type calls struct {
	keep  int
	last  []Call
	total int
}

func (pd *PD) record(name string, r *http.Request) {
	c := Call{At: pd.config.Now(), Member: name, Method: r.Method, Path: r.URL.RequestURI(), Own: r.Header.Get(ownHeader) != ""}
	pd.mu.Lock()
	pd.calls.total++
	if keep := pd.calls.keep; keep > 0 {
		if len(pd.calls.last) >= 2*keep {
			pd.calls.last = append(pd.calls.last[:0], pd.calls.last[len(pd.calls.last)-keep+1:]...)
		}
		pd.calls.last = append(pd.calls.last, c)
	}
	pd.mu.Unlock()
	if pd.config.OnCall != nil {
		pd.config.OnCall(c)
	}
}

// Calls lists the remembered requests, oldest first.
func (pd *PD) Calls() []Call {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	last := pd.calls.last
	if keep := pd.calls.keep; len(last) > keep {
		last = last[len(last)-keep:]
	}
	return append([]Call(nil), last...)
}

// CallCount counts all requests since New or ResetCalls.
func (pd *PD) CallCount() int {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	return pd.calls.total
}

// ResetCalls forgets all requests.
func (pd *PD) ResetCalls() {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	pd.calls.last, pd.calls.total = nil, 0
}
