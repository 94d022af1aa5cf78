package nemesis

import (
	"fmt"

	"github.com/anishathalye/porcupine"

	"conch/internal/verify/processes"
)

// The operations of a fenced mutex. An acquire takes effect between the node's previous
// line and its enter, a release between its leave and its next line. The hold of a node
// that lost the lock or was killed expires at any time until that was known.
const (
	acquire = "acquire"
	release = "release"
	expire  = "expire"
)

// operation is the input of one step of the model.
type operation struct {
	what  string
	fence uint64
}

// mutex is the model's state.
type mutex struct {
	held    bool
	highest uint64 // of all fences; the holder's, if the mutex is held
}

// fencedMutex is a lock with one holder at a time, and a higher fence at each grant.
var fencedMutex = porcupine.Model{
	Init: func() any { return mutex{} },
	Step: func(state, input, _ any) (bool, any) {
		m, op := state.(mutex), input.(operation)
		switch op.what {
		case acquire:
			return !m.held && op.fence > m.highest, mutex{held: true, highest: op.fence}
		default:
			return m.held && op.fence == m.highest, mutex{highest: m.highest}
		}
	},
	DescribeOperation: func(input, _ any) string {
		op := input.(operation)
		return fmt.Sprintf("%s %d", op.what, op.fence)
	},
}

// history turns the lines of the shared file into operations. A line's number is its time.
func history(lines []processes.Line) []porcupine.Operation {
	h := historyBuilder{clients: make(map[string]int), last: make(map[string]int64), open: make(map[string]*porcupine.Operation), entered: make(map[string]*porcupine.Operation)}
	for i, line := range lines {
		h.take(line, 2*int64(i+1))
	}
	for _, op := range h.open {
		op.Return = 2 * int64(len(lines)+1)
	}
	var operations []porcupine.Operation
	for _, op := range h.operations {
		operations = append(operations, *op)
	}
	return operations
}

// historyBuilder is the state of history.
type historyBuilder struct {
	operations []*porcupine.Operation
	clients    map[string]int
	last       map[string]int64                // the time of each node's latest line
	open       map[string]*porcupine.Operation // each node's release that may still take effect
	entered    map[string]*porcupine.Operation // each node's acquire without an end
}

func (h *historyBuilder) add(node, what string, fence uint64, from, to int64) *porcupine.Operation {
	if _, known := h.clients[node]; !known {
		h.clients[node] = len(h.clients)
	}
	op := &porcupine.Operation{ClientId: h.clients[node], Input: operation{what, fence}, Call: from, Return: to}
	h.operations = append(h.operations, op)
	return op
}

func (h *historyBuilder) take(line processes.Line, now int64) {
	if op := h.open[line.Node]; op != nil {
		op.Return = now
		delete(h.open, line.Node)
	}
	switch present := h.entered[line.Node]; {
	case line.What == "enter":
		h.entered[line.Node] = h.add(line.Node, acquire, line.Fence, h.last[line.Node]+1, now)
	case line.What == "leave":
		h.open[line.Node] = h.add(line.Node, release, line.Fence, now, now)
		delete(h.entered, line.Node)
	case present != nil: // lost or killed
		h.add(line.Node, expire, present.Input.(operation).fence, present.Call, now)
		delete(h.entered, line.Node)
	}
	h.last[line.Node] = now
}

// checkHistory judges the shared file against the model.
func checkHistory(lines []processes.Line) error {
	if !porcupine.CheckOperations(fencedMutex, history(lines)) {
		return fmt.Errorf("the %d lines of the shared file are not a history of a fenced mutex", len(lines))
	}
	return nil
}
