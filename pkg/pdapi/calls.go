// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pdapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// System implements Client.
func (c *client) System(ctx context.Context) (System, error) {
	return call(ctx, c, get("get system", apiPath+"/system"), decodeWith(toSystem))
}

// Stores implements Client.
func (c *client) Stores(ctx context.Context) ([]Store, error) {
	return call(ctx, c, get("list stores", apiPath+"/stores"), decodeWith(toStores))
}

// Store implements Client.
func (c *client) Store(ctx context.Context, id uint64) (Store, error) {
	stores, err := c.Stores(ctx)
	if err != nil {
		return Store{}, err
	}
	for _, s := range stores {
		if s.ID == id {
			return s, nil
		}
	}
	return Store{}, fmt.Errorf("get store %d: %w", id, ErrNotFound)
}

// StoreCells implements Client.
func (c *client) StoreCells(ctx context.Context, id uint64) ([]Cell, error) {
	r := get("list store's cells", fmt.Sprintf("%s/stores/%d/cells", apiPath, id))
	r.target = strconv.FormatUint(id, 10)
	return call(ctx, c, r, decodeWith(toCells))
}

// Cells implements Client.
func (c *client) Cells(ctx context.Context) ([]Cell, error) {
	return call(ctx, c, get("list cells", apiPath+"/cells"), decodeWith(toCells))
}

// Operators implements Client.
func (c *client) Operators(ctx context.Context) ([]Operator, error) {
	return call(ctx, c, get("list operators", apiPath+"/operators"), decodeWith(toOperators))
}

// Members implements Client.
func (c *client) Members(ctx context.Context) ([]Member, error) {
	return call(ctx, c, get("list members", "/v2/members"), decodeMembers)
}

// Health implements Client.
func (c *client) Health(ctx context.Context, endpoint string) (bool, error) {
	one := newClient(c.shared, []string{endpoint})
	return ask(ctx, one, get("get health", "/health"), one.endpoints[0], decodeHealth)
}

// decodeHealth reads etcd's health: 200 with "true", or 503 with "false".
func decodeHealth(r request, endpoint string, a answer) (bool, error) {
	var w struct {
		Health *string `json:"health"`
	}
	if err := json.Unmarshal(a.body, &w); err != nil || w.Health == nil {
		if failed := a.check(&r, endpoint); failed != nil {
			return false, failed
		}
		return false, garbage(r, endpoint, a, err)
	}
	return a.status == http.StatusOK && *w.Health == "true", nil
}

// InitCluster implements Client.
func (c *client) InitCluster(ctx context.Context, params InitParams) error {
	return c.write(ctx, request{op: "init cluster", method: http.MethodPost, path: "/system"}, params)
}

// DownStore implements Client.
func (c *client) DownStore(ctx context.Context, id uint64) error {
	target := strconv.FormatUint(id, 10)
	return c.write(ctx, request{op: "down store", target: target, method: http.MethodDelete, path: "/stores/" + target}, nil)
}

// TombstoneStore implements Client.
func (c *client) TombstoneStore(ctx context.Context, id uint64) error {
	target := strconv.FormatUint(id, 10)
	return c.write(ctx, request{op: "tombstone store", target: target, method: http.MethodDelete, path: "/stores/" + target + "?force=true"}, nil)
}

// TransferLeader implements Client.
func (c *client) TransferLeader(ctx context.Context, cellID, toPeerID uint64) error {
	// PD goes by the body and ignores the id in the path.
	body := struct {
		CellID   uint64 `json:"cellId"`
		ToPeerID uint64 `json:"toPeerId"`
	}{cellID, toPeerID}
	return c.write(ctx, request{
		op:     "transfer leader",
		target: fmt.Sprintf("of cell %d to peer %d", cellID, toPeerID),
		method: http.MethodPut,
		path:   fmt.Sprintf("/cells/%d/leader", cellID),
	}, body)
}

func (c *client) write(ctx context.Context, r request, body any) error {
	r.path = apiPath + r.path
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s: encode body: %w", r.name(), err)
		}
		r.body = encoded
	}
	_, err := call(ctx, c, r, decodeNothing)
	return err
}
