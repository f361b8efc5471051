// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pdrpc is how stores and proxies speak to PD. Upstream uses gRPC; this is net/rpc, as the stand-in's programs
// speak it only among themselves. The client keeps upstream's manners, the fatal ones too.
package pdrpc

import "github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"

// Service is the name PD serves under.
const Service = "PD"

// The texts of refusals that callers tell apart. net/rpc carries errors as strings.
const (
	NotLeader           = "PD Server Not Leader"
	NotBootstrapped     = "cluster not bootstrapped"
	AlreadyBootstrapped = "cluster is already bootstrapped"
	DuplicatedAddress   = "duplicated store address"
	StoreIsTombstone    = "store is tombstone"
	StaleCell           = "cell is stale"
)

// Header stands in every request. Forwarded tells a PD not to pass it on again.
type Header struct{ Forwarded bool }

// MarkForwarded is called by a follower that passes the request on.
func (h *Header) MarkForwarded() { h.Forwarded = true }

// WasForwarded says that another PD took this one for the leader.
func (h *Header) WasForwarded() bool { return h.Forwarded }

// Request is any request to PD.
type Request interface {
	MarkForwarded()
	WasForwarded() bool
}

// InfoRequest asks for the cluster's identity.
type InfoRequest struct{ Header }

// InfoResponse is the cluster's identity.
type InfoResponse struct {
	ClusterID    uint64
	Bootstrapped bool
	Init         *meta.InitParams
	MaxReplicas  int
}

// AllocRequest asks for Count ids in a row.
type AllocRequest struct {
	Header
	Count uint64
}

// AllocResponse holds the first of them.
type AllocResponse struct{ First uint64 }

// BootstrapRequest makes the cluster out of its first store and that store's cells.
type BootstrapRequest struct {
	Header
	Store meta.Store
	Cells []meta.Cell
}

// BootstrapResponse says whether another store was first.
type BootstrapResponse struct{ Already bool }

// PutStoreRequest registers a store, or its new address.
type PutStoreRequest struct {
	Header
	Store meta.Store
}

// Empty is an answer without content.
type Empty struct{ Ok bool }

// StoresRequest asks for all stores.
type StoresRequest struct{ Header }

// StoresResponse lists them.
type StoresResponse struct{ Stores []meta.Store }

// StoreHeartbeatRequest is a store's sign of life.
type StoreHeartbeatRequest struct {
	Header
	Stats meta.StoreStats
}

// CellHeartbeatRequest is the report of a cell's leader.
type CellHeartbeatRequest struct {
	Header
	Cell    meta.Cell
	Leader  meta.Peer
	Term    uint64
	Down    []meta.DownPeer
	Pending []meta.Peer
}

// CellHeartbeatResponse carries at most one order to the leader.
type CellHeartbeatResponse struct {
	AddPeer    *meta.Peer
	RemovePeer *meta.Peer
	Transfer   *meta.Peer
}

// CellRequest asks for one cell.
type CellRequest struct {
	Header
	ID uint64
}

// CellResponse holds it if PD knows it.
type CellResponse struct {
	Found bool
	Cell  meta.Cell
}

// Offset is a place in the stream of route changes; each PD leader begins a stream of its own.
type Offset struct {
	Stream int64
	Seq    uint64
}

// RoutesRequest asks for everything a proxy routes by.
type RoutesRequest struct{ Header }

// Route is a cell and who leads it. Leader is zero while PD does not know.
type Route struct {
	Cell   meta.Cell
	Leader meta.Peer
}

// RoutesResponse is the whole routing table at the offset.
type RoutesResponse struct {
	ClusterID uint64
	Init      *meta.InitParams
	Routes    []Route
	Stores    []meta.Store
	Offset    Offset
}

// WatchRequest registers a proxy's notification address.
type WatchRequest struct {
	Header
	Addr string
}

// WatchHeartbeatRequest says how far a proxy has followed the route changes.
type WatchHeartbeatRequest struct {
	Header
	Addr   string
	Offset Offset
}

// WatchHeartbeatResponse holds PD's own offset: behind it, the proxy must fetch all routes again.
type WatchHeartbeatResponse struct{ Offset Offset }

// NotifyService is the name a proxy serves under on its notification address.
const NotifyService = "Proxy"

// Notification is pushed by PD to each proxy. After is the offset that its events follow.
type Notification struct {
	After  Offset
	Offset Offset
	Routes []Route
	Stores []meta.Store
}
