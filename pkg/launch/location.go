// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Location is where a pod runs, as Elasticell spreads replicas: both zone and
// rack are set, or the location is unknown. It belongs to a node and is void on
// any other.
type Location struct {
	Node string `json:"node"`
	Zone string `json:"zone"`
	Rack string `json:"rack"`
}

// Known says whether both zone and rack are set.
func (l Location) Known() bool { return l.Zone != "" && l.Rack != "" }

// ParseAnnotations reads the file that the downward API writes for
// metadata.annotations: lines of key="value", the value quoted as Go quotes.
func ParseAnnotations(data []byte) (map[string]string, error) {
	annotations := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		key, quoted, found := strings.Cut(line, "=")
		value, err := strconv.Unquote(quoted)
		if !found || err != nil {
			return nil, fmt.Errorf("read annotations: line %q is not key=\"value\"", line)
		}
		annotations[key] = value
	}
	return annotations, nil
}

// ParseLocation reads a remembered location.
func ParseLocation(data []byte) (Location, error) {
	var l Location
	if err := json.Unmarshal(data, &l); err != nil {
		return Location{}, fmt.Errorf("read remembered location: %w", err)
	}
	return l, nil
}

// Encode writes the location for ParseLocation.
func (l Location) Encode() ([]byte, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encode location: %w", err)
	}
	return append(data, '\n'), nil
}

// ChooseLocation prefers the pod's annotations. Only when these did not come in
// time (late), as when no operator runs, is the remembered location used, and
// only on the node for which it was remembered: a volume may move.
func ChooseLocation(annotations map[string]string, node string, remembered Location, late bool) (Location, bool) {
	annotated := Location{Node: node, Zone: annotations[ZoneAnnotation], Rack: annotations[RackAnnotation]}
	if annotated.Known() {
		return annotated, true
	}
	if late && remembered.Known() && remembered.Node == node {
		return remembered, true
	}
	return Location{}, false
}
