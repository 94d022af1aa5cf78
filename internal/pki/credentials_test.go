package pki

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// whoIs is a service that answers with the caller's identity.
type whoIs struct {
	*health.Server
	identify func(context.Context) string
}

func (w *whoIs) Check(ctx context.Context, _ *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	return nil, status.Error(codes.AlreadyExists, w.identify(ctx))
}

// serve runs a gRPC server until the test ends. It returns the server's address and the
// refusals of its credentials.
func serve(t *testing.T, side *TLS) (address string, refused <-chan error) {
	t.Helper()
	errs := make(chan error, 10) // no test causes more
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	creds := insecure.NewCredentials()
	if side != nil {
		creds = side.ServerCredentials(func(remote net.Addr, err error) {
			if remote == nil {
				err = errors.New("nobody in particular was refused")
			}
			errs <- err
		})
	}
	server := grpc.NewServer(grpc.Creds(creds))
	healthv1.RegisterHealthServer(server, &whoIs{health.NewServer(), func(ctx context.Context) string {
		state, ok := PeerState(ctx)
		if !ok {
			return "nobody"
		}
		who, err := Identify(state, []string{node1, node2})
		if err != nil {
			return err.Error()
		}
		return who.String()
	}})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), errs
}

// ask calls the service once and returns its answer.
func ask(t *testing.T, address string, creds credentials.TransportCredentials) string {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err = healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{})
	return status.Convert(err).Message()
}

func TestCredentials(t *testing.T) {
	ours, theirs := newAuthority(t, time.Now), newAuthority(t, time.Now)
	server := mustMember(t, ours.issue(t, member(node1)), node1)
	peer := mustMember(t, ours.issue(t, member(node2)), node2)
	alice := mustClient(t, ours.issue(t, client("alice")))
	eveFiles := theirs.issue(t, client("eve"))
	eveFiles.CA = ours.CertFile()
	eve := unchecked(t, eveFiles)
	for _, test := range []struct {
		name    string
		creds   credentials.TransportCredentials
		says    string
		refused string // what the server tells; empty if nothing
	}{
		{"a member", peer.ToMemberCredentials(node1), "member node2.example:7400", ""},
		{"a client", alice.ToNodeCredentials(node1), "client alice", ""},
		{"to another member", peer.ToMemberCredentials(node2), `is for \"node1.example\"; want one for \"node2.example\"`, "certificate refused: the other side does not accept"},
		{"a peer of another authority", eve.ToNodeCredentials(node1), "unknown authority: the other side does not trust the one that issued the certificate from here", `unknown authority: "CN=conch authority`},
		{"plain text", insecure.NewCredentials(), "this node wants TLS: give --tls-cert, --tls-key and --tls-ca", `not TLS: the other side began with "PRI *"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			address, refused := serve(t, server)
			if got := ask(t, address, test.creds.Clone()); !strings.Contains(got, test.says) {
				t.Errorf("the client hears %q, want %q", got, test.says)
			}
			if test.refused == "" {
				if len(refused) > 0 {
					t.Errorf("the server refused: %v", <-refused)
				}
				return
			}
			select {
			case err := <-refused:
				if !strings.Contains(err.Error(), test.refused) {
					t.Errorf("the server refused: %v, want %q", err, test.refused)
				}
			case <-time.After(patience):
				t.Errorf("the server told of no refusal, want %q", test.refused)
			}
		})
	}
	t.Run("to plain text", func(t *testing.T) {
		address, _ := serve(t, nil)
		if got := ask(t, address, alice.ToNodeCredentials(node1)); !strings.Contains(got, "not TLS: the other side began with") {
			t.Errorf("the client hears %q", got)
		}
		if got := ask(t, address, insecure.NewCredentials()); got != "nobody" {
			t.Errorf("without TLS on both sides: %q, want nobody", got)
		}
	})
}

func TestCredentialsAreOneSided(t *testing.T) {
	a := newAuthority(t, time.Now)
	side := mustMember(t, a.issue(t, member(node1)), node1)
	if _, _, err := side.ServerCredentials(nil).ClientHandshake(t.Context(), "", nil); !errors.Is(err, errOneSided) {
		t.Errorf("a server's used by a client: %v", err)
	}
	if _, _, err := side.ToMemberCredentials(node1).ServerHandshake(nil); !errors.Is(err, errOneSided) {
		t.Errorf("a client's used by a server: %v", err)
	}
}
