package nemesis

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"conch"
)

// transition is a change of the members while nodes are in trouble.
type transition struct {
	change
	added   int   // the new node, or nobody
	members []int // once it is complete
	end     context.CancelFunc
	asking  sync.WaitGroup
	err     error // why it did not become complete, once nobody asks any more
}

// join starts a node, and returns when it waits to be added.
func (o *trial) join(ctx context.Context) (node int, err error) {
	node = len(o.cluster.Nodes())
	address := o.network.Addresses()[node]
	n, err := o.cluster.Join(o.addresses(o.members...), o.socketFlags(address)...)
	if err != nil {
		return nobody, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	return node, n.AwaitOutput(ctx, "run 'conch members add "+address+"'")
}

// transition prepares a change of the members.
func (o *trial) transition(c change, added int) *transition {
	t := &transition{change: c, added: added, end: func() {}}
	for _, node := range o.members {
		if node != c.leaves {
			t.members = append(t.members, node)
		}
	}
	if added != nobody {
		t.members = append(t.members, added)
	}
	return t
}

// ask has members asked for the change, again and again until it is complete.
func (o *trial) ask(ctx context.Context, t *transition, at []int) {
	if t.kind == noChange {
		return
	}
	var asked conch.Change
	if t.added != nobody {
		asked.Add = o.addresses(t.added)
	}
	if t.leaves != nobody {
		asked.Remove = o.addresses(t.leaves)
		o.leaving[t.leaves] = true
		o.cluster.Nodes()[t.leaves].Leave()
	}
	var sockets []string
	for _, address := range o.addresses(at...) {
		sockets = append(sockets, "unix:"+o.socket(address))
	}
	ctx, t.end = context.WithTimeout(ctx, o.Patience)
	t.asking.Go(func() { t.err = o.askAgain(ctx, sockets, asked, o.addresses(t.members...)) })
}

// stop ends the asking.
func (t *transition) stop() {
	t.end()
	t.asking.Wait()
}

// askAgain asks for a change of the members until it is complete. While nodes are in trouble,
// it may be refused since it would stop the cluster.
func (o *trial) askAgain(ctx context.Context, nodes []string, c conch.Change, want []string) error {
	began := time.Now()
	asker, err := dialFirst(ctx, nodes)
	if err != nil {
		return err
	}
	defer func() { _ = asker.Close() }() // it holds nothing
	for again := false; ; again = true {
		if again && isComplete(ctx, asker, want) {
			break // an answer was lost
		}
		_, err := asker.ChangeMembers(ctx, c)
		if err == nil {
			break
		}
		o.Log("the change after %v: %v", time.Since(began).Round(time.Millisecond), err)
		if !isTrouble(err) && !errors.Is(err, conch.ErrCannotChange) && !errors.Is(err, conch.ErrOtherChange) {
			return err
		}
		pause(ctx, o.TTL/8)
	}
	o.Log("the members changed in %v", time.Since(began).Round(time.Millisecond))
	return nil
}

// isComplete reports whether these are the members, and no change is under way.
func isComplete(ctx context.Context, asker *conch.Client, want []string) bool {
	m, err := asker.Members(ctx)
	if err != nil || m.Version%2 != 0 {
		return false
	}
	var listed []string
	for _, member := range m.Members {
		listed = append(listed, member.Address)
	}
	slices.Sort(listed)
	return slices.Equal(listed, slices.Sorted(slices.Values(want)))
}

// finish waits until the change is complete, now that no node is in trouble. From then on the
// node that left must not enter, and it must have ended.
func (o *trial) finish(ctx context.Context, t *transition) error {
	t.asking.Wait()
	if t.err != nil {
		return fmt.Errorf("%v: %w", t.change, t.err)
	}
	o.members = t.members
	if t.leaves == nobody {
		return nil
	}
	return o.part(ctx, t.leaves, t.kind == replaceDead)
}

// part judges a node that is no member any more. One that was killed comes back once more, and
// learns it then.
func (o *trial) part(ctx context.Context, node int, killed bool) error {
	if err := o.drain(); err != nil {
		return err
	}
	o.sections.removed(o.network.Addresses()[node])
	n := o.cluster.Nodes()[node]
	if killed {
		if err := n.Launch(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	// One that was killed and started again after it had been told does not start.
	if err := n.AwaitEnd(ctx); err != nil && !strings.Contains(n.Output(), "data directory of a removed member") {
		return fmt.Errorf("node %d was removed: %w", node+1, err)
	}
	if said := n.Output(); !strings.Contains(said, "removed") {
		return fmt.Errorf("node %d was removed, and says only %q", node+1, said)
	}
	return nil
}

// addresses are the addresses of nodes.
func (o *trial) addresses(nodes ...int) []string {
	var all []string
	for _, node := range nodes {
		all = append(all, o.network.Addresses()[node])
	}
	return all
}

// socket is the path of a node's unix socket, whose users may change the members.
func (c Config) socket(address string) string {
	return filepath.Join(c.Dir, strings.ReplaceAll(address, ":", "-")+".sock")
}

func (c Config) socketFlags(address string) []string {
	return []string{"--socket", c.socket(address)}
}
