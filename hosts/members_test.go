package hosts_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"conch/hosts"
)

func TestAdvertise(t *testing.T) {
	for _, test := range []struct{ listen, advertise, want string }{
		{hosts.DefaultListen, "", "127.0.0.1:7400"},
		{"Node1:7400", "", "node1:7400"},
		{"[0::1]:7400", "", "[::1]:7400"},
		{hosts.DefaultListen, "Node1:7500", "node1:7500"},
		{":7400", "node1:7400", "node1:7400"},
		{"0.0.0.0:7400", "node1:7400", "node1:7400"},
		{"[::]:7400", "[::1]:7400", "[::1]:7400"},
		{"[fe80::1%eth0]:7400", "node1:7400", "node1:7400"},
	} {
		got, err := hosts.Advertise(listen(test.listen), advertise(test.advertise))
		if err != nil || got.Address != test.want {
			t.Errorf("Advertise(%q, %q) = %q, %v; want %q", test.listen, test.advertise, got, err, test.want)
		}
	}
}

func TestAdvertiseRefuses(t *testing.T) {
	for _, test := range []struct {
		listen, advertise string
		want              error
		says              []string
	}{
		{":7400", "", hosts.ErrWildcard, []string{"--listen: ", `":7400"`, "--advertise HOST:PORT"}},
		{"0.0.0.0:7400", "", hosts.ErrWildcard, []string{"--listen: ", "--advertise HOST:PORT"}},
		{"[::]:7400", "", hosts.ErrWildcard, []string{"--listen: ", "--advertise HOST:PORT"}},
		{"[::%eth0]:7400", "", hosts.ErrWildcard, []string{"--listen: ", "--advertise HOST:PORT"}},
		{"[fe80::1%eth0]:7400", "", hosts.ErrAddress, []string{"--listen: ", "zone"}},
		{"", "", hosts.ErrAddress, []string{"--listen: ", "empty"}},
		{"", "node1:7400", hosts.ErrAddress, []string{"--listen: ", "empty"}},
		{":0", "node1:7400", hosts.ErrAddress, []string{"--listen: ", "port 0"}},
		{"node1", "", hosts.ErrAddress, []string{"--listen: ", "missing port"}},
		{"[fe80::1%\x7f]:7400", "node1:7400", hosts.ErrAddress, []string{"--listen: ", `'\x7f'`}},
		{":7400", "node1", hosts.ErrAddress, []string{"--advertise: ", "missing port"}},
		{"node1:7400", ":7400", hosts.ErrWildcard, []string{"--advertise: ", "reach"}},
		{"node1:7400", "0.0.0.0:7400", hosts.ErrWildcard, []string{"--advertise: ", "reach"}},
	} {
		got, err := hosts.Advertise(listen(test.listen), advertise(test.advertise))
		if !errors.Is(err, test.want) {
			t.Errorf("Advertise(%q, %q) = %q, %v; want the error %q", test.listen, test.advertise, got, err, test.want)
			continue
		}
		checkSays(t, err, test.says...)
	}
}

