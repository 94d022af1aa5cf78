package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// EtcdRole is the first argument of this program when it is to be an etcd server;
// the second is its configuration.
const EtcdRole = "etcd"

// etcdMember is the configuration of one etcd server.
type etcdMember struct {
	Name, Dir, Client, Peer string
	Cluster                 string // NAME=URL of every member, comma-separated
}

// StartEtcd starts an etcd cluster of three with its defaults: heartbeats every
// 100 ms, elections after 1 s.
func StartEtcd(ctx context.Context, dir string) (*Fleet, error) {
	const n = 3
	addresses, err := FreeAddresses(2 * n)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("servers: etcd: %w", err)
	}
	members := make([]etcdMember, n)
	var cluster []string
	for i := range members {
		name := fmt.Sprintf("etcd%d", i+1)
		members[i] = etcdMember{Name: name, Dir: filepath.Join(dir, name), Client: "http://" + addresses[i], Peer: "http://" + addresses[n+i]}
		cluster = append(cluster, name+"="+members[i].Peer)
	}
	fleet := &Fleet{Endpoints: addresses[:n], leader: etcdLeader}
	for _, member := range members {
		member.Cluster = strings.Join(cluster, ",")
		config, err := json.Marshal(member)
		if err != nil {
			return nil, errors.Join(err, fleet.Close())
		}
		if err := fleet.start(member.Name, program, EtcdRole, string(config)); err != nil {
			return nil, err
		}
	}
	return fleet, fleet.await(ctx)
}

// RunEtcd is one etcd server, until ctx ends.
func RunEtcd(ctx context.Context, config string) error {
	var member etcdMember
	if err := json.Unmarshal([]byte(config), &member); err != nil {
		return fmt.Errorf("servers: etcd: %w", err)
	}
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = member.Name, member.Dir, member.Cluster
	cfg.LogLevel = "error"
	for _, address := range []struct {
		url string
		to  []*[]url.URL
	}{
		{member.Client, []*[]url.URL{&cfg.ListenClientUrls, &cfg.AdvertiseClientUrls}},
		{member.Peer, []*[]url.URL{&cfg.ListenPeerUrls, &cfg.AdvertisePeerUrls}},
	} {
		parsed, err := url.Parse(address.url)
		if err != nil {
			return fmt.Errorf("servers: etcd: %w", err)
		}
		for _, to := range address.to {
			*to = []url.URL{*parsed}
		}
	}
	server, err := embed.StartEtcd(cfg)
	if err != nil {
		return fmt.Errorf("servers: etcd: %w", err)
	}
	defer server.Close()
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.Err():
		return fmt.Errorf("servers: etcd: %w", err)
	}
}

// etcdLeader asks each server whether it leads.
func etcdLeader(ctx context.Context, endpoints []string) (int, error) {
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Context: ctx, Logger: zap.NewNop()})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for i, endpoint := range endpoints {
		status, err := client.Status(ctx, endpoint)
		if err != nil {
			return 0, err
		}
		if status.Leader == status.Header.MemberId {
			return i, nil
		}
	}
	return 0, errors.New("no server leads")
}
