// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package process is what the programs that talk to the API server have in common:
// their way to it, and HTTP servers that end with a context.
package process
