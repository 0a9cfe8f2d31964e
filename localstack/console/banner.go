package console

import (
	"fmt"
	"strings"
	"time"
)

// Addresses are what a client needs to know of a running stack. It is the JSON of /_local/ready.
type Addresses struct {
	HTTP      string `json:"http"`      // of the HTTP API, "" without
	WebSocket string `json:"websocket"` // with the stage, "" without
	AWS       string `json:"aws"`       // endpoint of every AWS service
	Region    string `json:"region"`
	Account   string `json:"account"`
	// AccessKeyID and SecretAccessKey may do everything, for tools and tests.
	AccessKeyID     string            `json:"accessKeyId"`
	SecretAccessKey string            `json:"secretAccessKey"`
	Tables          map[string]string `json:"tables"` // names by logical id
	Queues          map[string]string `json:"queues"` // URLs by logical id
	Functions       []string          `json:"functions"`
	Outputs         map[string]string `json:"outputs"`
	State           string            `json:"state"` // the state page
	Try             []string          `json:"-"`     // lines of the banner: what to do next
	Durable         bool              `json:"durable"`
}

// Banner is what the terminal shows when the stack is ready.
func (c *Console) Banner(a Addresses, took time.Duration, where string) {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %s %s\n", c.paint(dim, fmt.Sprintf("%-10s", name)), value)
		}
	}
	fmt.Fprintf(&b, "\n%s ready in %.1f s\n\n", c.paint(1, "The local stack is"), took.Seconds())
	row("WebSocket", a.WebSocket)
	row("HTTP API", a.HTTP)
	row("State", a.State)
	row("AWS", a.AWS+"  (region "+a.Region+")")
	row("Keeps", where)
	fmt.Fprintf(&b, "\n  Try\n")
	for _, line := range a.Try {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	fmt.Fprintf(&b, "    curl -s %sready\n", a.State)
	fmt.Fprintf(&b, "    curl -s '%susage?format=text'\n", a.State)
	fmt.Fprintf(&b, "    AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_REGION=%s \\\n      aws --endpoint-url %s dynamodb list-tables\n",
		a.AccessKeyID, a.SecretAccessKey, a.Region, a.AWS)
	fmt.Fprintf(&b, "  Ctrl-C stops it.\n\n")
	c.Raw(b.String())
}
