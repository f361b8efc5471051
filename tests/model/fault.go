// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
)

// Fault is how a run is disturbed. The zero value is not at all.
type Fault struct {
	// Name says for people what it is; it is enough to try it again.
	Name string
	// Write decides about each write of an operator; nil lets all pass.
	Write func(r *Run, o int, w Write) Verdict
	// Read fails a read of Kubernetes with an error.
	Read func(ct.Request) error
	// PD stands in the way to PD.
	PD func(r *Run, next http.Handler) http.Handler
	// Sight is what an operator sees of Kubernetes; nil for everything.
	Sight func(r *Run) ct.Sight
	// Second is called in each second of the workload.
	Second func(r *Run)
	// End lifts what is left of the fault when the workload is at its end; nil where nothing is.
	End func(r *Run)
	// Harms: the fault itself takes PDs or stores away, so that their absence is nobody's guilt.
	Harms bool
	// Scatters: the fault takes all members' pods away at once, so that the scheduler may put two onto one node.
	Scatters bool
}

type verdictKind int

const (
	pass verdictKind = iota
	crashBefore
	crashAfter
	fail
	failAfter
	pause
)

// Verdict is what becomes of a write. The zero value lets it pass.
type Verdict struct {
	kind  verdictKind
	err   error
	until chan struct{}
}

var (
	// CrashBefore: the operator dies before the write is sent.
	CrashBefore = Verdict{kind: crashBefore}
	// CrashAfter: the write is done, and the operator dies before the answer.
	CrashAfter = Verdict{kind: crashAfter}
)

// Fail answers a write with an error, without its being done.
func Fail(err error) Verdict { return Verdict{kind: fail, err: err} }

// FailAfter answers it with an error after it was done.
func FailAfter(err error) Verdict { return Verdict{kind: failAfter, err: err} }

// Pause holds a write back until the channel is closed.
func Pause(until chan struct{}) Verdict { return Verdict{kind: pause, until: until} }

// errSilence is the answer of a PD that gives none.
var errSilence = errors.New("no answer")

// atWrite makes a fault that strikes at the n-th write.
func atWrite(name string, n int, v Verdict) Fault {
	return Fault{Name: fmt.Sprintf("%s write %d", name, n), Write: func(_ *Run, _ int, w Write) Verdict {
		if w.N == n {
			return v
		}
		return Verdict{}
	}}
}

// answer is a way in which a request fails.
type answer struct {
	name string
	// verdict for a write to Kubernetes or PD.
	verdict func(Write) Verdict
}

var anyResource = schema.GroupResource{Resource: "things"}

// pdAnswer is what PD answers to a write that it does not carry out. A change of its membership, which is
// no HTTP request, is broken off instead.
type pdAnswer struct {
	status int
	body   string
}

// Error implements error.
func (a *pdAnswer) Error() string { return fmt.Sprintf("PD answers %d %s", a.status, a.body) }

// answers are the ways in which requests fail.
var answers = []answer{
	{"conflict", func(w Write) Verdict {
		if w.To == toPD {
			return Fail(errors.New("connection reset"))
		}
		return Fail(apierrors.NewConflict(anyResource, w.Name, errors.New("the object has been modified")))
	}},
	{"too many requests", func(w Write) Verdict {
		if w.To == toPD {
			return Fail(&pdAnswer{http.StatusOK, `{"code":1,"error":"not now","value":null}`})
		}
		return Fail(apierrors.NewTooManyRequests("slow down", 1))
	}},
	{"internal error", func(w Write) Verdict {
		if w.To == toPD {
			return Fail(&pdAnswer{http.StatusInternalServerError, "no leader"})
		}
		return Fail(apierrors.NewInternalError(errors.New("etcdserver: leader changed")))
	}},
	{"time-out after it was done", func(w Write) Verdict {
		if w.To == toPD {
			return FailAfter(errSilence)
		}
		return FailAfter(apierrors.NewTimeoutError("request did not complete within requested timeout", 0))
	}},
}
