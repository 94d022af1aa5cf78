package socket

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// recordSuffix ends the name of a record, the file beside a socket that says whose it is.
const recordSuffix = ".json"

// recordMode lets everybody who may enter the directory read a record.
const recordMode = 0o644

// maxRecordBytes is far above the size of a record with a thousand members.
const maxRecordBytes = 1 << 20

// record is what a node says of its socket, in each directory that commands search.
type record struct {
	// Socket is the socket's path.
	Socket string `json:"socket"`
	// Members are the addresses of the cluster's members, in the order that all share.
	Members []string `json:"members"`
	// Cluster is the cluster's id, which stays when the members change; empty if it has none.
	Cluster string `json:"cluster,omitempty"`
}

// same reports whether two records say the same.
func (r record) same(other record) bool {
	return r.Socket == other.Socket && r.Cluster == other.Cluster && slices.Equal(r.Members, other.Members)
}

// read reads a record.
func read(path string) (record, error) {
	file, err := os.Open(path)
	if err != nil {
		return record{}, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxRecordBytes))
	if err != nil {
		return record{}, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, fmt.Errorf("%s: %w", path, err)
	}
	if !filepath.IsAbs(r.Socket) {
		return record{}, fmt.Errorf("%s: got the socket %q, want an absolute path", path, r.Socket)
	}
	return r, nil
}

// recordBeside returns where the record beside a socket belongs.
func recordBeside(socket string) string {
	return strings.TrimSuffix(socket, nameSuffix) + recordSuffix
}

// recordPaths returns where the record of a socket belongs: beside it, and in the
// directory that is the same for all environments. The error names those that cannot be used.
func recordPaths(socket string) (paths []string, err error) {
	name := filepath.Base(recordBeside(socket))
	for _, d := range []directory{{path: filepath.Dir(socket)}, sharedDirectory()} {
		path := filepath.Join(d.path, name)
		if len(paths) > 0 && paths[0] == path {
			continue
		}
		if unfit := d.prepare(); unfit != nil {
			err = errors.Join(err, unfit)
			continue
		}
		paths = append(paths, path)
	}
	return paths, err
}

// Announce writes down that a node of the cluster with this id and these members serves a
// socket that [Path] has named, so that [Find] finds it in every environment of this user
// and knows its cluster. The id is empty if the cluster has none. It may be called again,
// and then writes only what is not there: a cleaner may have removed it.
func Announce(socket, cluster string, members []string) error {
	want := record{Socket: socket, Members: members, Cluster: cluster}
	data, err := json.Marshal(want)
	if err != nil {
		return err
	}
	paths, err := recordPaths(socket)
	for _, path := range paths {
		switch got, readErr := read(path); {
		case readErr == nil && got.same(want):
			continue
		case readErr == nil && got.Socket != socket && dial(got.Socket) == nil:
			err = errors.Join(err, fmt.Errorf("%s is that of another node, with the socket %s", path, got.Socket))
			continue
		}
		err = errors.Join(err, renameio.WriteFile(path, data, recordMode))
	}
	return err
}

// Withdraw removes what [Announce] wrote, for a node that stops in order. What a dead node
// leaves shows that there was one.
func Withdraw(socket string) {
	paths, _ := recordPaths(socket)
	for _, path := range paths {
		if got, err := read(path); err == nil && got.Socket == socket {
			_ = os.Remove(path)
		}
	}
}
