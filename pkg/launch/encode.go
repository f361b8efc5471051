// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Encode writes a valid plan as indented JSON; equal plans give equal bytes.
// An invalid plan is refused, with everything that is wrong with it.
func Encode(plan Plan) (string, error) {
	if err := plan.Validate(); err != nil {
		return "", fmt.Errorf("encode start plan: %w", err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(plan); err != nil {
		return "", fmt.Errorf("encode start plan: %w", err)
	}
	return out.String(), nil
}

// Decode reads a plan strictly: a field that it does not know is an error, since
// a plan only half understood must not start anything.
func Decode(data []byte) (Plan, error) {
	if err := checkVersion(data); err != nil {
		return Plan{}, fmt.Errorf("decode start plan: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var plan Plan
	if err := decoder.Decode(&plan); err != nil {
		return Plan{}, fmt.Errorf("decode start plan: %w", err)
	}
	if err := plan.Validate(); err != nil {
		return Plan{}, fmt.Errorf("decode start plan: %w", err)
	}
	return plan, nil
}

// checkVersion looks at the version alone, leniently, so that a newer plan is
// called newer and not malformed. It refuses anything but one JSON value.
func checkVersion(data []byte) error {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	return validateVersion(head.Version)
}

func validateVersion(version int) error {
	if version > PlanVersion {
		return fmt.Errorf("it has version %d, this launcher reads up to %d: the pod runs the launcher of an older release; "+
			"delete the pod, so that it is created with the operator's launcher", version, PlanVersion)
	}
	if version < 1 {
		return fmt.Errorf("it has version %d, want 1 to %d: it was not written by the operator; "+
			"delete where it stands, pod or ConfigMap, so that the operator writes it again", version, PlanVersion)
	}
	return nil
}
