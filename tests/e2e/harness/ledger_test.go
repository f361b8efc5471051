// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deepfabric/elasticell-operator/tests/e2e/ledger"
)

// Only what a proxy closes that had been open counts as closed; that nobody
// listens, or answers, is a failure.
func TestClosedConnections(t *testing.T) {
	over := func(op string, errno syscall.Errno) error {
		return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(op, errno)}
	}
	for _, test := range []struct {
		name   string
		err    error
		closed bool
	}{
		{"closed in good order", io.EOF, true},
		{"reset while reading", over("read", syscall.ECONNRESET), true},
		{"gone while writing", fmt.Errorf("SET: %w", over("write", syscall.EPIPE)), true},
		{"refused", over("dial", syscall.ECONNREFUSED), false},
		{"reset before it was open", over("dial", syscall.ECONNRESET), false},
		{"no answer", context.DeadlineExceeded, false},
		{"none", nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := closedOr(test.err)
			assert.ErrorIs(t, err, test.err)
			if test.closed {
				assert.ErrorIs(t, err, ledger.ErrClosed)
			} else {
				assert.NotErrorIs(t, err, ledger.ErrClosed)
			}
		})
	}
}
