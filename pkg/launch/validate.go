// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
)

// Validate returns everything that is wrong with the plan, or nil.
func (p Plan) Validate() error {
	errs := []error{validateVersion(p.Version)}
	switch p.Component {
	case PD, Store, Proxy:
	default:
		errs = append(errs, fmt.Errorf("component: %q is none of pd, store, proxy", p.Component))
	}
	errs = append(errs, absolute("program", p.Program, true),
		absolute("dataDir", p.DataDir, false), absolute("stateDir", p.StateDir, false))
	if p.Location && p.StateDir == "" {
		errs = append(errs, errors.New("stateDir: the location is remembered there, so a plan with location must set it"))
	}
	for i, address := range p.WaitFor {
		if _, _, err := net.SplitHostPort(address); err != nil {
			errs = append(errs, fmt.Errorf("waitFor[%d]: %q is not host:port", i, address))
		}
	}
	for i, file := range p.Files {
		errs = append(errs, absolute(fmt.Sprintf("files[%d].path", i), file.Path, true))
		if file.Mode == 0 || file.Mode > 0o777 {
			errs = append(errs, fmt.Errorf("files[%d].mode: %04o is not a permission the program could read with", i, uint32(file.Mode)))
		}
	}
	errs = append(errs, p.validateJoin(), p.validatePlaceholders())
	return errors.Join(errs...)
}

func absolute(field, value string, required bool) error {
	if value == "" && !required || path.IsAbs(value) {
		return nil
	}
	return fmt.Errorf("%s: %q is not an absolute path", field, value)
}

func (p Plan) validateJoin() error {
	switch {
	case p.Component == PD && p.DataDir == "":
		return errors.New("dataDir: a PD's plan must say where its data is")
	case p.Join == nil:
		return nil
	case p.Component != PD:
		return fmt.Errorf("join: only a PD joins, this plan is for a %s", p.Component)
	default:
		return validateMembers(*p.Join)
	}
}

func validateMembers(j Join) error {
	var errs []error
	if j.State != JoinNew && j.State != JoinExisting {
		errs = append(errs, fmt.Errorf("join.state: %q is neither new nor existing", j.State))
	}
	if len(j.Members) == 0 {
		errs = append(errs, errors.New("join.members: empty, must list at least one"))
	}
	seen := map[string]bool{}
	for i, m := range j.Members {
		field := fmt.Sprintf("join.members[%d]", i)
		if m.Name == "" || seen[m.Name] || seen[m.PeerURL] {
			errs = append(errs, fmt.Errorf("%s: name %q and peer URL %q must be set and not repeat another member's", field, m.Name, m.PeerURL))
		}
		seen[m.Name], seen[m.PeerURL] = true, true
		errs = append(errs, validURL(field+".peerURL", m.PeerURL), validURL(field+".clientURL", m.ClientURL))
	}
	return errors.Join(errs...)
}

func validURL(field, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || u.Port() == "" {
		return fmt.Errorf("%s: %q is not of the form http://host:port", field, raw)
	}
	return nil
}

// validatePlaceholders fills the plan in with samples of those values that a
// plan of its kind has.
func (p Plan) validatePlaceholders() error {
	samples := Values{PodName: "x", PodIP: "x", PodNamespace: "x", NodeName: "x"}
	if _, err := Expand(p.Host, samples); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	for i, address := range p.WaitFor {
		if _, err := Expand(address, samples); err != nil {
			return fmt.Errorf("waitFor[%d]: %w", i, err)
		}
	}
	if p.Host != "" {
		samples[Host] = "x"
	}
	if p.Location {
		samples[Zone], samples[Rack] = "x", "x"
	}
	if p.Component == PD {
		samples[InitialCluster], samples[InitialClusterState] = "x", "x"
	}
	_, err := p.Fill(samples)
	return err
}
