package clientwire

import (
	"fmt"

	"conch/internal/frames"
	"conch/internal/runs"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// What clients and nodes say about runs and kept holds.

func acquireRunValue(a *clientv1.AcquireRun) frames.ClientMessage {
	m := acquireNotedValue("AcquireRun", a.GetAcquire())
	m.Run = runRequestValue(a.GetRun())
	return m
}

func acquireKeptValue(a *clientv1.AcquireKept) frames.ClientMessage {
	m := acquireNotedValue("AcquireKept", a.GetAcquire())
	m.Keep = &runs.Keep{Owner: a.GetOwner(), Adopt: a.GetAdopt()}
	return m
}

// acquireNotedValue refuses what goes with a plain Acquire only.
func acquireNotedValue(kind string, a *clientv1.Acquire) frames.ClientMessage {
	m := acquireValue(a)
	switch {
	case m.ResumeFence != 0:
		m.ResumeFence = 0
		m.Refusal = frames.Refuse(frames.CodeInvalidField, "%s.acquire.resume_fence is %d, want 0: an Acquire resumes a hold", kind, a.GetResumeFence())
	case m.Limit != token.Exclusive:
		m.Refusal = frames.Refuse(frames.CodeInvalidField, "%s.acquire.limit is %d, want 0: the lock is held by nobody else", kind, a.GetLimit())
	}
	return m
}

func runRequestValue(r *clientv1.RunRequest) *runs.Request {
	return &runs.Request{Tick: token.Tick(r.GetTick()), Skip: r.GetAtMostOnce(), Plain: r.GetPlain(), Remember: r.GetRememberS()}
}

func endRunValue(e *clientv1.EndRun) frames.ClientMessage {
	m := frames.ClientMessage{
		Kind: frames.EndRun, ID: e.GetId(), Lock: e.GetLock(), Fence: token.Fence(e.GetFence()),
		Run: runRequestValue(e.GetRun()), End: &runs.End{ExitCode: e.GetExitCode(), Text: e.GetText()},
		Lasted: token.Time(e.GetRanNs()),
	}
	if m.Lasted < 0 {
		m.Refusal = frames.Refuse(frames.CodeInvalidField, "EndRun.ran_ns is %d, want 0 or more", e.GetRanNs())
		m.Lasted = 0
	}
	return m
}

// notedMessage makes a message of a client that has a Run or a Keep.
func notedMessage(m *frames.ClientMessage) *clientv1.ClientMessage {
	switch {
	case m.Kind == frames.EndRun:
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_EndRun{EndRun: &clientv1.EndRun{
			Id: m.ID, Lock: m.Lock, Fence: uint64(m.Fence), Run: runRequest(m.Run),
			ExitCode: m.End.ExitCode, Text: m.End.Text, RanNs: int64(m.Lasted),
		}}}
	case m.Run != nil:
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_AcquireRun{AcquireRun: &clientv1.AcquireRun{
			Acquire: acquireMessage(m), Run: runRequest(m.Run),
		}}}
	default:
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_AcquireKept{AcquireKept: &clientv1.AcquireKept{
			Acquire: acquireMessage(m), Owner: m.Keep.Owner, Adopt: m.Keep.Adopt,
		}}}
	}
}

func acquireMessage(m *frames.ClientMessage) *clientv1.Acquire {
	a := new(clientv1.Acquire)
	setAcquire(a, m)
	return a
}

func runRequest(r *runs.Request) *clientv1.RunRequest {
	return &clientv1.RunRequest{Tick: int64(r.Tick), AtMostOnce: r.Skip, Plain: r.Plain, RememberS: r.Remember}
}

func runEnded(m *frames.NodeMessage) *clientv1.NodeMessage {
	e := &clientv1.RunEnded{Id: m.ID, Fence: uint64(m.Fence), Outcome: clientv1.RunEnded_Outcome(m.RunOutcome)}
	if m.Refusal.Code != 0 {
		e.Error = &clientv1.Error{Code: clientv1.Code(m.Refusal.Code), Message: m.Refusal.Text}
	}
	return &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_RunEnded{RunEnded: e}}
}

func appendRunEnded(dst []frames.NodeMessage, e *clientv1.RunEnded) ([]frames.NodeMessage, error) {
	refusal, err := refusalValue("RunEnded", e.GetError())
	if err != nil {
		return dst, err
	}
	o := e.GetOutcome()
	if refusal.Code == 0 && (o < clientv1.RunEnded_OUTCOME_NOTED || o > clientv1.RunEnded_OUTCOME_LOST) {
		return dst, fmt.Errorf("got RunEnded.outcome %d, want %d to %d", o, clientv1.RunEnded_OUTCOME_NOTED, clientv1.RunEnded_OUTCOME_LOST)
	}
	if refusal.Code != 0 {
		o = clientv1.RunEnded_OUTCOME_UNSPECIFIED
	}
	return append(dst, frames.NodeMessage{
		Kind: frames.RunEnded, ID: e.GetId(), Fence: token.Fence(e.GetFence()), RunOutcome: frames.RunOutcome(o), Refusal: refusal,
	}), nil
}

// RunRecord is what is remembered of a run, on the wire.
func RunRecord(r *runs.Run) *clientv1.RunRecord {
	return &clientv1.RunRecord{
		Tick: int64(r.Tick), Fence: uint64(r.Fence), State: clientv1.RunRecord_State(r.State),
		Client: Holder(&r.Record), Member: r.Member, BeganS: r.Began, EndedS: r.Ended,
		ExitCode: r.ExitCode, Text: r.Text, RememberedUntilS: r.Until,
	}
}

// Holder is who has a run or a kept hold, on the wire.
func Holder(r *runs.Record) *clientv1.Client {
	return &clientv1.Client{Host: r.Host, Pid: r.PID, User: r.User, Command: r.Command, Identity: r.Identity}
}

// Run reads what is remembered of a run. A state that this version does not know is 0.
func Run(r *clientv1.RunRecord) runs.Run {
	state := token.RunState(0)
	if s := r.GetState(); s >= clientv1.RunRecord_STATE_BEGUN && s <= clientv1.RunRecord_STATE_DONE {
		state = token.RunState(s)
	}
	return runs.Run{
		RunMark: token.RunMark{Tick: token.Tick(r.GetTick()), Fence: token.Fence(r.GetFence()), State: state},
		Record: runs.Record{
			Host: r.GetClient().GetHost(), PID: r.GetClient().GetPid(), User: r.GetClient().GetUser(),
			Command: r.GetClient().GetCommand(), Identity: r.GetClient().GetIdentity(),
			Member: r.GetMember(), Began: r.GetBeganS(), Ended: r.GetEndedS(), ExitCode: r.GetExitCode(), Text: r.GetText(),
		},
		Until: r.GetRememberedUntilS(),
	}
}
