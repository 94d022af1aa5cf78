package render

import clientv1 "conch/proto/conch/client/v1"

// The keys of what is said of the members and their changes.

// listedMember is a member of the cluster.
type listedMember struct {
	ID        uint32   `json:"id"`
	Address   string   `json:"address"`
	Disk      string   `json:"disk"`
	Standing  string   `json:"standing"`
	Heard     bool     `json:"heard"`
	Joined    *bool    `json:"joined"`
	Session   *string  `json:"session"`
	UpSeconds *float64 `json:"up_seconds"`
	Trouble   *string  `json:"trouble"`
}

// membership is who the members are.
type membership struct {
	AnsweredBy   string         `json:"answered_by"`
	Version      string         `json:"list_version"`
	Cluster      *string        `json:"cluster"`
	Changes      bool           `json:"changing"`
	SinceSeconds float64        `json:"since_seconds"`
	Fixed        *string        `json:"fixed"`
	Listed       []listedMember `json:"listed"`
}

// changePlan is what a change of the members means.
type changePlan struct {
	Before       []string `json:"before"`
	After        []string `json:"after"`
	QuorumBefore uint32   `json:"quorum_before"`
	QuorumAfter  uint32   `json:"quorum_after"`
	HeardBefore  uint32   `json:"heard_before"`
	HeardAfter   uint32   `json:"heard_after"`
	Warnings     []string `json:"warnings"`
}

// changeStep is how far a change is.
type changeStep struct {
	Stage   string   `json:"stage"`
	Awaited []string `json:"awaited"`
	Members []string `json:"members"`
}

// textOrNull is null for an empty text.
func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func toMembers(m *clientv1.ShowMembersResponse) membership {
	changes := m.GetVersion()%2 == 1
	return membership{
		AnsweredBy: m.GetAnsweredBy(), Version: decimal(m.GetVersion()), Cluster: textOrNull(m.GetCluster()), Changes: changes,
		SinceSeconds: seconds(m.GetSinceNs()), Fixed: textOrNull(m.GetFixed()),
		Listed: each(m.GetMembers(), func(l *clientv1.ListedMember) listedMember {
			to := listedMember{
				ID: l.GetId(), Address: l.GetAddress(), Disk: l.GetDisk(), Standing: constant(l.GetStanding().String(), "STANDING_"),
				Heard: l.GetHeard(), Trouble: textOrNull(l.GetTrouble()),
			}
			if changes {
				to.Joined = &l.Joined
			}
			if l.GetSession() != 0 {
				to.Session = textOrNull(decimal(l.GetSession()))
			}
			if l.GetUpNs() != 0 {
				up := seconds(l.GetUpNs())
				to.UpSeconds = &up
			}
			return to
		}),
	}
}

func toPlan(p *clientv1.ChangePlan) changePlan {
	return changePlan{
		Before: each(p.GetBefore(), same), After: each(p.GetAfter(), same),
		QuorumBefore: p.GetQuorumBefore(), QuorumAfter: p.GetQuorumAfter(),
		HeardBefore: p.GetHeardBefore(), HeardAfter: p.GetHeardAfter(), Warnings: each(p.GetWarnings(), same),
	}
}
