// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// What may come of a call, for errors.Is. The first four say that nothing is
// known about the cluster, the others are PD's own answers.
var (
	// ErrUnreachable: no PD answered in time.
	ErrUnreachable = errors.New("PD is unreachable")
	// ErrNoLeader: PDs answered, and none of them leads. It is an ErrUnknown too.
	ErrNoLeader = errors.New("no PD leads")
	// ErrLeaderUnreachable: PDs answered, and forward to a leader that does not answer itself. It is an ErrUnreachable too.
	ErrLeaderUnreachable = errors.New("PD's leader is unreachable")
	// ErrUnknown: a PD answered that it cannot tell (HTTP 500).
	ErrUnknown = errors.New("PD cannot tell")
	// ErrGarbage: something answered, but not as a PD does.
	ErrGarbage = errors.New("not PD's answer")

	// ErrNotFound: no such store, cell, peer or member.
	ErrNotFound = errors.New("not found")
	// ErrNotBootstrapped: no store has started yet, or a fresh leader has not loaded the cluster.
	ErrNotBootstrapped = errors.New("cluster is not bootstrapped")
	// ErrAlreadyBootstrapped: the initial parameters cannot be set any more.
	ErrAlreadyBootstrapped = errors.New("cluster is already bootstrapped")
	// ErrTombstone: the store is Tombstone already.
	ErrTombstone = errors.New("store is a tombstone")
	// ErrLimited: another transfer of a leader is in flight; ask again a heartbeat later.
	ErrLimited = errors.New("limited by PD's scheduler")
	// ErrUnhealthyCluster: etcd changes no membership until all members are up and about 5 s have passed since the last change.
	ErrUnhealthyCluster = errors.New("membership cannot change now")
	// ErrMemberExists: a member with this peer URL is on the list already.
	ErrMemberExists = errors.New("member exists already")
)

// remedies say what to do about each class, as the end of a message.
var remedies = map[error]string{
	ErrUnreachable:         "check that PD's pods run and that their names resolve",
	ErrNoLeader:            "an election takes about 7 s; if it lasts longer, restart the PDs one by one",
	ErrLeaderUnreachable:   "PD works; see what keeps this client from its leader's node",
	ErrUnknown:             "nothing is concluded from it; an election takes about 7 s, if it lasts longer see that PD's -urls-client is its pod's IP",
	ErrGarbage:             "check that the address is a PD's client URL",
	ErrNotBootstrapped:     "start the first store",
	ErrAlreadyBootstrapped: "initial cells can only be chosen for a new cluster",
	ErrTombstone:           "it needs an empty data directory to join again",
	ErrLimited:             "another transfer is in flight; ask again a heartbeat later",
	ErrUnhealthyCluster:    "all members must be up; ask again in 5 s",
}

// APIError is an answer of PD with a code other than 0.
type APIError struct {
	// Op is what was asked, Endpoint whom.
	Op, Endpoint string
	// Code is PD's; it knows only 0 and 1.
	Code int
	// Message is PD's own.
	Message string

	kind error
}

// apiMessages tell PD's refusals apart, which it does by their text alone.
var apiMessages = []struct {
	part string
	kind error
}{
	{"already bootstrapped", ErrAlreadyBootstrapped},
	{"not bootstrapped", ErrNotBootstrapped},
	{"not performed by limit", ErrLimited},
	{"has been removed", ErrTombstone},
	{"not found", ErrNotFound},
}

func newAPIError(op, endpoint string, code int, message string) *APIError {
	e := &APIError{Op: op, Endpoint: endpoint, Code: code, Message: message}
	lower := strings.ToLower(message)
	for _, m := range apiMessages {
		if strings.Contains(lower, m.part) {
			e.kind = m.kind
			break
		}
	}
	return e
}

// Error names the call, the endpoint, PD's message and, where one is known, the remedy.
func (e *APIError) Error() string {
	return withRemedy(fmt.Sprintf("PD refused %s at %s: %s (code %d)", e.Op, e.Endpoint, e.Message, e.Code), e.kind)
}

