package modulepath

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	clientv1 "conch/proto/conch/client/v1"
	peerv1 "conch/proto/conch/peer/v1"
)

// old is the path in what these tests rewrite, put together so that make module, which
// rewrites this file as well, leaves it.
const old = "co" + "nch"

func TestPathIsChangedWhereItIsTheModules(t *testing.T) {
	r := New(old, "example.org/you/lock")
	for before, after := range map[string]string{
		"module " + old + "\n":                       "module example.org/you/lock\n",
		"module " + old + "/tools/buf":               "module example.org/you/lock/tools/buf",
		"\t" + old + " v0.0.0-2":                     "\texample.org/you/lock v0.0.0-2",
		"replace " + old + " => ../":                 "replace example.org/you/lock => ../",
		"go mod edit -require " + old + "@v0.0.0":    "go mod edit -require example.org/you/lock@v0.0.0",
		"go mod edit -replace " + old + "=../conch":  "go mod edit -replace example.org/you/lock=../conch",
		"import (\n\t\"" + old + "\"\n)":             "import (\n\t\"example.org/you/lock\"\n)",
		"import c \"" + old + "/token\"":             "import c \"example.org/you/lock/token\"",
		"// see " + old + "/internal/node":           "// see example.org/you/lock/internal/node",
		"go build " + old + "/cmd/conch":             "go build example.org/you/lock/cmd/conch",
		"/usr/bin/" + old + " /etc/" + old + "/logs": "/usr/bin/" + old + " /etc/" + old + "/logs",
		old + "/saturated, " + old + "/tokens":       old + "/saturated, " + old + "/tokens",
		"service: \"" + old + "\", " + old + " node": "service: \"" + old + "\", " + old + " node",
		"package " + old + ".client.v1;":             "package " + old + ".client.v1;",
		"proto/" + old + "/peer/v1/peer.proto":       "proto/" + old + "/peer/v1/peer.proto",
	} {
		got, err := r.Text("x", []byte(before))
		if err != nil || string(got) != after {
			t.Errorf("%q becomes %q (%v); want %q", before, got, err, after)
		}
	}
}

// What protoc generates has lengths before the path: short ones, and of two bytes.
func TestDescriptorsHaveThePathThatTheyAreGiven(t *testing.T) {
	for _, file := range []protoreflect.FileDescriptor{clientv1.File_conch_client_v1_client_proto, peerv1.File_conch_peer_v1_peer_proto} {
		want := protodesc.ToFileDescriptorProto(file)
		from := want.GetOptions().GetGoPackage()
		encoded, err := proto.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		module := from[:len(from)-len("/proto/conch/peer/v1;peerv1")]
		if file == clientv1.File_conch_client_v1_client_proto {
			module = from[:len(from)-len("/proto/conch/client/v1;clientv1")]
		}
		for _, to := range []string{"example.org/you/conch", "example.org/" + strings.Repeat("x", 130), "e.org/c"} {
			changed, err := New(module, to).descriptor(encoded)
			if err != nil {
				t.Fatal(err)
			}
			got := new(descriptorpb.FileDescriptorProto)
			if err := proto.Unmarshal(changed, got); err != nil {
				t.Fatal(err)
			}
			want.Options.GoPackage = proto.String(to + from[len(module):])
			if !proto.Equal(got, want) {
				t.Errorf("%s: the options are %v; want %v", to, got.GetOptions(), want.GetOptions())
			}
		}
	}
}

func TestCheckRefusesPathsThatGoGetDoes(t *testing.T) {
	for _, module := range []string{"", "conch", "you/conch", "example.org", "https://example.org/conch", "example.org/you conch", "example.org/you/"} {
		if err := Check(module); !errors.Is(err, ErrPath) {
			t.Errorf("Check(%q) = %v; want ErrPath", module, err)
		}
	}
	if err := Check("example.org/you/conch"); err != nil {
		t.Error(err)
	}
}
