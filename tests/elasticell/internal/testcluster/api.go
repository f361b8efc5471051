// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package testcluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Answer is what PD's API said.
type Answer struct {
	Status int
	Body   string // of an answer that is no envelope
	Code   int
	Error  string
	Value  json.RawMessage
}

var httpClient = &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// API asks one PD. It fails only if nothing came back.
func (pd *PD) API(method, path, body string, header ...string) (Answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+pd.Client+path, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Status: resp.StatusCode, Body: string(raw)}
	var envelope struct {
		Code  int
		Error string
		Value json.RawMessage
	}
	if json.NewDecoder(bytes.NewReader(raw)).Decode(&envelope) == nil {
		a.Code, a.Error, a.Value = envelope.Code, envelope.Error, envelope.Value
	}
	return a, nil
}

// Get asks any living PD and decodes the value; an error is anything but a good answer.
func (c *Cluster) Get(path string, value any) error {
	err := errors.New("no PD runs")
	for _, pd := range c.PDs {
		if pd.Process == nil || !pd.Alive() {
			continue
		}
		var a Answer
		if a, err = pd.API("GET", path, ""); err != nil {
			continue
		}
		if a.Status != http.StatusOK || a.Code != 0 {
			err = fmt.Errorf("GET %s: %d %s", path, a.Status, a.Body)
			continue
		}
		return json.Unmarshal(a.Value, value)
	}
	return err
}

// System is the part of GET /system that tests look at.
type System struct {
	AlreadyBootstrapped      bool
	InitParams               *struct{ InitCellCount, CellCapacity uint64 }
	MaxReplicas              int
	StoreCount               int
	OfflineStoreCount        int
	TombStoneStoreCount      int
	CellCount                int
	ReplicasNotFullCellCount int
	StorageCapacity          uint64
	OperatorCount            int
}

// StoreInfo is a store in PD's words.
type StoreInfo struct {
	Meta struct {
		ID            uint64
		Address       string
		ClientAddress string
		State         int
		Lables        []struct{ Key, Value string }
	}
	Status struct {
		Stats           struct{ CellCount, Capacity uint64 }
		LeaderCount     int
		LastHeartbeatTS int64
	}
}

// PeerInfo is a peer in PD's words.
type PeerInfo struct{ ID, StoreID uint64 }

// CellInfo is a cell in PD's words.
type CellInfo struct {
	Meta struct {
		ID         uint64
		Start, End []byte
		Epoch      struct{ ConfVer, CellVer uint64 }
		Peers      []PeerInfo
	}
	Leader    *PeerInfo
	DownPeers []struct {
		Peer        PeerInfo
		DownSeconds uint64
	}
	PendingPeers []PeerInfo
}

// System returns GET /system; the test ends if PD does not answer.
func (c *Cluster) System() System { return must[System](c, "/pd/api/v1/system") }

// ListStores returns GET /stores.
func (c *Cluster) ListStores() []StoreInfo { return must[[]StoreInfo](c, "/pd/api/v1/stores") }

// ListCells returns GET /cells.
func (c *Cluster) ListCells() []CellInfo { return must[[]CellInfo](c, "/pd/api/v1/cells") }

// StoreByAddr returns PD's view of the store at its address; the newest, if it had several ids.
func (c *Cluster) StoreByAddr(s *Store) StoreInfo {
	c.T.Helper()
	var found StoreInfo
	for _, info := range c.ListStores() {
		if info.Meta.Address == s.Addr {
			found = info
		}
	}
	if found.Meta.ID == 0 {
		c.T.Fatalf("PD knows no store at %s", s.Addr)
	}
	return found
}

func must[T any](c *Cluster, path string) T {
	c.T.Helper()
	var v T
	if err := c.Get(path, &v); err != nil {
		c.T.Fatalf("ask PD: %v", err)
	}
	return v
}

// Do sends a request to the PD leader and returns its answer.
func (c *Cluster) Do(method, path, body string) Answer {
	c.T.Helper()
	leader := c.Leader()
	a, err := leader.API(method, path, body)
	if err != nil {
		c.T.Fatalf("ask PD leader: %v", err)
	}
	return a
}

// Leader returns the PD that leads; it waits for one.
func (c *Cluster) Leader() *PD {
	c.T.Helper()
	var leader *PD
	Await(c.T, 20*time.Second, "a PD leads", func() bool {
		leader = c.FindLeader()
		return leader != nil
	})
	return leader
}

// FindLeader returns the PD that answers the probe with 200, or nil.
func (c *Cluster) FindLeader() *PD {
	for _, pd := range c.PDs {
		if pd.Process == nil || !pd.Alive() {
			continue
		}
		if a, err := pd.API("GET", "/pd/api/v1/system", "", "PD-Redirector", "probe"); err == nil && a.Status == http.StatusOK {
			return pd
		}
	}
	return nil
}

// Await waits until a condition holds, and ends the test if it does not in time.
func Await(t testing.TB, within time.Duration, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
