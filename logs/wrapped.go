package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

// Machines that collect logs put something around each line. The lines of a node are in
// there whole, so they are taken out: behind a prefix, they begin at the first brace; in
// the JSON of a collector they are a text.

// collectors say what a file is by how its lines begin, where they are not those of a node.
var collectors = []struct {
	form *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`^(\x1b\[[0-9;]*m)*[\w.-]+ +\| `), "docker compose logs"},
	{criForm, "the files of a Kubernetes node (CRI)"},
	{regexp.MustCompile(`^\[pod/[^\]]+\] `), "kubectl logs --prefix"},
	{regexp.MustCompile(`^(\w{3} [ \d]\d \d\d:\d\d:\d\d(\.\d+)?|\d{4}-\d\d-\d\dT\S+) \S+ [^ \[:]+(\[\d+\])?: `), "journalctl, or a file of syslog"},
	{regexp.MustCompile(`^\d{4}-\d\d-\d\dT\S+ `), "docker logs --timestamps"},
}

// criForm is a line as the container runtimes of Kubernetes write it: when, by which
// stream, whether it is the full line or a part of one, and the text.
var criForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\S+ (stdout|stderr) ([FP])(?::\S*)? `)

// collector names what has put a prefix before a line.
func collector(raw []byte) string {
	for _, c := range collectors {
		if c.form.Match(raw) {
			return c.name
		}
	}
	return "something that is not known here"
}

// cut is a line that a collector has cut into parts, by stream: the parts so far.
type cut map[string][]byte

// add adds a part. It returns the line if that was its last.
func (c cut) add(stream string, part []byte, last bool) (whole []byte, complete bool) {
	if room := MaxLine + 1 - len(c[stream]); room > 0 {
		c[stream] = append(c[stream], part[:min(len(part), room)]...)
	}
	if !last {
		return nil, false
	}
	whole = c[stream]
	delete(c, stream)
	return whole, true
}

// unwrap takes a line out of what a collector has put around it. It reports false if
// nothing is around it. The line is nil if it goes on in a line to come.
func (r *reader) unwrap(raw []byte) (line []byte, wrapped bool) {
	if text := bytes.TrimLeft(raw, " \t"); len(text) > 0 && text[0] == '{' {
		return r.unwrapJSON(text)
	}
	if parts := criForm.FindSubmatch(raw); parts != nil {
		r.sawCollector("the files of a Kubernetes node (CRI)")
		whole, complete := r.parts.add(string(parts[1]), raw[len(parts[0]):], parts[2][0] == 'F')
		if !complete {
			return nil, true
		}
		return notEmpty(whole), true
	}
	at := bytes.IndexByte(raw, '{')
	if at < 0 {
		return nil, false
	}
	text := bytes.TrimSuffix(bytes.TrimRight(raw[at:], " \t"), []byte("\x1b[0m"))
	if _, err := parseEvent(text); errors.Is(err, errNotJSON) {
		return nil, false
	}
	r.sawCollector(collector(raw))
	return text, true
}

// unwrapJSON takes a line out of the JSON of docker's json-file driver, or of
// journalctl -o json.
func (r *reader) unwrapJSON(raw []byte) (line []byte, wrapped bool) {
	if !bytes.Contains(raw, []byte(`"log"`)) && !bytes.Contains(raw, []byte(`"MESSAGE"`)) {
		return nil, false
	}
	var around struct {
		Event   string  `json:"event"`
		Log     *string `json:"log"`
		Stream  string  `json:"stream"`
		Message *string `json:"MESSAGE"`
	}
	switch err := json.Unmarshal(raw, &around); {
	case err != nil || around.Event != "":
		return nil, false
	case around.Log != nil:
		r.sawCollector("docker's json-file driver")
		text, last := strings.CutSuffix(*around.Log, "\n")
		whole, complete := r.parts.add(around.Stream, []byte(text), last)
		if !complete {
			return nil, true
		}
		return notEmpty(whole), true
	case around.Message != nil:
		r.sawCollector("journalctl -o json")
		return []byte(*around.Message), true
	}
	return nil, false
}

// notEmpty makes an empty line of nil, which stands for none.
func notEmpty(line []byte) []byte {
	if line == nil {
		return []byte{}
	}
	return line
}

// sawCollector says once for each file what is around its lines.
func (r *reader) sawCollector(name string) {
	if r.collectors[name] {
		return
	}
	r.collectors[name] = true
	r.report(Note, nil, "is a line with something around it, as in "+name+"; that is left out, here and below")
}

// bystanders are lines that stand among a node's in what a collector gives, and are of
// something else: sentences of the program on standard error, and of what runs it.
var bystanders = regexp.MustCompile(`^(.*[:|] |.* std(out|err) F )?(conch: |Usage:)` +
	`|^\S+ +\d+ [\d:]+ \S+ systemd\[\d+\]: |^\d{4}-\d\d-\d\dT\S+ \S+ systemd\[\d+\]: ` +
	`|^-- .* --$|^Attaching to |^(\x1b\[[0-9;]*m)*\S+ exited with code \d+`)
