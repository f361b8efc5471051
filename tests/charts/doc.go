// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package charts holds the tests of the helm charts: it renders them with helm's
// own engine and looks at what comes out. It is a module of its own, so that the
// operator's stays free of helm.
package charts
