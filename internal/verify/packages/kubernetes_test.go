package packages_test

import (
	"strings"
	"testing"
)

const (
	chart = root + "/packaging/helm/conch"
	// kubernetes is the version for which charts are rendered.
	kubernetes = "1.31.0"
)

// render renders the chart, and checks the result against the types of Kubernetes.
func render(t *testing.T, set ...string) string {
	t.Helper()
	args := []string{"template", "locks", chart, "--namespace", "infra", "--kube-version", kubernetes}
	for _, value := range set {
		args = append(args, "--set", value)
	}
	manifests := output(t, "", tool(t, "helm"), args...)
	output(t, manifests, tool(t, "manifestcheck"))
	return manifests
}

// holds requires texts in a manifest, and refuses those that begin with a !.
func holds(t *testing.T, manifests string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		unwanted, isUnwanted := strings.CutPrefix(text, "!")
		if strings.Contains(manifests, unwanted) == isUnwanted {
			t.Errorf("want %q in the manifests (! is: not there):\n%s", text, manifests)
		}
	}
}

func TestChartIsWellFormed(t *testing.T) {
	output(t, "", tool(t, "helm"), "lint", "--strict", chart)
}

func TestChartRenders(t *testing.T) {
	host := ".locks-conch-members.infra.svc.cluster.local:7400"
	holds(t, render(t),
		"podManagementPolicy: Parallel", "publishNotReadyAddresses: true", "clusterIP: None",
		"kind: PodDisruptionBudget", "maxUnavailable: 1",
		"requiredDuringSchedulingIgnoredDuringExecution:", "topologyKey: kubernetes.io/hostname",
		"path: /healthz", "path: /readyz", "readOnlyRootFilesystem: true", "runAsNonRoot: true",
		"--peers=locks-conch-0"+host+",locks-conch-1"+host+",locks-conch-2"+host+"\n",
		"--advertise=$(POD_NAME)"+host+"\n",
		"--tls-cert=/etc/conch/tls/tls.crt", "secretName: conch-tls", "defaultMode: 0440",
		"--drain=30s\n", "terminationGracePeriodSeconds: 60", "!--insecure", "!ServiceMonitor")
	holds(t, render(t, "tls.perMember=true"), "--tls-key=/etc/conch/tls/$(POD_NAME).key")
	holds(t, render(t, "tls.enabled=false", "serviceMonitor.enabled=true", "replicas=5", "antiAffinity=preferred", "persistence.enabled=false"),
		"--insecure", "!--tls-", "kind: ServiceMonitor", "locks-conch-4"+host+"\n",
		"preferredDuringSchedulingIgnoredDuringExecution:", "emptyDir: {sizeLimit", "!volumeClaimTemplates", "@anonymous")
	holds(t, render(t, "replicas=1", "antiAffinity=none"), "--single", "!--peers", "!PodDisruptionBudget", "!podAntiAffinity")
}

func TestChartRefusesWhatMakesNoSense(t *testing.T) {
	for value, want := range map[string]string{
		"replicas=0":                       "replicas: got 0, want 1 or more",
		"terminationGracePeriodSeconds=30": "terminationGracePeriodSeconds: got 30, want 40 or more",
		"drainSeconds=120":                 "terminationGracePeriodSeconds: got 60, want 130 or more",
		"drainSeconds=-1":                  "drainSeconds: got -1, want 0 or more",
		"antiAffinity=no":                  `antiAffinity: got "no", want required, preferred or none`,
		"tls.secretName=":                  "tls.secretName: got nothing",
	} {
		out := fails(t, tool(t, "helm"), "template", "locks", chart, "--kube-version", kubernetes, "--set", value)
		if !strings.Contains(out, want) {
			t.Errorf("%s: helm said\n%s\nwant %q", value, out, want)
		}
	}
}

// TestPlainManifestIsTheChart: the plain manifest is what the chart makes by default.
func TestPlainManifestIsTheChart(t *testing.T) {
	rendered := output(t, "", tool(t, "helm"), "template", "conch", chart, "--namespace", "conch", "--kube-version", kubernetes)
	plain := read(t, "packaging/kubernetes/conch.yaml")
	if !strings.HasSuffix(plain, rendered) {
		t.Error("packaging/kubernetes/conch.yaml is not what the chart makes; \"make manifest\" writes it anew")
	}
	output(t, plain, tool(t, "manifestcheck"))
}
