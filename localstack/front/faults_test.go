package front

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	agwtypes "github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"
	"github.com/aws/smithy-go"

	"github.com/parley-chat/parley/localstack/faults"
	"github.com/parley-chat/parley/localstack/meter"
	"github.com/parley-chat/parley/localstack/seam"
)

func TestConnections(t *testing.T) {
	t.Parallel()
	s := newStand(t, allow("execute-api:ManageConnections", apiARN+"/POST/@connections/*"))
	client := s.sockets(s.key)
	post := func(c *apigatewaymanagementapi.Client) error {
		_, err := c.PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String("L0SM9cOFvHcCIhw="), Data: []byte("hi")})
		return err
	}
	if err := post(client); err != nil {
		t.Fatal(err)
	}
	if got := s.posts.list(); len(got) != 1 || got[0] != "POST /dev/@connections/L0SM9cOFvHcCIhw= hi <nil>" {
		t.Errorf("the gateway got %q", got)
	}
	_, err := client.DeleteConnection(t.Context(), &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: aws.String("x")})
	if got := code(t, err); got != "AccessDeniedException" || !strings.Contains(err.Error(), apiARN+"/DELETE/@connections/*") {
		t.Errorf("a DELETE that is not allowed: %v", err)
	}
	if len(s.door.Denied()) != 1 {
		t.Errorf("denied %+v", s.door.Denied())
	}
	if got := code(t, post(s.sockets(credentials.NewStaticCredentialsProvider("AKIDUNKNOWN", "s", "")))); got != "ForbiddenException" {
		t.Errorf("an unknown key: %q", got)
	}
	s.posts.gone = true
	var gone *agwtypes.GoneException
	if err := post(s.sockets(s.admin())); !errors.As(err, &gone) {
		t.Errorf("gone: %v", err)
	}
	calls := s.meter.Snapshot().Calls
	if c := calls[meter.CallKey{Service: seam.ExecuteAPI, Operation: "PostToConnection"}]; c.Calls != 1 || c.Errors != 1 {
		t.Errorf("metered %+v", calls)
	}
}

func TestFaultsOfConnections(t *testing.T) {
	t.Parallel()
	s := newStand(t, allow("*", "*"))
	post := func() error {
		_, err := s.sockets(s.key).PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String("x"), Data: []byte("hi")})
		return err
	}
	s.rule(t, faults.Rule{Service: seam.ExecuteAPI, Operation: "PostToConnection", Resource: "x", Kind: seam.FaultError, ErrorType: "GoneException", Times: 1})
	var gone *agwtypes.GoneException
	if err := post(); !errors.As(err, &gone) || len(s.posts.list()) != 0 {
		t.Errorf("gone before the effect: %v, %d posts", err, len(s.posts.list()))
	}
	s.rule(t, faults.Rule{Kind: seam.FaultError, Phase: seam.After, ErrorType: "LimitExceededException", Message: "slow", Times: 1})
	if got := code(t, post()); got != "LimitExceededException" || len(s.posts.list()) != 1 {
		t.Errorf("an error after the effect: %q, %d posts", got, len(s.posts.list()))
	}
	s.rule(t, faults.Rule{Kind: seam.FaultLose, Phase: seam.After, Times: 1})
	if err := post(); err == nil || len(s.posts.list()) != 2 {
		t.Errorf("a lost answer: %v, %d posts", err, len(s.posts.list()))
	}
	s.rule(t, faults.Rule{Kind: seam.FaultDuplicate, Times: 1})
	if err := post(); err != nil || len(s.posts.list()) != 4 || s.posts.list()[3] != "POST /dev/@connections/x hi <nil>" {
		t.Errorf("twice: %v, %q", err, s.posts.list())
	}
}

func (s *stand) rule(t *testing.T, r faults.Rule) {
	t.Helper()
	if _, err := s.faults.Add(r); err != nil {
		t.Fatal(err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule    faults.Rule
		effects int
		want    string // error code, "cut" for none, "" for success
		killed  bool
	}{
		"error before":     {faults.Rule{Kind: seam.FaultError, ErrorType: "ProvisionedThroughputExceededException"}, 0, "ProvisionedThroughputExceededException", false},
		"error after":      {faults.Rule{Kind: seam.FaultError, Phase: seam.After, ErrorType: "InternalServerError"}, 1, "InternalServerError", false},
		"lost before":      {faults.Rule{Kind: seam.FaultLose}, 0, "cut", false},
		"lost after":       {faults.Rule{Kind: seam.FaultLose, Phase: seam.After}, 1, "cut", false},
		"killed before":    {faults.Rule{Kind: seam.FaultKill}, 0, "cut", true},
		"killed after":     {faults.Rule{Kind: seam.FaultKill, Phase: seam.After}, 1, "cut", true},
		"delayed before":   {faults.Rule{Kind: seam.FaultDelay, DelayMS: 30}, 1, "", false},
		"delayed after":    {faults.Rule{Kind: seam.FaultDelay, DelayMS: 30, Phase: seam.After}, 1, "", false},
		"twice":            {faults.Rule{Kind: seam.FaultDuplicate}, 2, "", false},
		"twice, after":     {faults.Rule{Kind: seam.FaultDuplicate, Phase: seam.After}, 2, "", false},
		"another table":    {faults.Rule{Kind: seam.FaultLose, Resource: "conns"}, 1, "", false},
		"another function": {faults.Rule{Kind: seam.FaultLose, Function: "DeliverFn"}, 1, "", false},
		"this call": {faults.Rule{Kind: seam.FaultLose, Service: seam.DynamoDB, Operation: "GetItem", Function: "SocketFn", Resource: "chat"},
			0, "cut", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, allow("*", "*"))
			s.rule(t, c.rule)
			start := time.Now()
			err := get(t, s, s.key)
			var api smithy.APIError
			switch {
			case c.want == "cut":
				if err == nil || errors.As(err, &api) {
					t.Errorf("error %v, want a connection that was cut", err)
				}
			case code(t, err) != c.want:
				t.Errorf("error %v, want %q", err, c.want)
			}
			if s.engine.count() != c.effects {
				t.Errorf("%d effects, want %d", s.engine.count(), c.effects)
			}
			if took := time.Since(start); took < time.Duration(c.rule.DelayMS)*time.Millisecond {
				t.Errorf("took %v", took)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if killed := slices.Equal(s.killed, []string{"SocketFn-1"}); killed != c.killed {
				t.Errorf("killed %v", s.killed)
			}
		})
	}
}
