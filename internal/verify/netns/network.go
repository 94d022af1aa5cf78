//go:build linux

package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// network is some hosts on one bridge. None of it is in the caller's namespace.
type network struct {
	prefix string
	hosts  int
	resets bool // nft can reset connections
}

// namespaces is the directory of ip's namespaces.
const namespaces = "/run/netns/"

// nowhere is a hardware address that no host has.
const nowhere = "02:00:00:00:00:01"

// Available returns nil if this process can make networks.
func Available() error {
	if os.Getuid() != 0 {
		return errors.New("it needs root")
	}
	n, err := newNetwork(1)
	if err != nil {
		return err
	}
	return n.close()
}

// newNetwork makes a network of hosts.
func newNetwork(hosts int) (*network, error) {
	if err := removeAbandoned(); err != nil {
		return nil, err
	}
	n := &network{prefix: fmt.Sprintf("conch-%d-", os.Getpid()), hosts: hosts}
	commands := []string{
		"netns add " + n.hub(),
		"-n " + n.hub() + " link add br0 type bridge",
		"-n " + n.hub() + " link set br0 up",
	}
	for i := range hosts {
		port := port(i)
		commands = append(commands,
			"netns add "+n.host(i),
			fmt.Sprintf("-n %s link add %s type veth peer name eth0 netns %s", n.hub(), port, n.host(i)),
			fmt.Sprintf("-n %s link set %s master br0 up", n.hub(), port),
			fmt.Sprintf("-n %s address add %s/24 dev eth0", n.host(i), n.ip(i)),
			fmt.Sprintf("-n %s link set eth0 up", n.host(i)),
			fmt.Sprintf("-n %s link set lo up", n.host(i)),
		)
	}
	for _, c := range commands {
		if err := ip(strings.Fields(c)...); err != nil {
			return nil, errors.Join(err, n.close())
		}
	}
	n.resets = n.nft(0, "add table inet conch; delete table inet conch") == nil
	return n, nil
}

// close removes the network. Processes in it must have ended.
func (n *network) close() error {
	var errs []error
	for i := range n.hosts {
		errs = append(errs, n.remove(n.host(i)))
	}
	return errors.Join(append(errs, n.remove(n.hub()))...)
}

// remove removes a namespace, if it is there.
func (n *network) remove(namespace string) error {
	if _, err := os.Stat(namespaces + namespace); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return ip("netns", "delete", namespace)
}

// removeAbandoned removes the namespaces of earlier processes that were killed.
func removeAbandoned() error {
	paths, err := filepath.Glob(namespaces + "conch-*-*")
	if err != nil {
		return err
	}
	for _, path := range paths {
		var pid int
		name := filepath.Base(path)
		if _, err := fmt.Sscanf(name, "conch-%d-", &pid); err != nil {
			continue // not one of a run
		}
		if syscall.Kill(pid, 0) != syscall.ESRCH {
			continue // that process runs
		}
		if err := ip("netns", "delete", name); err != nil {
			return err
		}
	}
	return nil
}

func (n *network) hub() string       { return n.prefix + "hub" }
func (n *network) host(i int) string { return fmt.Sprint(n.prefix, i+1) }

// ip is a host's address.
func (n *network) ip(host int) string { return fmt.Sprintf("10.77.0.%d", host+1) }

// port is the bridge's port for a host.
func port(host int) string { return fmt.Sprint("host", host+1) }

// within is the command that runs another command on a host.
func (n *network) within(host int, command ...string) []string {
	return append([]string{"ip", "netns", "exec", n.host(host)}, command...)
}

// cut stops frames from one host to another, or lets them through again. The hosts are not
// told: frames go to a hardware address that nobody has.
func (n *network) cut(from, to int, isCut bool) error {
	if isCut {
		return ip("-n", n.host(from), "neigh", "replace", n.ip(to), "lladdr", nowhere, "dev", "eth0", "nud", "permanent")
	}
	return ip("-n", n.host(from), "neigh", "delete", n.ip(to), "dev", "eth0")
}

// setLink takes a host's link down or up.
func (n *network) setLink(host int, in bool) error {
	state := "down"
	if in {
		state = "up"
	}
	return ip("-n", n.hub(), "link", "set", port(host), state)
}

// reset answers a host's TCP segments with resets, until it is called with on false.
func (n *network) reset(host int, on bool) error {
	if !on {
		return n.nft(host, "delete table inet conch")
	}
	return n.nft(host, `add table inet conch
add chain inet conch out { type filter hook output priority 0; }
add chain inet conch in { type filter hook input priority 0; }
add rule inet conch out oifname "eth0" meta l4proto tcp reject with tcp reset
add rule inet conch in iifname "eth0" meta l4proto tcp reject with tcp reset`)
}

func (n *network) nft(host int, rules string) error {
	command := n.within(host, "nft", "-f", "-")
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(rules)
	return run(cmd)
}

func ip(args ...string) error { return run(exec.Command("ip", args...)) }

func run(cmd *exec.Cmd) error {
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
