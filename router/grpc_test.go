package router

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// grpcApp is a real gRPC server with the health service, whose Watch is a stream without end.
func grpcApp(t *testing.T) (netip.AddrPort, *health.Server) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	saw := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		trailer := metadata.Pairs("saw-proto", strings.Join(md["x-forwarded-proto"], ","), "saw-key", strings.Join(md["key"], ","))
		return mustTrailer(ctx, trailer, req, next)
	}
	s, h := grpc.NewServer(grpc.UnaryInterceptor(saw)), health.NewServer()
	healthpb.RegisterHealthServer(s, h)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.Stop()
		<-served
	})
	return netip.MustParseAddrPort(ln.Addr().String()), h
}

func mustTrailer(ctx context.Context, trailer metadata.MD, req any, next grpc.UnaryHandler) (any, error) {
	if err := grpc.SetTrailer(ctx, trailer); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func grpcClient(t *testing.T, addr string) healthpb.HealthClient {
	t.Helper()
	c, err := grpc.NewClient("passthrough:///app.test", grpc.WithAuthority("app.test"),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return healthpb.NewHealthClient(c)
}

func TestACallOfGRPCReachesItsServerWithTrailersAndStatus(t *testing.T) {
	b, addr := startTLS(t, Config{})
	server, h := grpcApp(t)
	b.route(nobody(t), server)
	h.SetServingStatus("db", healthpb.HealthCheckResponse_NOT_SERVING)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := grpcClient(t, addr)
	for range 4 {
		var trailer metadata.MD
		got, err := c.Check(metadata.AppendToOutgoingContext(ctx, "key", "value"), &healthpb.HealthCheckRequest{Service: "db"}, grpc.Trailer(&trailer))
		if err != nil || got.Status != healthpb.HealthCheckResponse_NOT_SERVING {
			t.Fatalf("%v, error %v", got, err)
		}
		if trailer.Get("saw-proto")[0] != "https" || trailer.Get("saw-key")[0] != "value" {
			t.Errorf("trailer %v", trailer)
		}
	}
	if _, err := c.Check(ctx, &healthpb.HealthCheckRequest{Service: "unknown"}); status.Code(err) != codes.NotFound {
		t.Errorf("error %v", err)
	}
	eventually(t, "all are counted", func() bool {
		s, _ := b.Stats("app")
		return s.Requests[2] == 5 && s.InFlight == 0 && s.BytesIn > 0 && s.BytesOut > 0
	})
}

func TestAStreamOfGRPCGoesOnUntilItsClientLeavesOrItsTargetDrains(t *testing.T) {
	b, addr := startTLS(t, Config{Limits: Limits{StreamDrain: 50 * time.Millisecond, StreamSpread: time.Millisecond}})
	server, h := grpcApp(t)
	b.route(server)
	c := grpcClient(t, addr)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	one, leave := context.WithCancel(ctx)
	left, stays := watchHealth(t, one, c), watchHealth(t, ctx, c)
	leave()
	if _, err := left.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("error %v", err)
	}
	target := b.table.Load().allTargets()[0]
	eventually(t, "one stream is left", func() bool { _, n := target.inFlight(); return n == 1 })
	h.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	if got, err := stays.Recv(); err != nil || got.Status != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Fatalf("%v, error %v", got, err)
	}
	b.route(says(t, "other"))
	if cut, err := b.Drain(ctx, []netip.AddrPort{server}, patience); err != nil || cut != 0 {
		t.Errorf("Drain cut %d, error %v", cut, err)
	}
	if _, err := stays.Recv(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the stream looks complete: %v", err)
	}
	if n, err := b.DrainStreams(ctx, []netip.AddrPort{server}); err != nil {
		t.Errorf("DrainStreams: %d, error %v", n, err)
	}
}

// watchHealth starts a stream and reads its first message.
func watchHealth(t *testing.T, ctx context.Context, c healthpb.HealthClient) grpc.ServerStreamingClient[healthpb.HealthCheckResponse] {
	t.Helper()
	s, err := c.Watch(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Recv(); err != nil || got.Status != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("%v, error %v", got, err)
	}
	return s
}

func TestACallThatCannotBeAnsweredIsUnavailable(t *testing.T) {
	b, addr := startTLS(t, Config{})
	c := grpcClient(t, addr)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for name, target := range map[string]netip.AddrPort{"refuses": nobody(t), "speaks HTTP/1.1 only": says(t, "no")} {
		b.route(target)
		if _, err := c.Check(ctx, &healthpb.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}
