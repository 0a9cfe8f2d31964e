package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// setVersion gives the answer the ETag of a versioned thing, which a write of it may name in If-Match.
func (c *call) setVersion(version uint64) {
	c.answer.Set("ETag", versionTag(version))
}

// versionTag is strong (RFC 9110 section 8.8.1): another version, other bytes.
func versionTag(version uint64) string { return `"v` + strconv.FormatUint(version, 10) + `"` }

// expected returns the version that If-Match names, nil without the header or for "*". The write that follows
// demands it, and is refused with chat.CodeConflict (412) when the version is another.
func (c *call) expected() (*uint64, error) {
	header := strings.TrimSpace(c.Header.Get("If-Match"))
	if header == "" || header == "*" {
		return nil, nil
	}
	text, ok := strings.CutPrefix(header, `"v`)
	text, closed := strings.CutSuffix(text, `"`)
	version, err := strconv.ParseUint(text, 10, 64)
	if !ok || !closed || err != nil {
		return nil, chat.Errorf(chat.CodeConflict, "if-match: not the ETag of what was read; read it again")
	}
	return &version, nil
}

// needVersion is expected for writes that are too easily made by mistake over somebody else's: without If-Match they
// are refused (428, RFC 6585 section 3). "*" says that any version is meant; found is false then.
func (c *call) needVersion() (version uint64, found bool, err error) {
	if strings.TrimSpace(c.Header.Get("If-Match")) == "" {
		return 0, false, &statusError{http.StatusPreconditionRequired,
			chat.Errorf(chat.CodeInvalid, "if-match: needed; send the ETag of what was read, or *")}
	}
	v, err := c.expected()
	if v == nil {
		return 0, false, err
	}
	return *v, true, nil
}

// contentTag is the weak ETag of a body that has no version: the gateway may compress it.
func contentTag(d document) string {
	sum := sha256.Sum256(d.content)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// unchanged says whether If-None-Match names the tag: by weak comparison, as RFC 9110 section 13.1.2 has it.
func unchanged(r *http.Request, tag string) bool {
	header := r.Header.Get("If-None-Match")
	if strings.TrimSpace(header) == "*" {
		return true
	}
	for known := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(known), "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// conditional gives the answer to a GET its ETag, if the route is polled or has set one, and makes it 304 when the
// client has it already.
func (c *call) conditional(r route, status int, body any) (int, any, error) {
	if c.Method != http.MethodGet || status != http.StatusOK || !r.polled && c.answer.Get("ETag") == "" {
		return status, body, nil
	}
	d, err := documentOf(body)
	if err != nil {
		return 0, nil, err
	}
	if c.answer.Get("ETag") == "" {
		c.answer.Set("ETag", contentTag(d))
	}
	if unchanged(c.Request, c.answer.Get("ETag")) {
		return http.StatusNotModified, nil, nil
	}
	return status, d, nil
}
