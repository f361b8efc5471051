// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"strings"
)

// The placeholders of a plan, written ${NAME}; $${ stands for a literal ${.
const (
	PodName      = "POD_NAME"
	PodIP        = "POD_IP"
	PodNamespace = "POD_NAMESPACE"
	NodeName     = "NODE_NAME"
	// Zone and Rack have a value where the plan asks for the location.
	Zone = "ZONE"
	Rack = "RACK"
	// Host is the plan's Host, filled in.
	Host = "HOST"
	// InitialCluster and InitialClusterState are for etcd's flags of these names,
	// computed from its membership for a PD.
	InitialCluster      = "INITIAL_CLUSTER"
	InitialClusterState = "INITIAL_CLUSTER_STATE"
)

// origin says, for each placeholder, where its value comes from: the remedy in
// the message when there is none.
var origin = map[string]string{
	PodName:             "the container's environment must set POD_NAME from metadata.name",
	PodIP:               "the container's environment must set POD_IP from status.podIP",
	PodNamespace:        "the container's environment must set POD_NAMESPACE from metadata.namespace",
	NodeName:            "the container's environment must set NODE_NAME from spec.nodeName",
	Zone:                "the plan must set location",
	Rack:                "the plan must set location",
	Host:                "the plan must set host",
	InitialCluster:      "only a PD has one",
	InitialClusterState: "only a PD has one",
}

// Values are the placeholders' values by name; an empty one counts as missing.
type Values map[string]string

// Start is a plan with everything filled in.
type Start struct {
	Program string
	Args    []string
	Files   []File
}

// Fill replaces the placeholders of the program, its arguments and its files.
// The error names the placeholder, where it stands and where its value comes from.
func (p Plan) Fill(values Values) (Start, error) {
	start := Start{Program: p.Program}
	for i, arg := range p.Args {
		filled, err := Expand(arg, values)
		if err != nil {
			return Start{}, fmt.Errorf("fill in args[%d] of the start plan: %w", i, err)
		}
		start.Args = append(start.Args, filled)
	}
	for _, file := range p.Files {
		filled, err := Expand(file.Content, values)
		if err != nil {
			return Start{}, fmt.Errorf("fill in file %s of the start plan: %w", file.Path, err)
		}
		file.Content = filled
		start.Files = append(start.Files, file)
	}
	return start, nil
}

// Expand replaces every placeholder of text.
func Expand(text string, values Values) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			out.WriteString(text)
			return out.String(), nil
		}
		if escaped, ok := strings.CutSuffix(before, "$"); ok {
			out.WriteString(escaped + "${")
			text = rest
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", fmt.Errorf("placeholder ${%s has no closing brace; write $${ for a literal ${", rest)
		}
		value, err := values.lookup(name)
		if err != nil {
			return "", err
		}
		out.WriteString(before + value)
		text = after
	}
}

func (v Values) lookup(name string) (string, error) {
	if value := v[name]; value != "" {
		return value, nil
	}
	if remedy, known := origin[name]; known {
		return "", fmt.Errorf("placeholder ${%s} has no value: %s", name, remedy)
	}
	return "", fmt.Errorf("placeholder ${%s} is unknown; write $${ for a literal ${", name)
}
