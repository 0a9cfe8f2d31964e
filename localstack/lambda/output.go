package lambda

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
)

// maxLine is where a longer line of a function's output is broken: 256 KB, the size of a CloudWatch event.
const maxLine = 256 << 10

// copyLines hands on what the child writes, line by line, until its end.
func (p *process) copyLines(output *os.File) {
	defer output.Close() //nolint:errcheck // read only
	reader := bufio.NewReaderSize(output, 4096)
	var line strings.Builder
	for {
		part, err := reader.ReadSlice('\n')
		line.Write(part)
		if line.Len() > 0 && (err == nil || errors.Is(err, io.EOF) || line.Len() >= maxLine) {
			p.logLine(line.String())
			line.Reset()
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func (p *process) logLine(line string) {
	o := &p.fn.runner.opts
	if o.Meter != nil {
		o.Meter.LogBytes(p.fn.spec.LogicalID, len(line))
	}
	o.Log(Line{Function: p.fn.spec.LogicalID, Process: p.id, RequestID: p.requestID(), Text: strings.TrimRight(line, "\r\n")})
}
