// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package proxy is the stand-in's proxy: Redis to its clients, the stores' own protocol to the stores, and a routing
// table that it takes from PD.
package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Config is the file behind -cfg.
type Config struct {
	Addr                string   `json:"addr"`
	AddrNotify          string   `json:"addrNotify"` // listened on, and registered with PD
	WatcherHeartbeatSec int      `json:"watcherHeartbeatSec"`
	PDAddrs             []string `json:"pdAddrs"`
	MaxRetries          int      `json:"maxRetries"`    // unused, as upstream
	RetryDuration       int      `json:"retryDuration"` // unused, as upstream
	WorkerCount         int      `json:"workerCount"`
	SupportCMDs         []string `json:"supportCMDs"` // an allow-list: empty, nothing works
}

// ReadConfig reads and checks the file.
func ReadConfig(file string) (Config, error) {
	var c Config
	b, err := os.ReadFile(file)
	if err != nil {
		return c, fmt.Errorf("read -cfg: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("parse -cfg %s: %w", file, err)
	}
	return c, c.check()
}

func (c Config) check() error {
	switch {
	case c.Addr == "":
		return errors.New("addr must be set")
	case c.AddrNotify == "":
		return errors.New("addrNotify must be set")
	case len(c.PDAddrs) == 0:
		return errors.New("pdAddrs must be set")
	case c.WorkerCount <= 0 || c.WorkerCount&(c.WorkerCount-1) != 0:
		return fmt.Errorf("workerCount %d must be a power of two", c.WorkerCount)
	}
	return nil
}

func (c Config) heartbeat() time.Duration {
	return max(time.Duration(c.WatcherHeartbeatSec)*time.Second, time.Second)
}

func (c Config) supported() map[string]bool {
	set := map[string]bool{}
	for _, name := range c.SupportCMDs {
		set[strings.ToLower(name)] = true
	}
	return set
}
