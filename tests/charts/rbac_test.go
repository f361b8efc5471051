// Copyright 2026 The Cell Operator Authors.
// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// modes are values that give the operator different roles.
var modes = map[string]string{
	"all namespaces":                    "",
	"own namespace":                     "clusterScoped: false",
	"several namespaces":                "namespaces: [a, b]",
	"all namespaces, no cluster rights": "clusterPermissions: {nodes: false, persistentvolumes: false, storageclasses: false}",
}

// renderOwn renders the chart without the ClusterRoles that are for people.
func renderOwn(t *testing.T, values string) []object {
	t.Helper()
	return slices.DeleteFunc(render(t, operatorChart, values), func(o object) bool { return len(aggregated(o)) > 0 })
}

// aggregated names the built-in roles that get the rights of a role.
func aggregated(o object) []string {
	var to []string
	for label, value := range o.Labels {
		if role, found := strings.CutPrefix(label, "rbac.authorization.k8s.io/aggregate-to-"); found && value == "true" {
			to = append(to, role)
		}
	}
	slices.Sort(to)
	return to
}

// TestRolesForPeople: who is admin of a namespace has all rights on CellClusters that the operator's Role there has, as nobody
// can grant a Role that he does not hold.
func TestRolesForPeople(t *testing.T) {
	for name, test := range map[string]struct {
		values      string
		there, kept bool
	}{
		"default":             {"", true, true},
		"not kept":            {"crds: {keep: false}", true, false},
		"a release of no CRD": {"crds: {install: false}", false, false},
		"rights by the user":  {"rbac: {create: false}", false, false},
		"no roles for people": {"rbac: {aggregateRoles: false}", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			to := map[string][]rbacv1.PolicyRule{}
			for _, o := range render(t, operatorChart, test.values) {
				for _, role := range aggregated(o) {
					to[role] = decode[rbacv1.ClusterRole](t, o).Rules
					assert.Equal(t, test.kept, o.Annotations["helm.sh/resource-policy"] == "keep")
				}
			}
			if !test.there {
				assert.Empty(t, to)
				return
			}
			require.Len(t, to, 3)
			for _, r := range rules(t, ofKind(renderOwn(t, ""), "ClusterRole")) {
				for _, resource := range r.Resources {
					if r.APIGroups[0] == "deepfabric.com" {
						assert.Contains(t, to["admin"][0].Resources, resource)
						assert.Subset(t, to["admin"][0].Verbs, r.Verbs)
					}
				}
			}
			assert.Equal(t, to["admin"], to["edit"])
			assert.Equal(t, []string{"get", "list", "watch"}, to["view"][0].Verbs)
		})
	}
}

// A release of before it had the value is upgraded with its own values.
func TestRolesForPeopleWithoutTheValue(t *testing.T) {
	assert.NotEmpty(t, slices.DeleteFunc(render(t, operatorChart, "rbac: {aggregateRoles: null}"), func(o object) bool { return len(aggregated(o)) == 0 }))
}

