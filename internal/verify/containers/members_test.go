package containers_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// membersChange: jobs go on, one at a time, while a node is added to the members, one that
// was killed and has lost its disk is replaced by another, and one is removed.
func membersChange(t *testing.T, c *cluster) {
	jobs := []string{"d", "e"}
	for i, name := range jobs {
		nodes := []string{"node3:7400", "node2:7400", "node1:7400"}
		c.run("job", name, "loop", "/witness/changes", name, "100ms", strings.Join(nodes[i:], ","))
	}
	w := witness{t, c, filepath.Join(c.folder, "changes")}
	w.awaitEntries(3, jobs...)

	t.Log("a node is added")
	node4 := c.join("node4")
	c.change("node1", "add", "node4:7400")
	c.awaitSessions("node4", 4)
	w.awaitEntries(3, jobs...)

	t.Log("one node is killed, its disk is lost, and another takes its place")
	node2 := c.node("node2")
	c.output("docker", "kill", "--signal", "KILL", node2)
	c.output("docker", "rm", node2)
	c.output("docker", "volume", "rm", c.project+"_node2")
	c.join("node5")
	c.change("node4", "replace", "node2:7400", "node5:7400")
	c.awaitSessions("node5", 4)
	w.awaitEntries(3, jobs...)

	t.Log("a node is removed")
	c.change("node1", "remove", "node4:7400")
	if code := c.output("docker", "wait", node4); code != "0" {
		t.Errorf("the node that was removed: exit code %s, want 0", code)
	}
	if said := c.logs(node4); !strings.Contains(said, "removed from the cluster") {
		t.Errorf("the node that was removed says only:\n%s", said)
	}
	c.awaitSessions("node3", 3)
	c.awaitSessions("node5", 3)
	w.awaitEntries(3, jobs...)

	for _, name := range jobs {
		c.output("docker", "stop", "--time", "60", c.project+name)
	}
	w.judge()
}

// join starts a node with an empty data directory, which waits to be added to the members,
// and returns when it says so.
func (c *cluster) join(name string) (container string) {
	c.t.Helper()
	address := name + ":7400"
	container = c.output("docker", "run", "--detach", "--read-only", "--cap-drop", "ALL", "--network", c.network(),
		"--hostname", name, "--network-alias", name, "--tmpfs", "/run/conch:mode=0700,uid=65532,gid=65532",
		"--label", projectLabel+"="+c.project, "--label", serviceLabel+"="+name,
		c.image, "node", "--listen=:7400", "--advertise="+address, "--join=node1:7400,node3:7400",
		"--data-dir=/var/lib/conch", "--socket=/run/conch/conch.sock", "--insecure")
	c.t.Cleanup(func() { c.end("docker", "rm", "--force", "--volumes", container) })
	until(c.t, func() string { return name + " waits to be added; it says\n" + c.logs(container) }, func() bool {
		return strings.Contains(c.logs(container), "run 'conch members add "+address+"'")
	})
	return container
}

// change has the members changed, and returns when the change is complete.
func (c *cluster) change(at string, args ...string) {
	c.t.Helper()
	c.output(append([]string{
		"docker", "exec", c.node(at), "/usr/bin/conch", "members", "--node", "unix:/run/conch/conch.sock",
	}, args...)...)
}

// logs is all that a container has said.
func (c *cluster) logs(container string) string {
	c.t.Helper()
	out, err := c.command(c.t.Context(), "docker", "logs", container).CombinedOutput()
	if err != nil {
		c.t.Fatalf("docker logs: %v\n%s", err, out)
	}
	return string(out)
}
