// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/deepfabric/elasticell-operator/pkg/launch"
	"github.com/deepfabric/elasticell-operator/pkg/launch/atomicfile"
)

// locationFile, in the plan's StateDir, remembers the location for the day when
// no operator runs that could annotate the pod.
const locationFile = "location.json"

// location finds zone and rack, and remembers them.
func (l *Launcher) location(plan launch.Plan, values launch.Values, waited time.Duration) (*Wait, error) {
	if !plan.Location {
		return nil, nil
	}
	if l.Pod.Node == "" {
		return nil, errors.New("NODE_NAME is empty, but the plan asks for the location: the container's environment must set it from spec.nodeName")
	}
	annotations, err := readAnnotations(l.AnnotationsPath)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(plan.StateDir, locationFile)
	remembered, unreadable := readLocation(path)
	chosen, ok := launch.ChooseLocation(annotations, l.Pod.Node, remembered, waited >= l.LocationWait)
	if !ok {
		return &Wait{
			For: fmt.Sprintf("the operator to annotate this pod with %s and %s", launch.ZoneAnnotation, launch.RackAnnotation),
			Now: describe(remembered, unreadable, l.Pod.Node),
		}, nil
	}
	values[launch.Zone], values[launch.Rack] = chosen.Zone, chosen.Rack
	if chosen == remembered {
		return nil, nil
	}
	return nil, remember(path, chosen)
}

// readAnnotations takes a missing file for no annotations: where it is not
// mounted, the wait that follows says what is missing.
func readAnnotations(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the pod's annotations: %w", err)
	}
	annotations, err := launch.ParseAnnotations(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return annotations, nil
}

// readLocation takes what cannot be read for nothing remembered; the error is for
// telling.
func readLocation(path string) (launch.Location, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return launch.Location{}, nil
	}
	if err != nil {
		return launch.Location{}, err
	}
	return launch.ParseLocation(data)
}

func remember(path string, location launch.Location) error {
	data, err := location.Encode()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, 0o644, bytes.NewReader(data)); err != nil {
		return fmt.Errorf("remember the location: %w: the plan's stateDir must be on the pod's volume", err)
	}
	return nil
}

func describe(remembered launch.Location, unreadable error, node string) string {
	switch {
	case unreadable != nil:
		return "none remembered: " + unreadable.Error()
	case !remembered.Known():
		return "none remembered from an earlier start"
	case remembered.Node != node:
		return fmt.Sprintf("the remembered location is that of node %s, this is %s", remembered.Node, node)
	default:
		return fmt.Sprintf("the remembered location, zone %s and rack %s, is used if none comes", remembered.Zone, remembered.Rack)
	}
}
