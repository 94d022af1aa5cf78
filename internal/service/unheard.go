package service

import (
	"cmp"
	"fmt"
	"slices"

	clientv1 "conch/proto/conch/client/v1"
)

// unheard tells why members at which somebody waits do not get a token that lies idle:
// the member that has it has not heard of their requests, or takes them for ones that were
// granted. Both may be so for a moment, while messages are on their way.
func unheard(members []string, whole *clientv1.LockStatus) []*clientv1.Obstacle {
	t := whole.GetToken()
	if t == nil || whole.GetHolder() != nil {
		return nil
	}
	var found []*clientv1.Obstacle
	for _, v := range whole.GetViews() {
		i := slices.Index(members, v.GetMember())
		if v.GetWaiting() == 0 || v.GetMember() == t.GetMember() || i < 0 ||
			i >= len(v.GetRequestNumbers()) || i >= len(t.GetLastGranted()) {
			continue
		}
		own, granted := v.GetRequestNumbers()[i], t.GetLastGranted()[i]
		text := fmt.Sprintf("%s has the token, and has not heard of %s's request yet", t.GetMember(), v.GetMember())
		if v.GetRequesting() && compareNumbers(own, granted) <= 0 {
			text = fmt.Sprintf("%s asks with number %d.%d, and the token, at %s, says that its requests up to %d.%d were granted; "+
				"if this lasts, another process of %s had these numbers: start it again",
				v.GetMember(), own.GetSession(), own.GetCount(), t.GetMember(), granted.GetSession(), granted.GetCount(), v.GetMember())
		}
		found = append(found, &clientv1.Obstacle{Member: v.GetMember(), Text: text})
	}
	return found
}

func compareNumbers(a, b *clientv1.RequestNumber) int {
	return cmp.Or(cmp.Compare(a.GetSession(), b.GetSession()), cmp.Compare(a.GetCount(), b.GetCount()))
}
