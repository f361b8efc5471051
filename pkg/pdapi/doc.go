// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pdapi is the client of Elasticell's PD (placement driver): its HTTP
// interface under /pd/api/v1, and its membership, which is etcd's.
//
// It holds to how PD behaves rather than to how one would wish it did:
//
//   - PD answers almost everything with HTTP 200; a code other than 0 in the
//     envelope is an error (*APIError).
//   - HTTP 500 carries a text ("PANIC: …", "redirect failed", "redirect to not
//     leader") when no leader is known. It says nothing about the cluster, so it
//     becomes ErrUnknown, never "there is none".
//   - Nothing names the leader; it is found by asking each member with a header
//     that forbids forwarding (Leader).
//   - A freshly elected leader knows no heartbeat and no statistics yet. They are
//     zero then, and mean "unknown", not "down" or "empty".
//   - Code 0 says that an order was taken, not that it was carried out: what a
//     write wanted is read back by the caller.
//
// The package knows nothing of Kubernetes, keeps no connection of its own, and
// neither logs nor decides by a clock. It is safe for concurrent use.
package pdapi
