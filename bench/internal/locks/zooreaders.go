package locks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-zookeeper/zk"

	"conch/token"
)

// zooReaders is a lock of ZooKeeper's that readers share, by the recipe for shared locks of
// ZooKeeper's documentation: each who wants it makes an ephemeral node with a number, and
// watches the one with the next lower number that is in its way. In a reader's way is a
// writer, and in a writer's way everybody.
//
// The recipe is https://zookeeper.apache.org/doc/current/recipes.html, "Shared Locks".
type zooReaders struct {
	conn *zk.Conn
	mode token.Limit
	path string // of the own node while the lock is held
}

const (
	zooParent   = "/" + Name + "-shared"
	readPrefix  = "read-"
	writePrefix = "write-"
)

func openZooReaders(ctx context.Context, spec Spec) (*zooReaders, error) {
	conn, err := dialZooKeeper(ctx, spec)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Create(zooParent, nil, 0, zk.WorldACL(zk.PermAll)); err != nil && !errors.Is(err, zk.ErrNodeExists) {
		conn.Close()
		return nil, fmt.Errorf("locks: zookeeper: %w", err)
	}
	return &zooReaders{conn: conn}, nil
}

// In implements [Sharing].
func (z *zooReaders) In(mode token.Limit) Lock {
	z.mode = mode
	return z
}

func (z *zooReaders) Lock(ctx context.Context) error {
	prefix := writePrefix
	if z.mode == token.Unlimited {
		prefix = readPrefix
	}
	path, err := z.conn.CreateProtectedEphemeralSequential(zooParent+"/"+prefix, nil, zk.WorldACL(zk.PermAll))
	if err != nil {
		return fmt.Errorf("locks: zookeeper: %w", err)
	}
	if err := z.await(ctx, path); err != nil {
		return errors.Join(err, z.conn.Delete(path, -1))
	}
	z.path = path
	return nil
}

// await waits until nobody is in the way of the own node.
func (z *zooReaders) await(ctx context.Context, path string) error {
	own := strings.TrimPrefix(path, zooParent+"/")
	for {
		children, _, err := z.conn.Children(zooParent)
		if err != nil {
			return fmt.Errorf("locks: zookeeper: %w", err)
		}
		before, err := inTheWay(own, children)
		if err != nil || before == "" {
			return err
		}
		there, _, gone, err := z.conn.ExistsW(zooParent + "/" + before)
		if err != nil {
			return fmt.Errorf("locks: zookeeper: %w", err)
		}
		if !there {
			continue
		}
		select {
		case event := <-gone:
			if event.Err != nil {
				return fmt.Errorf("locks: zookeeper: %w", event.Err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// inTheWay is the node with the next lower number than the own that the own has to wait for,
// empty if there is none.
func inTheWay(own string, children []string) (before string, err error) {
	number, reads, err := parseZooNode(own)
	if err != nil {
		return "", err
	}
	highest := -1
	for _, child := range children {
		n, childReads, err := parseZooNode(child)
		if err != nil {
			return "", err
		}
		if n < number && n > highest && !(reads && childReads) {
			before, highest = child, n
		}
	}
	return before, nil
}

// parseZooNode reads the name of a node: what the library puts first, read- or write-, and
// the number that the server gave it.
func parseZooNode(name string) (number int, reads bool, err error) {
	i := strings.LastIndexByte(name, '-')
	number, err = strconv.Atoi(name[i+1:])
	if err != nil {
		return 0, false, fmt.Errorf("locks: zookeeper: a node's name: got %q, want a number at its end", name)
	}
	return number, strings.HasSuffix(name[:i+1], "-"+readPrefix), nil
}

func (z *zooReaders) Unlock(context.Context) error { return z.conn.Delete(z.path, -1) }

func (z *zooReaders) Close() error {
	z.conn.Close()
	return nil
}
