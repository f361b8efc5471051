// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	ct "github.com/deepfabric/elasticell-operator/pkg/control/controltest"
)

// Each write, to Kubernetes and to PD, fails in each way in which it can.
func TestAnswers(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "answers", w, 40)
		for _, x := range c.undisturbed.Writes {
			for _, a := range answers {
				c.try(atWrite(a.name+" to", x.N, a.verdict(x)))
			}
		}
		c.end()
	})
}

// Each kind of write fails three times in a row in each way.
func TestAnswersInARow(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "answers in a row", w, 20)
		kinds := map[string]bool{}
		for _, x := range c.undisturbed.Writes {
			if kinds[x.kind()] {
				continue
			}
			kinds[x.kind()] = true
			for _, a := range answers {
				left := 3
				c.try(Fault{Name: fmt.Sprintf("%s, 3 times, to %s", a.name, x.kind()), Write: func(_ *Run, _ int, w Write) Verdict {
					if w.kind() != x.kind() || left == 0 {
						return Verdict{}
					}
					left--
					return a.verdict(w)
				}})
			}
		}
		c.end()
	})
}

// Reads fail for a while.
func TestReadsFail(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "reads", w, 16)
		for name, err := range map[string]error{
			"an internal error":  apierrors.NewInternalError(errSilence),
			"a time-out":         apierrors.NewTimeoutError("request did not complete within requested timeout", 0),
			"too many requests":  apierrors.NewTooManyRequests("slow down", 1),
			"a server that ends": apierrors.NewServiceUnavailable("the server is shutting down"),
		} {
			for _, verb := range []string{"get", "list"} {
				left := 5 // an operator waits twice as long after each
				f := Fault{}
				if verb == "list" {
					f = severed(1) // what was listed is watched, and listed again only now
				}
				f.Name = fmt.Sprintf("each %s fails with %s", verb, name)
				f.Read = func(q ct.Request) error {
					if left == 0 || q.Verb != verb {
						return nil
					}
					left--
					return err
				}
				c.try(f)
			}
		}
		c.end()
	})
}

// PD gets into each kind of trouble at each write.
func TestPDTrouble(t *testing.T) {
	forAll(t, func(t *testing.T, w *Workload) {
		c := begin(t, "pd", w, 100)
		c.whole = 4
		c.free = w.Harms // PD's own repairs come at other moments then
		for _, x := range c.undisturbed.Writes {
			for _, p := range pdTroubles {
				c.try(troubled(x.N, p))
			}
		}
		c.end()
	})
}