func TestList(t *testing.T) {
	for _, test := range []struct {
		name    string
		self    string
		sources []hosts.Source
		want    hosts.Members
	}{
		{
			"no source", "a:1", nil,
			hosts.Members{Addresses: []string{"a:1"}, Self: 0},
		}, {
			"only itself", "a:1", []hosts.Source{peers("A:1"), file("a:1")},
			hosts.Members{Addresses: []string{"a:1"}, Self: 0},
		}, {
			"itself left out", "b:2", []hosts.Source{peers("c:3,a:1")},
			hosts.Members{Addresses: []string{"a:1", "b:2", "c:3"}, Self: 1},
		}, {
			"itself listed", "b:2", []hosts.Source{peers("c:3,B:2,a:1")},
			hosts.Members{Addresses: []string{"a:1", "b:2", "c:3"}, Self: 1},
		}, {
			"flag given twice", "c:3", []hosts.Source{peers("b:2", "a:1")},
			hosts.Members{Addresses: []string{"a:1", "b:2", "c:3"}, Self: 2},
		}, {
			"union of flag and file", "a:1", []hosts.Source{peers("b:2,c:3"), file("C:3", "d:4")},
			hosts.Members{Addresses: []string{"a:1", "b:2", "c:3", "d:4"}, Self: 0},
		}, {
			"bytes of the one form", "node2:7400",
			[]hosts.Source{file("node10:7400", "[::1]:7400", "Alpha:7400", "10.0.0.1:7400", "node2:740")},
			hosts.Members{
				Addresses: []string{"10.0.0.1:7400", "[::1]:7400", "alpha:7400", "node10:7400", "node2:740", "node2:7400"},
				Self:      5,
			},
		}, {
			"one host, several ports", "a:1", []hosts.Source{peers("a:2,a:3")},
			hosts.Members{Addresses: []string{"a:1", "a:2", "a:3"}, Self: 0},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := hosts.List(advertise(test.self), test.sources...)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("List = %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func TestListRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		self    string
		sources []hosts.Source
		want    error
		says    []string
	}{
		{"bad self", "a", nil, hosts.ErrAddress, []string{"--advertise: ", `"a"`}},
		{"wildcard self", ":1", nil, hosts.ErrWildcard, []string{"--advertise: ", `":1"`}},
		{"empty flag", "a:1", []hosts.Source{peers("")}, hosts.ErrAddress, []string{"--peers: ", `""`, "empty"}},
		{"comma at the end", "a:1", []hosts.Source{peers("b:2,")}, hosts.ErrAddress, []string{"--peers: ", "empty"}},
		{"space after a comma", "a:1", []hosts.Source{peers("b:2, c:3")}, hosts.ErrAddress, []string{"--peers: ", `" c:3"`, "space"}},
		{"wildcard member", "a:1", []hosts.Source{peers("b:2,0.0.0.0:3")}, hosts.ErrWildcard, []string{"--peers: ", `"0.0.0.0:3"`}},
		{"bad port in the file", "a:1", []hosts.Source{peers("b:2"), file("c:3", "d:0")}, hosts.ErrAddress, []string{"f:2: ", `"d:0"`, "port 0"}},
		{"commas in the file", "a:1", []hosts.Source{file("b:2,c:3")}, hosts.ErrAddress, []string{"f:1: ", `"b:2,c:3"`}},
		{
			"twice in one flag", "a:1",
			[]hosts.Source{peers("Node:2,node:2")},
			hosts.ErrDuplicate,
			[]string{"--peers: ", `"node:2"`, `already stands at --peers, as "Node:2"`},
		}, {
			"twice in two values", "a:1",
			[]hosts.Source{peers("b:2", "b:2")},
			hosts.ErrDuplicate,
			[]string{"--peers: ", `"b:2"`},
		}, {
			"twice in the file", "a:1",
			[]hosts.Source{file("[::1]:2", "c:3", "[0::1]:2")},
			hosts.ErrDuplicate,
			[]string{"f:3: ", `"[0::1]:2"`, `already stands at f:1, as "[::1]:2"`},
		}, {
			"self twice in one source", "a:1",
			[]hosts.Source{peers("a:1,A:1")},
			hosts.ErrDuplicate,
			[]string{"--peers: ", `"A:1"`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := hosts.List(advertise(test.self), test.sources...)
			if !errors.Is(err, test.want) || !reflect.DeepEqual(got, hosts.Members{}) {
				t.Fatalf("List = %v, %v; want the error %q", got, err, test.want)
			}
			checkSays(t, err, test.says...)
			checkOneLine(t, err)
		})
	}
}

func TestListRefusesMoreThanMaxMembers(t *testing.T) {
	var lines []string
	for i := range hosts.MaxMembers {
		lines = append(lines, fmt.Sprintf("node%d:7400", i))
	}
	members, err := hosts.List(advertise("node7:7400"), file(lines...))
	if err != nil || len(members.Addresses) != hosts.MaxMembers {
		t.Errorf("List has %d members, %v; want %d", len(members.Addresses), err, hosts.MaxMembers)
	}
	_, err = hosts.List(advertise("other:7400"), file(lines...))
	if !errors.Is(err, hosts.ErrTooMany) {
		t.Fatalf("List of %d members: %v; want ErrTooMany", hosts.MaxMembers+1, err)
	}
	checkSays(t, err, "f:1024: ", "1025", "at most 1024")
}

// Every node comes to the same list, whichever of the members it is and
// however its sources order, divide and spell them.
func TestListIsTheSameOnEveryNode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfNDistinct(canonicalAddresses(), 1, 9, rapid.ID[string]).Draw(t, "addresses")
		slices.Sort(want)
		for self, address := range want {
			spell := func(text string) string {
				if rapid.Bool().Draw(t, "upper") {
					return strings.ToUpper(text)
				}
				return text
			}
			var flag, lines []string
			for _, other := range rapid.Permutation(want).Draw(t, "order") {
				switch rapid.IntRange(0, 2).Draw(t, "where") {
				case 0:
					flag = append(flag, spell(other))
				case 1:
					lines = append(lines, spell(other))
				default:
					flag = append(flag, spell(other))
					lines = append(lines, spell(other))
				}
			}
			got, err := hosts.List(advertise(spell(address)), peers(flag...), file(lines...))
			if err != nil || !slices.Equal(got.Addresses, want) || got.Self != self {
				t.Fatalf("List at %s = %v, %v; want %q with self %d", address, got, err, want, self)
			}
		}
	})
}

func listen(address string) hosts.Entry {
	return hosts.Entry{Address: address, Where: "--listen"}
}

func advertise(address string) hosts.Entry {
	return hosts.Entry{Address: address, Where: "--advertise"}
}

func peers(values ...string) hosts.Source {
	return hosts.Flag("--peers", values...)
}

// file is the source that a file f with these addresses, one a line, makes.
func file(lines ...string) hosts.Source {
	var source hosts.Source
	for i, line := range lines {
		source = append(source, hosts.Entry{Address: line, Where: fmt.Sprintf("f:%d", i+1)})
	}
	return source
}

// checkSays checks that an error begins with the first of says and has the
// others in it.
func checkSays(t *testing.T, err error, says ...string) {
	t.Helper()
	if !strings.HasPrefix(err.Error(), says[0]) {
		t.Errorf("error %q: want it to begin with %q", err, says[0])
	}
	for _, text := range says[1:] {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q: want it to say %q", err, text)
		}
	}
}
