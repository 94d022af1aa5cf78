package rules

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxFileBytes is the size of the largest file of rules that is read.
const MaxFileBytes = 1 << 20

// maxNameBytes bounds the names of locks and of callers.
const maxNameBytes = 255

// ErrFile is wrapped by the error for a file that holds no rules.
var ErrFile = errors.New("bad file of rules")

const wantRule = "want WHO ACTION,... LOCKS, as in: alice lock deploy/*"

// Load reads a file of rules. To load a changed file, call it again.
//
// The errors wrap those of package os, or [ErrFile] for a file that others than its owner
// and group may write, that is larger than [MaxFileBytes], or that has a line which is no
// rule; they then begin with FILE:LINE.
func Load(path string) (*Rules, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o002 != 0 {
		return nil, fmt.Errorf("%s: %w: every user of this machine may write to it (mode %#o); run: chmod o-w %s",
			path, ErrFile, mode.Perm(), path)
	}
	data, err := io.ReadAll(io.LimitReader(file, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	if len(data) > MaxFileBytes {
		return nil, fmt.Errorf("%s: %w: it has more than %d bytes; %s", path, ErrFile, MaxFileBytes, wantRule)
	}
	return Parse(path, string(data))
}

// Parse reads the text of a file of rules; errors call it by name. They wrap [ErrFile].
func Parse(name, text string) (*Rules, error) {
	const byteOrderMark = "\ufeff"
	r := &Rules{name: name}
	number := 0
	for line := range strings.SplitSeq(strings.TrimPrefix(text, byteOrderMark), "\n") {
		number++
		words, err := split(strings.TrimSuffix(line, "\r"))
		if err == nil && len(words) > 0 {
			var g grant
			g, err = parseGrant(words)
			r.grants = append(r.grants, g)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w: %w", name, number, ErrFile, err)
		}
	}
	return r, nil
}

// word is a word of a line.
type word struct {
	text   string // without quotes
	quoted bool
	star   bool // a * stood after it, or was all of it
}

// split splits a line into words. An empty line or a comment has none.
func split(line string) ([]word, error) {
	if !utf8.ValidString(line) {
		return nil, fmt.Errorf("got %s, which is not UTF-8; want plain text", quote(line))
	}
	if at := strings.IndexFunc(line, isControl); at >= 0 {
		return nil, fmt.Errorf("got the control character %q; want plain text, one rule a line", line[at])
	}
	var words []word
	for rest := strings.TrimLeft(line, " \t"); rest != "" && rest[0] != '#'; rest = strings.TrimLeft(rest, " \t") {
		w, length, err := cutWord(rest)
		if err != nil {
			return nil, err
		}
		words = append(words, w)
		rest = rest[length:]
	}
	return words, nil
}

// cutWord reads the first word of a text, and returns how many bytes it took.
func cutWord(text string) (word, int, error) {
	if text[0] != '"' {
		end := strings.IndexAny(text, " \t#\"")
		switch {
		case end < 0:
			end = len(text)
		case text[end] == '"':
			return word{}, 0, fmt.Errorf("got a quote in the middle of %s; want it at the beginning of a word", quote(text))
		case text[end] == '#':
			return word{}, 0, fmt.Errorf("got %s; want a blank before the # of a comment, or the word in quotes", quote(text))
		}
		plain, star := strings.CutSuffix(text[:end], "*")
		return word{text: plain, star: star}, end, nil
	}
	quoted, err := strconv.QuotedPrefix(text)
	if err != nil {
		return word{}, 0, fmt.Errorf("got %s; want a closing quote, and between quotes what Go takes for a string", quote(text))
	}
	w := word{quoted: true}
	w.text, err = strconv.Unquote(quoted)
	if err != nil || !utf8.ValidString(w.text) {
		return word{}, 0, fmt.Errorf("got %s; want a text in UTF-8 between quotes", quote(quoted))
	}
	end := len(quoted)
	if strings.HasPrefix(text[end:], "*") {
		w.star = true
		end++
	}
	if end < len(text) && text[end] != ' ' && text[end] != '\t' {
		return word{}, 0, fmt.Errorf("got %s behind a closing quote; want a blank", quote(text[end:]))
	}
	return w, end, nil
}

func isControl(r rune) bool { return r != '\t' && (r < ' ' || r == 0x7f) }

// parseGrant reads a line that is not empty.
func parseGrant(words []word) (grant, error) {
	if len(words) != 3 {
		return grant{}, fmt.Errorf("got %d words; %s", len(words), wantRule)
	}
	who, err := parseWho(words[0])
	if err != nil {
		return grant{}, err
	}
	may, err := parseActions(words[1])
	if err != nil {
		return grant{}, err
	}
	locks, err := parsePattern(words[2])
	for _, action := range []Action{Operate, Members} {
		if err == nil && may[action] && (locks.text != "" || !locks.prefix) {
			err = fmt.Errorf("got %v for the locks %s; want it for *, since it is about the node and all its locks; write the other actions on a line of their own", action, quote(words[2].text))
		}
	}
	return grant{who: who, may: may, locks: locks}, err
}

func parseWho(w word) (who, error) {
	const want = "want a client's name, * for all of them, @local, @local:USER, @page or @anonymous"
	switch {
	case w.star && w.text == "" && !w.quoted:
		return who{kind: Client, anybody: true}, nil
	case w.star:
		return who{}, fmt.Errorf("got %s with a * behind it; %s: names of callers cannot be shortened", quote(w.text), want)
	case len(w.text) > maxNameBytes || w.text == "":
		return who{}, fmt.Errorf("got a name of %d bytes; want 1 to %d", len(w.text), maxNameBytes)
	case w.quoted || w.text[0] != '@':
		if !w.quoted && strings.ContainsAny(w.text, "*,") {
			return who{}, fmt.Errorf("got %s; %s, one on each line, or a name in quotes", quote(w.text), want)
		}
		return who{kind: Client, name: w.text}, nil
	}
	switch kind, user, one := strings.Cut(w.text[1:], ":"); {
	case kind == "local" && !one:
		return who{kind: Local, anybody: true}, nil
	case kind == "local" && user != "":
		return parseUser(user)
	case kind == "anonymous" && !one:
		return who{kind: Anonymous, anybody: true}, nil
	case kind == "page" && !one:
		return who{kind: Page, anybody: true}, nil
	case kind == "member" || kind == "members":
		return who{}, fmt.Errorf("got %s; members may always do everything: leave the line out", quote(w.text))
	}
	return who{}, fmt.Errorf("got %s; %s", quote(w.text), want)
}

// parseUser reads a user's name or number.
func parseUser(user string) (who, error) {
	if strings.Trim(user, "0123456789") != "" {
		return who{kind: Local, name: user}, nil
	}
	uid, err := strconv.ParseUint(user, 10, 32)
	if err != nil {
		return who{}, fmt.Errorf("got the user number %s; want 0 to %d", quote(user), uint32(1<<32-1))
	}
	return who{kind: Local, uid: uint32(uid)}, nil
}

func parseActions(w word) ([actions]bool, error) {
	const want = "want look, lock, share, break, operate or members, several of them joined by commas without blanks"
	var may [actions]bool
	if w.quoted || w.star {
		return may, fmt.Errorf("got the actions %s in quotes or with a *; %s", quote(w.text), want)
	}
	for text := range strings.SplitSeq(w.text, ",") {
		switch text {
		case "look":
		case "lock":
			may[Lock] = true
		case "share":
			may[Share] = true
		case "break":
			may[Break] = true
		case "operate":
			may[Operate] = true
		case "members":
			may[Members] = true
		default:
			return may, fmt.Errorf("got the action %s; %s", quote(text), want)
		}
		may[Look] = true // any other action implies look
	}
	return may, nil
}

func parsePattern(w word) (pattern, error) {
	switch {
	case !w.quoted && strings.Contains(w.text, "*"):
		return pattern{}, fmt.Errorf("got the locks %s; want a * at the end only, or the name in quotes", quote(w.text))
	case w.text == "" && !w.star:
		return pattern{}, errors.New("got the lock \"\", which cannot be; want a lock's name, or * for all")
	case len(w.text) > maxNameBytes:
		return pattern{}, fmt.Errorf("got a lock's name of %d bytes; want at most %d", len(w.text), maxNameBytes)
	}
	return pattern{text: w.text, prefix: w.star}, nil
}
