// Package stack wires the parts of the local stack together: it reads a template, builds its functions, starts
// engines, gateway, front door, function runner and event source mappings, and serves them on two loopback
// addresses: a public one for clients (WebSocket and HTTP APIs, and /_local/ for people and tests), and one for the AWS
// calls of functions and tools.
package stack

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-chat/parley/localstack/gateway"
)

// Options say what to run and where. The zero value runs ./template.yaml in memory on free ports.
type Options struct {
	// Template is the path of template.yaml; CodeUris are relative to its directory.
	Template   string
	Parameters map[string]string // of the template
	// Addr is the public address and AWSAddr that of AWS calls, both on a loopback interface. Default: a free port
	// of 127.0.0.1.
	Addr, AWSAddr string
	// Data is the directory that keeps tables, queues and stream positions; "" keeps them in memory.
	Data string
	// DynamoDB and SQS are URLs of other engines to use in place of the built-in ones.
	DynamoDB, SQS string
	// BinDir receives the functions' binaries. Default: a directory of this template in the user's cache, so
	// that a restart has nothing to build.
	BinDir string
	// Watch rebuilds and reloads functions when their sources change.
	Watch bool
	// Verbose logs every invocation, frame and AWS call.
	Verbose bool
	// Idle and MaxAge shorten the gateway's 10 minutes and 2 hours, for tests.
	Idle, MaxAge time.Duration
	// FaultRules is a JSON list of faults.Rule that hold from the start; nil for none.
	FaultRules []byte
	// Admin keys; random when empty.
	AccessKeyID, SecretAccessKey string
	// MaxProcesses caps the processes of one function, default 8.
	MaxProcesses int
	NoFreeze     bool
	Switches     *gateway.Switches
	// Drain is how long Close waits for work in progress, default 10 s.
	Drain time.Duration

	Try    []string  // lines of the banner that say what to do next
	Out    io.Writer // console, default discards
	Colour bool
	Now    func() time.Time
}

// Region and Account of everything that the stack makes.
const (
	Region  = "us-east-1"
	Account = "000000000000"
)

func (o *Options) complete() error {
	if o.Template == "" {
		o.Template = "template.yaml"
	}
	if o.Drain <= 0 {
		o.Drain = 10 * time.Second
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, addr := range []*string{&o.Addr, &o.AWSAddr} {
		if *addr == "" {
			*addr = "127.0.0.1:0"
		}
		if err := loopback(*addr); err != nil {
			return err
		}
	}
	if o.BinDir != "" {
		return nil
	}
	var err error
	o.BinDir, err = defaultBinDir(o.Template)
	return err
}

// loopback refuses an address that other machines could reach: the stack runs code and gives out its keys.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("address %q is not on a loopback interface: the local stack is for this machine only", addr)
	}
	return nil
}

// defaultBinDir is a directory of its own for each template.
func defaultBinDir(template string) (string, error) {
	path, err := filepath.Abs(template)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil { // no home: the temporary directory does
		cache = os.TempDir()
	}
	return filepath.Join(cache, "parley-localstack", shortHash(path), "bin"), nil
}
