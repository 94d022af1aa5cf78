package client

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// Of a node that says nothing, callers send so little that none has to wait for it; the
// rest is the sender's.
func TestCallersSendLittleToASilentNode(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		st := n.stream()
		st.fallSilent()
		const all = 5 * maxUnheard
		var asked []*asking
		for i := range all {
			asked = append(asked, w.ask(c, fmt.Sprint(i)))
			if got := st.acquire().GetLock(); got != fmt.Sprint(i) {
				t.Errorf("got Acquire of %q; want of %d", got, i)
			}
		}
		if a := c.node; a.unheard != maxUnheard {
			t.Errorf("callers have sent %d times; want %d", a.unheard, maxUnheard)
		}
		st.grant(1, 1<<32+1)
		asked[0].granted()
		if a := c.node; a.unheard != 0 {
			t.Errorf("callers have sent %d times since the node was heard; want none", a.unheard)
		}
		for _, a := range asked[1:] {
			a.cancel(nil)
			<-a.done
		}
	})
}

// A caller that has come too late for a stream leaves what there is to the next one.
func TestWhatIsToBeSentIsForThePresentStream(t *testing.T) {
	overBoth(t, func(t *testing.T, w *network) {
		n := w.node("a:1")
		c := w.client("a:1")
		n.stream()
		asked := w.ask(c, "x")
		a := c.node
		before := a.stream
		n.cut()
		st := n.stream()
		st.wants(withdraw(1))
		st.wants(acquire(2, "x")) // the same wait
		synctest.Wait()
		cl, err := a.ask(want{lock: "y"})
		if err != nil {
			t.Fatal(err)
		}
		a.sending.Lock()
		if a.sendAll(before) {
			t.Error("more may follow on a stream that is over")
		}
		a.sending.Unlock()
		st.nothing()
		a.sendNow()
		if got := st.acquire(); got.GetId() != uint64(cl.id) || got.GetLock() != "y" {
			t.Errorf("got %v; want Acquire of y under %d", got, cl.id)
		}
		asked.cancel(nil)
		<-asked.done
	})
}
