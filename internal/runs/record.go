package runs

import (
	"bytes"
	"encoding/json"
	"strings"

	"conch/token"
)

// Record describes a run or a kept hold to people and programs.
type Record struct {
	// Host, PID, User and Command are what the holder says of itself, and Identity who its
	// node knows it to be.
	Host     string `json:"host,omitempty"`
	PID      int64  `json:"pid,omitempty"`
	User     string `json:"user,omitempty"`
	Command  string `json:"command,omitempty"`
	Identity string `json:"identity,omitempty"`
	// Member is the address of the holder's node.
	Member string `json:"member,omitempty"`
	// Began and Ended are in Unix seconds, by the clock of the holder's node; 0 is not known,
	// or not yet.
	Began int64 `json:"began,omitempty"`
	Ended int64 `json:"ended,omitempty"`
	// ExitCode and Text say how it ended.
	ExitCode int32  `json:"exit,omitempty"`
	Text     string `json:"text,omitempty"`
}

// About returns the record as JSON of at most [token.MaxAboutBytes]. Texts for which there is
// no room are shortened, the longest first.
func (r Record) About() string {
	texts := []*string{&r.Host, &r.User, &r.Command, &r.Identity, &r.Member, &r.Text}
	for _, text := range texts {
		*text = strings.ToValidUTF8(*text, "\ufffd")
		if len(*text) > token.MaxAboutBytes {
			*text = shorten(*text, token.MaxAboutBytes)
		}
	}
	for {
		about := r.encode()
		if len(about) <= token.MaxAboutBytes {
			return about
		}
		longest := texts[0]
		for _, text := range texts {
			if len(*text) > len(*longest) {
				longest = text
			}
		}
		*longest = shorten(*longest, len(*longest)*7/8)
	}
}

func (r Record) encode() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		panic("runs: " + err.Error()) // there is nothing in a Record that JSON has not
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// mark stands for what was cut off.
const mark = "…"

// shorten returns the beginning of a text, at most most bytes long with the mark at its end.
func shorten(text string, most int) string {
	text = strings.TrimSuffix(text, mark)
	if most < len(mark) {
		return ""
	}
	return strings.ToValidUTF8(text[:min(len(text), most-len(mark))], "") + mark
}

// Parse reads what [Record.About] has written. Of anything else, it returns what it can read.
func Parse(about string) Record {
	var r Record
	_ = json.Unmarshal([]byte(about), &r) // the text is only for people
	return r
}
