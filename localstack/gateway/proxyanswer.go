package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// proxyAnswer is what a function returns to a Lambda proxy integration.
type proxyAnswer struct {
	status  int
	headers map[string]string
	multi   map[string][]string
	cookies []string
	body    string
	base64  bool
}

// parseProxyAnswer reads {"statusCode":200,...}. It fails on anything without a status code between 200 and
// 599; a status code in quotes passes, as it does on AWS.
func parseProxyAnswer(payload []byte) (proxyAnswer, bool) {
	var doc struct {
		StatusCode        json.RawMessage            `json:"statusCode"`
		Headers           map[string]json.RawMessage `json:"headers"`
		MultiValueHeaders map[string][]string        `json:"multiValueHeaders"`
		Cookies           []string                   `json:"cookies"`
		Body              *string                    `json:"body"`
		IsBase64Encoded   bool                       `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(payload, &doc); err != nil {
		return proxyAnswer{}, false
	}
	status, err := strconv.Atoi(strings.Trim(string(doc.StatusCode), `"`))
	if err != nil || status < 200 || status > 599 {
		return proxyAnswer{}, false
	}
	a := proxyAnswer{status: status, multi: doc.MultiValueHeaders, cookies: doc.Cookies, base64: doc.IsBase64Encoded}
	if doc.Body != nil {
		a.body = *doc.Body
	}
	a.headers = make(map[string]string, len(doc.Headers))
	for name, raw := range doc.Headers {
		v, ok := scalarText(raw)
		if !ok {
			return proxyAnswer{}, false
		}
		a.headers[name] = v
	}
	return a, true
}

// header finds a header in any case, single values first.
func (a *proxyAnswer) header(name string) string {
	name = http.CanonicalHeaderKey(name)
	for k, v := range a.headers {
		if http.CanonicalHeaderKey(k) == name {
			return v
		}
	}
	for k, v := range a.multi {
		if http.CanonicalHeaderKey(k) == name && len(v) > 0 {
			return v[len(v)-1]
		}
	}
	return ""
}

// scalarText turns a JSON string, number or boolean into text; objects, arrays and null fail.
func scalarText(raw json.RawMessage) (string, bool) {
	switch raw[0] {
	case '"':
		return string(unescape(nil, raw[1:len(raw)-1])), true
	case '{', '[', 'n':
		return "", false
	}
	return string(raw), true
}
