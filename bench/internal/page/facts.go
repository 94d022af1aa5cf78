package page

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"conch/bench/internal/servers"
)

// Fact is something about the machine, or a version.
type Fact struct{ What, Which string }

// peerModules are the libraries of the peers.
var peerModules = []string{
	"go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/client/v3",
	"github.com/go-redsync/redsync/v4", "github.com/redis/go-redis/v9", "github.com/go-zookeeper/zk", "github.com/gofrs/flock",
}

// Machine looks at the machine, and at what conch is built of. What cannot be found out is
// left out.
func Machine(ctx context.Context) []Fact {
	facts := []Fact{
		{"processor", fmt.Sprintf("%s, %d cores", field("/proc/cpuinfo", "model name"), runtime.NumCPU())},
		{"memory", field("/proc/meminfo", "MemTotal")},
		{"kernel", kernel()},
		{"Go", fmt.Sprintf("%s, %s/%s", strings.TrimPrefix(runtime.Version(), "go"), runtime.GOOS, runtime.GOARCH)},
		{"conch", output(ctx, "git", "describe", "--always", "--dirty")},
	}
	return known(append(facts, versions("google.golang.org/grpc")...))
}

// Peers looks for what conch is set beside.
func Peers(ctx context.Context) []Fact {
	facts := []Fact{
		{servers.RedisProgram, redis(ctx)},
		{"ZooKeeper", jar()},
		{servers.JavaProgram, output(ctx, servers.JavaProgram, "-version")},
	}
	return known(append(facts, versions(peerModules...)...))
}

// known leaves out what could not be found out.
func known(facts []Fact) []Fact {
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Which == "" })
}

// versions are those of libraries that this program is built with.
func versions(modules ...string) []Fact {
	var facts []Fact
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if slices.Contains(modules, module.Path) {
				facts = append(facts, Fact{module.Path, module.Version})
			}
		}
	}
	return facts
}

// field is a value in one of the kernel's files of the form "name : value".
func field(path, name string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		before, after, _ := strings.Cut(line, ":")
		if strings.TrimSpace(before) == name {
			return strings.TrimSpace(after)
		}
	}
	return ""
}

func kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
}

// jar is the version of ZooKeeper, which stands in the name of a file beside its
// archive.
func jar() string {
	dir := filepath.Dir(servers.ZooKeeperJar)
	found, err := filepath.Glob(filepath.Join(dir, "zookeeper-[0-9]*.jar"))
	if err != nil || len(found) == 0 {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(found[0]), "zookeeper-"), ".jar")
}

// redis is the version of Redis's server, which stands among other things.
func redis(ctx context.Context) string {
	for word := range strings.FieldsSeq(output(ctx, servers.RedisProgram, "--version")) {
		if version, ok := strings.CutPrefix(word, "v="); ok {
			return version
		}
	}
	return ""
}

// output is the first line that a program writes.
func output(ctx context.Context, program string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	text, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return strings.TrimSpace(string(line))
}
