// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pd

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/deepfabric/elasticell-operator/tests/elasticell/internal/meta"
)

// envelope is the form of every answer; the HTTP status is 200 even for errors.
type envelope struct {
	Code  int    `json:"code"`
	Error string `json:"error"`
	Value any    `json:"value"`
}

// panicText is the body of a 500 where upstream trips over a nil pointer.
const panicText = "PANIC: runtime error: invalid memory address or nil pointer dereference"

// panics stands for upstream's nil pointers: the handler recovers and answers 500.
type panics struct{}

// serveAPI answers /pd/…: the leader itself, a follower by asking the leader.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if caught := recover(); caught != nil {
			if _, meant := caught.(panics); !meant {
				panic(caught)
			}
			http.Error(w, panicText, http.StatusInternalServerError)
		}
	}()
	c := s.leading.Load()
	if c == nil {
		s.forwardAPI(w, r)
		return
	}
	c.api().ServeHTTP(w, r)
}

// api routes the API's paths.
func (c *cluster) api() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			value, err := f(r)
			answer := envelope{Value: value}
			if err != nil {
				answer = envelope{Code: 1, Error: err.Error()}
			}
			writeJSON(w, answer)
		})
	}
	handle("GET /pd/api/v1/system", func(*http.Request) (any, error) { return c.system(), nil })
	handle("POST /pd/api/v1/system", c.postSystem)
	handle("GET /pd/api/v1/stores", func(*http.Request) (any, error) { return c.listStores() })
	handle("GET /pd/api/v1/stores/{id}", func(r *http.Request) (any, error) { return c.getStore(pathID(r)) })
	handle("DELETE /pd/api/v1/stores/{id}", func(r *http.Request) (any, error) {
		return nil, c.deleteStore(pathID(r), r.URL.Query().Has("force"))
	})
	handle("GET /pd/api/v1/stores/{id}/cells", func(r *http.Request) (any, error) { return c.listCells(pathID(r)) })
	handle("GET /pd/api/v1/cells", func(*http.Request) (any, error) { return c.listCells(0) })
	handle("GET /pd/api/v1/cells/{id}", func(r *http.Request) (any, error) { return c.getCell(pathID(r)) })
	handle("GET /pd/api/v1/cells/{id}/operator", func(r *http.Request) (any, error) { return c.getOperator(pathID(r)) })
	handle("PUT /pd/api/v1/cells/{id}/leader", c.putLeader)
	handle("GET /pd/api/v1/operators", func(*http.Request) (any, error) { return c.listOperators() })
	return mux
}

func pathID(r *http.Request) uint64 {
	n, _ := strconv.ParseUint(r.PathValue("id"), 10, 64)
	return n
}

// systemJSON is the answer of GET /system. Before the bootstrap all numbers are 0.
type systemJSON struct {
	AlreadyBootstrapped      bool             `json:"alreadyBootstrapped"`
	InitParams               *meta.InitParams `json:"initParams"`
	MaxReplicas              int              `json:"maxReplicas"`
	StoreCount               int              `json:"storeCount"` // the removed and the dead ones too
	OfflineStoreCount        int              `json:"offlineStoreCount"`
	TombStoneStoreCount      int              `json:"tombStoneStoreCount"`
	CellCount                int              `json:"cellCount"`
	ReplicasNotFullCellCount int              `json:"replicasNotFullCellCount"`
	StorageCapacity          uint64           `json:"storageCapacity"`
	StorageAvailable         uint64           `json:"storageAvailable"`
	OperatorCount            int              `json:"operatorCount"`
}

func (c *cluster) system() systemJSON {
	c.mu.Lock()
	defer c.mu.Unlock()
	sys := systemJSON{AlreadyBootstrapped: c.bootstrapped, InitParams: c.init}
	if !c.bootstrapped {
		return sys
	}
	sys.MaxReplicas, sys.StoreCount, sys.CellCount, sys.OperatorCount = c.cfg.MaxReplicas, len(c.stores), len(c.cells), len(c.operators)
	for _, s := range c.stores {
		switch s.meta.State {
		case meta.Down:
			sys.OfflineStoreCount++
		case meta.Tombstone:
			sys.TombStoneStoreCount++
			continue
		}
		sys.StorageCapacity += s.stats.Capacity
		sys.StorageAvailable += s.stats.Available
	}
	for _, cell := range c.cells {
		if len(cell.meta.Peers) < c.cfg.MaxReplicas {
			sys.ReplicasNotFullCellCount++
		}
	}
	return sys
}

func (c *cluster) postSystem(r *http.Request) (any, error) {
	var params meta.InitParams
	if err := json.NewDecoder(r.Body).Decode(&params); err != nil {
		return nil, err
	}
	return nil, c.setInit(params)
}

func (c *cluster) putLeader(r *http.Request) (any, error) {
	// The body decides; the id in the path is not looked at.
	var body struct {
		CellID   uint64 `json:"cellId"`
		ToPeerID uint64 `json:"toPeerId"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	return nil, c.transferLeader(body.CellID, body.ToPeerID, c.now())
}