// rules is all rules of the chart's Roles and ClusterRoles.
func rules(t *testing.T, objects []object) []rbacv1.PolicyRule {
	t.Helper()
	var all []rbacv1.PolicyRule
	for _, o := range ofKind(objects, "Role") {
		all = append(all, decode[rbacv1.Role](t, o).Rules...)
	}
	for _, o := range ofKind(objects, "ClusterRole") {
		all = append(all, decode[rbacv1.ClusterRole](t, o).Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

// harmful are resources by which one could read Secrets, or get more rights.
var harmful = []string{
	"secrets", "serviceaccounts", "serviceaccounts/token", "pods/exec", "pods/attach", "pods/portforward",
	"pods/ephemeralcontainers", "nodes/proxy", "services/proxy", "pods/proxy",
	"roles", "rolebindings", "clusterroles", "clusterrolebindings",
	"validatingwebhookconfigurations", "mutatingwebhookconfigurations", "certificatesigningrequests",
}

func TestRightsAreNamed(t *testing.T) {
	verbs := []string{"get", "list", "watch", "create", "patch", "update", "delete"}
	for name, values := range modes {
		t.Run(name, func(t *testing.T) {
			for _, r := range rules(t, renderOwn(t, values)) {
				assert.Empty(t, r.NonResourceURLs)
				assert.NotContains(t, r.APIGroups, "*")
				assert.NotContains(t, r.Resources, "*")
				assert.Subset(t, verbs, r.Verbs)
				for _, resource := range r.Resources {
					assert.NotContains(t, harmful, resource)
				}
			}
		})
	}
}

// granted lists the rights of rules, as "group/resource verb" or, for single objects, "group/resource/name verb".
func granted(rules []rbacv1.PolicyRule) []string {
	var out []string
	for _, r := range rules {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				names := []string{""}
				if len(r.ResourceNames) > 0 {
					names = nil
					for _, n := range r.ResourceNames {
						names = append(names, "/"+n)
					}
				}
				for _, name := range names {
					out = append(out, strings.TrimPrefix(group+"/", "/")+resource+name+" "+strings.Join(r.Verbs, ","))
				}
			}
		}
	}
	return out
}

// TestExactRights: a right more than what pkg/control and the informers use is one too many.
func TestExactRights(t *testing.T) {
	const whole = " get,list,watch,create,patch,delete"
	objects := renderOwn(t, "clusterScoped: false")
	for name, want := range map[string][]string{
		"cell-controller-manager": {
			"deepfabric.com/cellclusters list,watch", "deepfabric.com/cellclusters/status update", "deepfabric.com/cellclusters/finalizers update",
			"services" + whole, "configmaps" + whole, "apps/statefulsets" + whole, "apps/deployments" + whole,
			"policy/poddisruptionbudgets" + whole, "autoscaling/horizontalpodautoscalers" + whole,
			"pods get,list,watch,patch,delete", "persistentvolumeclaims get,list,watch,patch,delete",
			"events create,patch",
		},
		"cell-controller-manager-leader-election": {
			"coordination.k8s.io/leases create", "coordination.k8s.io/leases/cell-controller-manager get,update",
		},
	} {
		for _, o := range ofKind(objects, "Role") {
			if o.Name == name {
				assert.ElementsMatch(t, want, granted(decode[rbacv1.Role](t, o).Rules), name)
			}
		}
	}
	require.Len(t, ofKind(objects, "Role"), 2)
	assert.ElementsMatch(t, []string{"nodes list,watch", "persistentvolumes list,watch,patch", "storage.k8s.io/storageclasses list,watch"},
		granted(decode[rbacv1.ClusterRole](t, one(t, objects, "ClusterRole")).Rules))

	scheduler := ofScheduler(t, "")
	assert.ElementsMatch(t, []string{
		"deepfabric.com/cellclusters list,watch", "nodes list,watch", "pods list,watch",
		"persistentvolumeclaims list,watch", "persistentvolumes list,watch",
	}, granted(decode[rbacv1.ClusterRole](t, one(t, scheduler, "ClusterRole")).Rules))
	assert.ElementsMatch(t, []string{"coordination.k8s.io/leases create", "coordination.k8s.io/leases/cell-scheduler get,update"},
		granted(decode[rbacv1.Role](t, one(t, scheduler, "Role")).Rules))
}

// TestRightsDoNotDependOnMode: the rights in a namespace are the same whether
// they come from a Role or from a ClusterRole.
func TestRightsDoNotDependOnMode(t *testing.T) {
	inAll := decode[rbacv1.ClusterRole](t, one(t, renderOwn(t, modes["all namespaces, no cluster rights"]), "ClusterRole"))
	for _, o := range ofKind(render(t, operatorChart, modes["several namespaces"]), "Role") {
		if o.Name == "cell-controller-manager" {
			assert.Equal(t, inAll.Rules, decode[rbacv1.Role](t, o).Rules, o.Namespace)
		}
	}
}

// TestClusterRights: objects outside of namespaces are in a ClusterRole exactly
// when clusterPermissions says so.
func TestClusterRights(t *testing.T) {
	outside := []string{"nodes", "persistentvolumes", "storageclasses"}
	for name, values := range modes {
		t.Run(name, func(t *testing.T) {
			var found []string
			for _, o := range ofKind(renderOwn(t, values), "ClusterRole") {
				for _, r := range decode[rbacv1.ClusterRole](t, o).Rules {
					for _, resource := range r.Resources {
						if slices.Contains(outside, resource) {
							found = append(found, resource)
						}
					}
				}
			}
			if name == "all namespaces, no cluster rights" {
				assert.Empty(t, found)
				return
			}
			assert.Equal(t, outside, found)
		})
	}
}

// TestBindings: each role is bound to the pod's service account, and to nothing else.
func TestBindings(t *testing.T) {
	for name, values := range modes {
		t.Run(name, func(t *testing.T) {
			objects := renderOwn(t, values)
			account := one(t, objects, "ServiceAccount")
			pod := decode[appsv1.Deployment](t, one(t, objects, "Deployment")).Spec.Template.Spec
			assert.Equal(t, account.Name, pod.ServiceAccountName)

			want := []rbacv1.Subject{{Kind: "ServiceAccount", Name: account.Name, Namespace: account.Namespace}}
			bound := map[string]bool{}
			for _, o := range ofKind(objects, "RoleBinding") {
				b := decode[rbacv1.RoleBinding](t, o)
				assert.Equal(t, want, b.Subjects)
				bound[b.RoleRef.Kind+" "+o.Namespace+"/"+b.RoleRef.Name] = true
			}
			for _, o := range ofKind(objects, "ClusterRoleBinding") {
				b := decode[rbacv1.ClusterRoleBinding](t, o)
				assert.Equal(t, want, b.Subjects)
				bound[b.RoleRef.Kind+" /"+b.RoleRef.Name] = true
			}
			roles := map[string]bool{}
			for _, o := range slices.Concat(ofKind(objects, "Role"), ofKind(objects, "ClusterRole")) {
				roles[o.String()] = true
			}
			assert.Equal(t, roles, bound)
		})
	}
}

func TestNoRightsWhenUserBringsThem(t *testing.T) {
	objects := render(t, operatorChart, "{rbac: {create: false}, controllerManager: {serviceAccount: mine}}")
	for _, kind := range []string{"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} {
		assert.Empty(t, ofKind(objects, kind))
	}
	pod := decode[appsv1.Deployment](t, one(t, objects, "Deployment")).Spec.Template.Spec
	assert.Equal(t, "mine", pod.ServiceAccountName)
}
