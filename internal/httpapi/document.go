package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed" // the documents below
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"sync"
)

// The documents are generated from the routes, the structs and their comments (make contract) and served as they are.
// They are compressed because a function's cold start grows with its size, and unpacked when somebody first asks.
var (
	//go:embed openapi.json.gz
	openapiGzip []byte
	//go:embed docs.html.gz
	docsGzip []byte
	//go:embed errors.html.gz
	errorsGzip []byte

	openapiJSON = sync.OnceValues(func() ([]byte, error) { return unpack(openapiGzip) })
	docsHTML    = sync.OnceValues(func() ([]byte, error) { return unpack(docsGzip) })
	errorsHTML  = sync.OnceValues(func() ([]byte, error) { return unpack(errorsGzip) })
)

func unpack(raw []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// errorsPage is where problems' types point.
const errorsPage = "/v1/docs/errors"

// Media is the media type of an answer that is no struct of the contract.
type Media string

func (a *API) openAPI(c *call) (int, any, error) {
	return c.static("application/json", openapiJSON)
}

func (a *API) docs(c *call) (int, any, error) {
	return c.static("text/html; charset=utf-8", docsHTML)
}

func (a *API) errorsDoc(c *call) (int, any, error) {
	return c.static("text/html; charset=utf-8", errorsHTML)
}

// static answers with a document that is public and may be cached for a while. A page may use its own style and
// nothing else.
func (c *call) static(kind string, content func() ([]byte, error)) (int, any, error) {
	if err := queryOf(c.Request).err; err != nil {
		return 0, nil, err
	}
	raw, err := content()
	if err != nil {
		return 0, nil, err
	}
	d := document{kind, raw}
	c.answer.Set("Cache-Control", "public, max-age=300")
	if _, rest, ok := strings.Cut(string(d.content), "<style>"); ok {
		style, _, _ := strings.Cut(rest, "</style>")
		sum := sha256.Sum256([]byte(style))
		c.answer.Set("Content-Security-Policy",
			"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	return http.StatusOK, d, nil
}
