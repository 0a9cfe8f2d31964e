package stack

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-chat/parley/localstack/seam"
)

// TestOtherEngines runs the fixture on engines behind a URL: those of a second stack, reached over the wire and
// provisioned with CreateTable and CreateQueue.
func TestOtherEngines(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "template.yaml")
	const text = "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\nResources:\n  Unused: { Type: AWS::SQS::Queue }\n"
	if err := os.WriteFile(empty, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// The key that a client of another engine signs with; see front.RemoteOptions.
	engine := start(t, func(o *Options) { o.Template, o.AccessKeyID, o.SecretAccessKey = empty, "local", "local" })
	for range 2 { // the second time everything exists already
		f := start(t, func(o *Options) { o.DynamoDB, o.SQS = engine.Addresses.AWS, engine.Addresses.AWS })
		before := f.count("changes")
		c := f.dial()
		c.send("say", "there and back")
		if got := []string{c.next(), c.next()}; got[0] != "there and back" && got[1] != "there and back" {
			t.Errorf("frames %q", got)
		}
		eventually(t, "the stream of the other engine is read", func() bool { return f.count("changes") != before })
		for _, q := range f.state().Queues {
			if q.Error != "" {
				t.Errorf("queue %s: %s", q.Name, q.Error)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	queues := engine.engines.sqs.State()
	found := false
	for _, q := range queues {
		found = found || q.Name == "parley-Jobs" && q.DeadLetterARN != ""
	}
	if !found {
		t.Errorf("the other engine has no queue with a redrive policy: %+v", queues)
	}
	var table struct {
		Table struct{ LatestStreamArn string }
	}
	if err := call(t.Context(), engine.engines.tables, seam.DynamoDB, "DescribeTable", object{"TableName": "parley-Counts"}, &table); err != nil || table.Table.LatestStreamArn == "" {
		t.Errorf("the other engine has no table with a stream: %v", err)
	}
}
