// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// JoinKey is the key of PD's membership in the cluster's start ConfigMap.
const JoinKey = "pd"

// joinFile is a membership that stands alone. It has the version of the plans,
// since it too is read by the launchers of earlier releases.
type joinFile struct {
	Version int `json:"version"`
	Join
}

// EncodeJoin writes a valid membership as indented JSON; equal ones give equal bytes.
func EncodeJoin(join Join) (string, error) {
	if err := validateMembers(join); err != nil {
		return "", fmt.Errorf("encode PD's membership: %w", err)
	}
	text, err := json.MarshalIndent(joinFile{Version: PlanVersion, Join: join}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode PD's membership: %w", err)
	}
	return string(text) + "\n", nil
}

// DecodeJoin reads, as strictly as Decode, what EncodeJoin has written.
func DecodeJoin(data []byte) (Join, error) {
	if err := checkVersion(data); err != nil {
		return Join{}, fmt.Errorf("decode PD's membership: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var file joinFile
	if err := decoder.Decode(&file); err != nil {
		return Join{}, fmt.Errorf("decode PD's membership: %w", err)
	}
	if err := validateMembers(file.Join); err != nil {
		return Join{}, fmt.Errorf("decode PD's membership: %w", err)
	}
	return file.Join, nil
}
