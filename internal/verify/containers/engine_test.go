package containers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// patience is how long a condition may take to come true on a busy machine. No test
	// passes or fails by how long something took.
	patience = 2 * time.Minute
	// pollInterval is how often a condition is checked.
	pollInterval = 100 * time.Millisecond

	root = "../../.." // of the checkout

	// The labels by which compose, and these tests, find a container.
	projectLabel = "com.docker.compose.project"
	serviceLabel = "com.docker.compose.service"
)

// cluster is a running compose.yaml.
type cluster struct {
	t       *testing.T
	compose []string // the command
	project string
	image   string
	folder  string // of the witness
}

// engine says why containers cannot be run; nil if they can.
func engine(t *testing.T) error {
	if out, err := exec.CommandContext(t.Context(), "docker", "info", "--format", "{{.ServerVersion}}").CombinedOutput(); err != nil {
		return fmt.Errorf("a Docker engine: %w: %s", err, bytes.TrimSpace(out))
	}
	if composeCommand(t) == nil {
		return errors.New("docker-compose, or docker with the plugin compose")
	}
	return nil
}

func composeCommand(t *testing.T) []string {
	for _, command := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		args := slices.Concat(command[1:], []string{"version"})
		if exec.CommandContext(t.Context(), command[0], args...).Run() == nil {
			return command
		}
	}
	return nil
}

// start builds the image, adds the job to it, and brings compose.yaml up.
func start(t *testing.T) *cluster {
	t.Helper()
	name := fmt.Sprintf("conchtest%d", os.Getpid())
	c := &cluster{t: t, compose: composeCommand(t), project: name, image: name + ":test", folder: t.TempDir()}
	if err := os.Chmod(c.folder, 0o777); err != nil { // the jobs are another user
		t.Fatal(err)
	}
	c.output("make", "-C", root, "--silent", "image", "IMAGE="+name+":plain", "IMAGE_FOLDER="+t.TempDir(), "LEARN_FIRST=")
	context := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(context, "job"), "./job")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build ./job: %v\n%s", err, out)
	}
	recipe := "FROM " + name + ":plain\nCOPY job /usr/bin/job\n"
	if err := os.WriteFile(filepath.Join(context, "Dockerfile"), []byte(recipe), 0o600); err != nil {
		t.Fatal(err)
	}
	c.output("docker", "build", "--quiet", "--tag", c.image, context)
	t.Cleanup(func() { c.end("docker", "image", "rm", "--force", c.image, name+":plain") })
	t.Cleanup(func() { c.composed(c.end, "down", "--volumes", "--timeout", "5") })
	c.composed(func(args ...string) { c.output(args...) }, "up", "-d", "--no-build")
	return c
}

// composed runs a command of compose.
func (c *cluster) composed(run func(args ...string), args ...string) {
	run(append(append(c.compose[:len(c.compose):len(c.compose)],
		"--project-name", c.project, "--file", root+"/packaging/container/compose.yaml"), args...)...)
}

// end runs a command of the end of the test.
func (c *cluster) end(args ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if out, err := c.command(ctx, args...).CombinedOutput(); err != nil {
		c.t.Errorf("%v: %v\n%s", args, err, out)
	}
}

func (c *cluster) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "CONCH_IMAGE="+c.image)
	return cmd
}

// output runs a command, which must end with 0, and returns its output.
func (c *cluster) output(args ...string) string {
	c.t.Helper()
	var stderr bytes.Buffer
	cmd := c.command(c.t.Context(), args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("%v: %v\n%s%s", args, err, out, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// node is the container of a node.
func (c *cluster) node(name string) string {
	c.t.Helper()
	return c.output("docker", "ps", "--all", "--quiet", "--filter", "label="+projectLabel+"="+c.project,
		"--filter", "label="+serviceLabel+"="+name)
}

// network is the network of the nodes.
func (c *cluster) network() string { return c.project + "_locks" }

// run starts a container beside the nodes, with conch or job as process 1.
func (c *cluster) run(program, name string, args ...string) (container string) {
	c.t.Helper()
	container = c.output(append([]string{
		"docker", "run", "--detach", "--read-only", "--cap-drop", "ALL", "--network", c.network(), "--name", c.project + name,
		"--volume", c.folder + ":/witness", "--entrypoint", "/usr/bin/" + program, c.image,
	}, args...)...)
	c.t.Cleanup(func() { c.end("docker", "rm", "--force", "--volumes", container) })
	return container
}

// awaitSessions waits until a node sees this many members in a session.
func (c *cluster) awaitSessions(asked string, want int) {
	c.t.Helper()
	container := c.node(asked)
	var last string
	until(c.t, func() string { return fmt.Sprintf("%d members are in a session; %s said\n%s", want, asked, last) }, func() bool {
		out, err := c.command(c.t.Context(), "docker", "exec", container, "/usr/bin/conch", "status", "--json", "--node", "unix:/run/conch/conch.sock").Output()
		last = string(out)
		var status struct {
			Statuses []struct {
				Session json.Number `json:"session"`
			} `json:"statuses"`
		}
		if err != nil || json.Unmarshal(out, &status) != nil {
			return false
		}
		inSession := 0
		for _, m := range status.Statuses {
			if m.Session != "" && m.Session != "0" {
				inSession++
			}
		}
		return inSession == want
	})
}

// state is what the nodes and their containers say, for a test that fails.
func (c *cluster) state() string {
	var all strings.Builder
	for _, name := range []string{"node1", "node2", "node3", "node4", "node5"} {
		container := c.node(name)
		if container == "" {
			continue // there is none yet, or no more
		}
		for _, args := range [][]string{
			{"docker", "exec", container, "/usr/bin/conch", "why", "--node", "unix:/run/conch/conch.sock", "deploy"},
			{"docker", "exec", container, "/usr/bin/conch", "status", "--node", "unix:/run/conch/conch.sock"},
			{"docker", "logs", "--tail", "40", container},
		} {
			out, err := c.command(c.t.Context(), args...).CombinedOutput()
			fmt.Fprintf(&all, "%s: %v: %v\n%s\n", name, args, err, out)
		}
	}
	return all.String()
}

// until waits for a condition.
func until(t *testing.T, wanted func() string, met func() bool) {
	t.Helper()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !met(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about within %v that %s", patience, wanted())
		}
	}
}