// Unwrap gives the class of the refusal, nil for one that is not known.
func (e *APIError) Unwrap() error { return e.kind }

// CallError is a call that gave no answer of PD.
type CallError struct {
	Op, Endpoint string
	// Kind is ErrUnreachable, ErrUnknown, ErrNoLeader, ErrGarbage or one of the membership errors.
	Kind error
	// Status is HTTP's, 0 where there was none.
	Status int
	// Detail is the start of what was answered instead, on one line.
	Detail string
	// Err is the cause, nil where an answer came.
	Err error
}

// Error names the call, the endpoint, what happened and what to do about it.
func (e *CallError) Error() string { return withRemedy(e.text(), e.Kind) }

func (e *CallError) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s: %v", e.Op, e.Endpoint, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap gives the class and the cause.
func (e *CallError) Unwrap() []error { return list(e.Kind, e.Err) }

// AttemptsError is a call that failed at every endpoint.
type AttemptsError struct {
	Op string
	// Kind sums the attempts up; Attempts has one error for each endpoint, in the order they were asked.
	Kind     error
	Attempts []error
}

// Error lists every attempt and ends with one remedy.
func (e *AttemptsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Op, e.Kind)
	for i, a := range e.Attempts {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		var c *CallError
		if errors.As(a, &c) {
			fmt.Fprintf(&b, "%s%s", sep, c.text())
		} else {
			fmt.Fprintf(&b, "%s%v", sep, a)
		}
	}
	return withRemedy(b.String(), e.Kind)
}

// Unwrap gives the class alone: with errors.Is, one unreachable member does not make PD unreachable.
func (e *AttemptsError) Unwrap() []error {
	if e.Kind == ErrLeaderUnreachable {
		return []error{ErrLeaderUnreachable, ErrUnreachable}
	}
	if e.Kind == ErrNoLeader {
		return []error{ErrNoLeader, ErrUnknown}
	}
	return []error{e.Kind}
}

// newAttemptsError sums up failed attempts: PD is unreachable only if nobody
// answered; whoever cannot tell outweighs whoever talks nonsense.
func newAttemptsError(op string, attempts []error) error {
	kind := ErrUnreachable
	for _, a := range attempts {
		switch {
		case errors.Is(a, ErrUnknown):
			kind = ErrUnknown
		case kind == ErrUnreachable && errors.Is(a, ErrGarbage):
			kind = ErrGarbage
		}
	}
	if len(attempts) == 1 {
		return attempts[0]
	}
	return &AttemptsError{Op: op, Kind: kind, Attempts: attempts}
}

// Class is a short, stable name for what came of a call, for metrics' labels
// and for telling whether a failure is still the same one. It is "ok" for nil.
func Class(err error) string {
	if err == nil {
		return "ok"
	}
	for _, c := range classes {
		if errors.Is(err, c.is) {
			return c.name
		}
	}
	var api *APIError
	if errors.As(err, &api) {
		return "refused"
	}
	return "error"
}

// classes is ordered: the more specific class comes first.
var classes = []struct {
	is   error
	name string
}{
	{ErrNoLeader, "no_leader"},
	{ErrLeaderUnreachable, "leader_unreachable"},
	{ErrUnknown, "unknown"},
	{ErrUnreachable, "unreachable"},
	{ErrGarbage, "garbage"},
	{ErrNotFound, "not_found"},
	{ErrNotBootstrapped, "not_bootstrapped"},
	{ErrAlreadyBootstrapped, "already_bootstrapped"},
	{ErrTombstone, "tombstone"},
	{ErrLimited, "limited"},
	{ErrUnhealthyCluster, "unhealthy_cluster"},
	{ErrMemberExists, "member_exists"},
	{context.Canceled, "canceled"},
}

func withRemedy(message string, kind error) string {
	if remedy := remedies[kind]; remedy != "" {
		return message + "; " + remedy
	}
	return message
}

func list(errs ...error) []error {
	out := errs[:0]
	for _, e := range errs {
		if e != nil {
			out = append(out, e)
		}
	}
	return out
}
