package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// ZooKeeperJar is where Debian's package has ZooKeeper; what it needs lies beside it.
	ZooKeeperJar = "/usr/share/java/zookeeper.jar"
	// JavaProgram runs it.
	JavaProgram = "java"
	// zooKeeperTick is ZooKeeper's unit of time. The least session is two of it.
	zooKeeperTick = time.Second
)

// StartZooKeeper starts a ZooKeeper ensemble of three. All is as it comes but for the
// tick, which lets a session be as short as 2 s.
func StartZooKeeper(ctx context.Context, dir string) (*Fleet, error) {
	const n = 3
	addresses, err := FreeAddresses(3 * n)
	if err != nil {
		return nil, err
	}
	var ensemble strings.Builder
	for i := range n {
		_, election, err := net.SplitHostPort(addresses[2*n+i])
		if err != nil {
			return nil, fmt.Errorf("servers: zookeeper: %w", err)
		}
		fmt.Fprintf(&ensemble, "server.%d=%s:%s\n", i+1, addresses[n+i], election)
	}
	fleet := &Fleet{Endpoints: addresses[:n], leader: zooKeeperLeader}
	for i := range n {
		own := filepath.Join(dir, fmt.Sprintf("zookeeper%d", i+1))
		config, err := writeZooKeeper(own, i+1, addresses[i], ensemble.String())
		if err != nil {
			return nil, errors.Join(err, fleet.Close())
		}
		err = fleet.start(filepath.Base(own), JavaProgram,
			"-Xmx256m", "-Dzookeeper.admin.enableServer=false", "-Dslf4j.internal.verbosity=ERROR",
			"-cp", own+":"+ZooKeeperJar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", config)
		if err != nil {
			return nil, err
		}
	}
	return fleet, fleet.await(ctx)
}

// writeZooKeeper writes the files of one server and returns its configuration's path.
func writeZooKeeper(own string, id int, address, ensemble string) (string, error) {
	if err := os.MkdirAll(own, 0o700); err != nil {
		return "", fmt.Errorf("servers: zookeeper: %w", err)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("servers: zookeeper: %w", err)
	}
	config := filepath.Join(own, "zoo.cfg")
	for path, text := range map[string]string{
		config: fmt.Sprintf("tickTime=%d\ninitLimit=10\nsyncLimit=5\ndataDir=%s\nclientPortAddress=%s\nclientPort=%s\nmaxClientCnxns=0\n%s",
			zooKeeperTick.Milliseconds(), own, host, port, ensemble),
		filepath.Join(own, "myid"): fmt.Sprintln(id),
		// Debian's logs to standard output need a file that says so.
		filepath.Join(own, "log4j.properties"): "log4j.rootLogger=ERROR, CONSOLE\n" +
			"log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender\n" +
			"log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout\n" +
			"log4j.appender.CONSOLE.layout.ConversionPattern=%p %m%n\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("servers: zookeeper: %w", err)
		}
	}
	return config, nil
}

// zooKeeperLeader asks each server whether it leads. (The client library's own
// question fails at the way in which Debian writes the version.)
func zooKeeperLeader(ctx context.Context, endpoints []string) (int, error) {
	for i, endpoint := range endpoints {
		answer, err := askZooKeeper(ctx, endpoint, "srvr")
		if err != nil {
			return 0, err
		}
		if strings.Contains(answer, "\nMode: leader\n") {
			return i, nil
		}
	}
	return 0, errors.New("no server leads")
}

// askZooKeeper sends one of the commands of four letters, after whose answer the
// server closes the connection.
func askZooKeeper(ctx context.Context, endpoint, command string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, command); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}
