package socket

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Node is a node of this user on this machine, by its record.
type Node struct {
	// Socket is the path of its socket.
	Socket string
	// Members are those of its cluster; empty if that is not known.
	Members []string
	// Cluster is its cluster's id; empty if that is not known.
	Cluster string
	// IsServed is false for a node that has died and left its socket or its record behind.
	IsServed bool
	// Left are the files that a dead node left: its socket and its records. Once they are
	// removed, it is not found any more.
	Left []string
}

// Found is what [Find] has found.
type Found struct {
	// Nodes are ordered by the names of their sockets.
	Nodes []Node
	// Looked are the directories that were searched. Unset is the environment variable that
	// would have named another; empty if it is set.
	Looked []string
	Unset  string
}

// Find looks for the nodes of this user on this machine, and if there is none, for nodes
// that run as services and let this user in. It makes no directory. The
// error wraps [ErrDir] if a directory is not this user's alone, or is what the system
// says; what was found elsewhere is returned beside it.
func Find() (Found, error) {
	var found Found
	var errs error
	nodes := make(map[string]Node)
	for _, d := range directories() {
		err := d.find(nodes)
		if !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err)
		}
		found.Looked = append(found.Looked, d.path)
	}
	if _, isOne := named(EnvDir); !isOne {
		found.Looked = append(found.Looked, serviceDir)
		if len(nodes) == 0 {
			findServices(nodes)
		}
	}
	_, isOne := named(EnvDir)
	if _, isNamed := named(envRuntimeDir); !isOne && !isNamed {
		found.Unset = envRuntimeDir
	}
	for path, node := range nodes {
		node.Socket = path
		if node.IsServed = isServed(path); node.IsServed {
			node.Left = nil
		} else {
			node.Left = withFilesBeside(path, node.Left)
		}
		nodes[path] = node
	}
	found.Nodes = slices.SortedFunc(maps.Values(nodes), func(a, b Node) int {
		return cmp.Or(cmp.Compare(filepath.Base(a.Socket), filepath.Base(b.Socket)), cmp.Compare(a.Socket, b.Socket))
	})
	return found, errs
}

// find adds the nodes that have files in a directory.
func (d directory) find(nodes map[string]Node) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("look for sockets of nodes: %w", err)
	}
	if d.isOurs {
		if err := checkPrivate(d.path); err != nil {
			return err
		}
	}
	for _, entry := range entries {
		name, path := entry.Name(), filepath.Join(d.path, entry.Name())
		switch {
		case !strings.HasPrefix(name, namePrefix):
		case entry.Type() == fs.ModeSocket && strings.HasSuffix(name, nameSuffix):
			node := nodes[path] // it may be known by its record, with its members
			node.Left = append(node.Left, path)
			nodes[path] = node
		case entry.Type().IsRegular() && strings.HasSuffix(name, recordSuffix):
			if r, err := read(path); err == nil { // else it says nothing that could be used
				nodes[r.Socket] = Node{Members: r.Members, Cluster: r.Cluster, Left: append(nodes[r.Socket].Left, path)}
			}
		}
	}
	return nil
}

// findServices adds the nodes of this machine that run as services and let this user in.
// They count only where the user has no node. What cannot be read is not for this user.
func findServices(nodes map[string]Node) {
	info, err := os.Lstat(serviceDir)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o002 != 0 {
		return // nobody but the service may make sockets there
	}
	entries, err := os.ReadDir(serviceDir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		path := filepath.Join(serviceDir, entry.Name())
		isSocket := entry.Type() == fs.ModeSocket && strings.HasSuffix(entry.Name(), nameSuffix)
		if isSocket && unix.Access(path, unix.W_OK) == nil {
			nodes[path] = Node{Left: []string{path}}
		}
	}
}

// withFilesBeside returns the files of a node that were found, sorted, with those of its
// own directory. Commands with this environment may not look into that one.
func withFilesBeside(socket string, found []string) []string {
	for _, path := range []string{socket, recordBeside(socket)} {
		if _, err := os.Lstat(path); err == nil {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// isServed reports whether some process serves a socket.
func isServed(path string) bool {
	err := dial(path)
	return !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist)
}
