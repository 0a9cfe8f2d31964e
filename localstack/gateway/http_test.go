package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/localstack/seam"
	"github.com/parley-chat/parley/localstack/template"
)

// site is a gateway with an HTTP API only.
type site struct {
	t     *testing.T
	g     *Gateway
	fns   *fakeInvoker
	meter *countingMeter
	srv   *httptest.Server
}

func startHTTP(t *testing.T, change func(*Options, *fakeInvoker)) *site {
	t.Helper()
	s := &site{t: t, fns: newInvoker(), meter: &countingMeter{}}
	s.fns.fns["Api"] = answer(`{"statusCode":200,"body":"ok"}`)
	o := Options{
		HTTP: &template.HTTPAPI{LogicalID: "HttpApi", APIID: "http123", Routes: []template.HTTPRoute{
			{Method: "GET", Path: "/v1/pets/{id}", Function: "Api"},
			{Method: "POST", Path: "/v1/pets", Function: "Api", Timeout: 200 * time.Millisecond},
			{Method: "ANY", Path: "/v1/{proxy+}", Function: "Api"},
		}},
		Invoker: s.fns, Meter: s.meter,
	}
	if change != nil {
		change(&o, s.fns)
	}
	var err error
	if s.g, err = New(o); err != nil {
		t.Fatal(err)
	}
	s.srv = httptest.NewServer(s.g.HTTPHandler())
	t.Cleanup(func() {
		s.srv.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.g.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// do sends a request with "Name: value" headers.
func (s *site) do(method, target, body string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.srv.URL+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(b)
}

func (s *site) lastEvent() string {
	s.t.Helper()
	events := s.fns.eventsOf("Api")
	if len(events) == 0 {
		s.t.Fatal("no event")
	}
	return events[len(events)-1]
}

// Payload format 2.0, member by member (developer guide, http-api-develop-integrations-lambda).
func TestHTTPEventGolden(t *testing.T) {
	t.Parallel()
	s := startHTTP(t, func(o *Options, _ *fakeInvoker) {
		o.NewID, o.Now = sequence(), fixedClock
		o.StageVariables = map[string]string{"colour": "blue"}
	})
	resp, _ := s.do("GET", "/v1/pets/a%20b?parameter1=value1&parameter1=value%202&parameter2=v+3", "",
		"Cookie: one=1; two=2", "Host: ignored", "X-Multi: a", "X-Multi: b", "User-Agent: agent", "X-Amzn-Trace-Id: Root=1-65d2ff2e-718990494fd688f062bf1571", "Accept-Encoding: identity")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Apigw-Requestid") != "AAAAAAAAAAAA001=" {
		t.Fatal(resp)
	}
	host := strings.TrimPrefix(s.srv.URL, "http://")
	checkGolden(t, "HTTP", s.lastEvent(), `{"version":"2.0","routeKey":"GET /v1/pets/{id}","rawPath":"/v1/pets/a b",
		"rawQueryString":"parameter1=value1&parameter1=value%202&parameter2=v+3","cookies":["one=1","two=2"],
		"headers":{"accept-encoding":"identity","content-length":"0","host":"`+host+`","user-agent":"agent",
		"x-amzn-trace-id":"Root=1-65d2ff2e-718990494fd688f062bf1571","x-forwarded-for":"127.0.0.1","x-forwarded-port":"443","x-forwarded-proto":"https","x-multi":"a,b"},
		"queryStringParameters":{"parameter1":"value1,value 2","parameter2":"v 3"},
		"requestContext":{"accountId":"123456789012","apiId":"http123","domainName":"`+host+`","domainPrefix":"127",
		"http":{"method":"GET","path":"/v1/pets/a b","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":"agent"},
		"requestId":"AAAAAAAAAAAA001=","routeKey":"GET /v1/pets/{id}","stage":"$default","time":"19/Feb/2024:07:11:42 +0000","timeEpoch":1708326702790},
		"pathParameters":{"id":"a b"},"stageVariables":{"colour":"blue"},"isBase64Encoded":false}`)
}

func TestHTTPBodies(t *testing.T) {
	t.Parallel()
	s := startHTTP(t, nil)
	cases := []struct {
		contentType, body string
		text              bool
	}{
		{"application/json", `{"é":1}`, true},
		{"application/json; charset=utf-8", `{}`, true},
		{"text/csv", "a,b", true},
		{"application/cloudevents+json", `{}`, true},
		{"application/xml", "<a/>", true},
		{"application/x-www-form-urlencoded", "a=b", false},
		{"application/octet-stream", "\x00\x01", false},
		{"image/png", "\x89PNG", false},
		{"", "bare", false},
		{"text/plain", "\xff", false},
	}
	for _, tc := range cases {
		s.do("POST", "/v1/pets", tc.body, "Content-Type: "+tc.contentType)
		e := decode(t, s.lastEvent())
		want := tc.body
		if !tc.text {
			want = base64.StdEncoding.EncodeToString([]byte(tc.body))
		}
		if e["body"] != want || e["isBase64Encoded"] != !tc.text {
			t.Errorf("%s: body %v, base64 %v", tc.contentType, e["body"], e["isBase64Encoded"])
		}
	}
	s.do("POST", "/v1/pets", "")
	e := decode(t, s.lastEvent())
	for _, name := range []string{"body", "cookies", "queryStringParameters", "pathParameters", "stageVariables"} {
		if v, there := e[name]; there {
			t.Errorf("%s is %v in an event without it", name, v)
		}
	}
}

func TestHTTPRoutePriority(t *testing.T) {
	t.Parallel()
	paths := []string{"$default", "ANY /{proxy+}", "GET /pets/{proxy+}", "ANY /pets/{id}", "GET /pets/{id}", "GET /pets/dog/1", "GET /pets/{kind}/1", "ANY /pets/dog/{n}", "GET /"}
	api := &template.HTTPAPI{}
	for _, key := range paths {
		method, path, ok := strings.Cut(key, " ")
		if !ok {
			method, path = "", key
		}
		api.Routes = append(api.Routes, template.HTTPRoute{Method: method, Path: path, Function: "F"})
	}
	a, err := newHTTPAPI(api)
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]string{
		"GET /pets/dog/1":      "GET /pets/dog/1",
		"GET /pets/dog/2":      "ANY /pets/dog/{n}",
		"GET /pets/cat/1":      "GET /pets/{kind}/1",
		"GET /pets/cat/2":      "GET /pets/{proxy+}",
		"GET /pets/5":          "GET /pets/{id}",
		"POST /pets/5":         "ANY /pets/{id}",
		"POST /pets/dog/1":     "ANY /pets/dog/{n}",
		"POST /pets/cat/2/3":   "ANY /{proxy+}",
		"GET /pets":            "ANY /{proxy+}",
		"GET /pets/":           "ANY /{proxy+}",
		"GET /":                "GET /",
		"POST /":               "$default",
		"DELETE /else/where/x": "ANY /{proxy+}",
	} {
		method, path, _ := strings.Cut(request, " ")
		r, _ := a.find(method, path)
		if r == nil || r.key != want {
			t.Errorf("%s goes to %+v, want %s", request, r, want)
		}
	}
	if _, params := a.find("GET", "/pets/cat/2/x"); len(params) != 1 || params[0].values[0] != "cat/2/x" {
		t.Errorf("proxy is %v", params)
	}
	for _, bad := range []string{"/a/{p+}/b", "a"} {
		if _, err := newHTTPAPI(&template.HTTPAPI{Routes: []template.HTTPRoute{{Method: "GET", Path: bad, Function: "F"}}}); err == nil {
			t.Errorf("path %q is accepted", bad)
		}
	}
}

func TestHTTPResponses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name        string
		fn          function
		status      int
		contentType string
		body        string
	}{
		{"structured", answer(`{"statusCode":201,"headers":{"content-type":"text/html"},"body":"<p>"}`), 201, "text/html", "<p>"},
		{"without a type", answer(`{"statusCode":200,"body":"x"}`), 200, "text/plain; charset=utf-8", "x"},
		{"base64", answer(`{"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"iVBORw==","isBase64Encoded":true}`), 200, "image/png", "\x89PNG"},
		{"bad base64", answer(`{"statusCode":200,"body":"***","isBase64Encoded":true}`), 500, "application/json", serverErrorBody},
		{"bare object", answer(`{"message":"hello"}`), 200, "application/json", `{"message":"hello"}`},
		{"bare string", answer(`"Hello from Lambda!"`), 200, "application/json", `Hello from Lambda!`},
		{"bare list", answer(`[1,2]`), 200, "application/json", `[1,2]`},
		{"null", answer(`null`), 200, "application/json", `null`},
		{"204", answer(`{"statusCode":204}`), 204, "", ""},
		{"bad status", answer(`{"statusCode":"many"}`), 500, "application/json", serverErrorBody},
		{"not JSON", answer(`oops`), 500, "application/json", serverErrorBody},
		{"error", fail("boom"), 500, "application/json", serverErrorBody},
		{"not started", func(context.Context, []byte) (string, error) { return "", errNotStarted }, 500, "application/json", serverErrorBody},
		{"timeout", hang, 503, "application/json", unavailableBody},
		{"over 6 MB", answer(`"` + strings.Repeat("x", maxInvokeBytes) + `"`), 500, "application/json", serverErrorBody},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := startHTTP(t, func(_ *Options, f *fakeInvoker) { f.fns["Api"] = tc.fn })
			resp, body := s.do("POST", "/v1/pets", "{}")
			if resp.StatusCode != tc.status || body != tc.body || resp.Header.Get("Content-Type") != tc.contentType {
				t.Errorf("got %d %q %.100q", resp.StatusCode, resp.Header.Get("Content-Type"), body)
			}
		})
	}
}

func TestHTTPResponseHeaders(t *testing.T) {
	t.Parallel()
	s := startHTTP(t, func(_ *Options, f *fakeInvoker) {
		f.fns["Api"] = answer(`{"statusCode":200,"headers":{"x-number":5,"Content-Length":"999","x-split":"a\r\nx-evil: 1"},"cookies":["a=1; Path=/","b=2"],"body":"x"}`)
	})
	resp, body := s.do("GET", "/v1/pets/1", "")
	h := resp.Header
	if body != "x" || h.Get("X-Number") != "5" || h.Get("X-Evil") != "" || len(h["Set-Cookie"]) != 2 || h["Set-Cookie"][0] != "a=1; Path=/" {
		t.Errorf("%q %v", body, h)
	}
	if got := s.meter.http; len(got) != 1 || got[0] != "GET /v1/pets/{id} 0 1" {
		t.Errorf("metered %v", got)
	}
}

func TestHTTPRefusals(t *testing.T) {
	t.Parallel()
	s := startHTTP(t, nil)
	if resp, body := s.do("GET", "/v2", ""); resp.StatusCode != http.StatusNotFound || body != notFoundBody || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("no route: %d %s", resp.StatusCode, body)
	}
	if resp, _ := s.do("POST", "/v1/pets", strings.Repeat("x", maxHTTPBody+1)); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("over 10 MB: %d", resp.StatusCode)
	}
	// Chunked, so that no length announces it.
	req, err := http.NewRequest(http.MethodPost, s.srv.URL+"/v1/pets", io.MultiReader(bytes.NewReader(make([]byte, maxHTTPBody+1))))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("over 10 MB in chunks: %v %v", resp, err)
	}
	if resp, _ := s.do("POST", "/v1/pets", strings.Repeat("x", maxInvokeBytes), "Content-Type: text/plain"); resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("over 6 MB: %d", resp.StatusCode)
	}
	if n := len(s.fns.eventsOf("Api")); n != 0 {
		t.Errorf("the function ran %d times", n)
	}
	limited := startHTTP(t, func(o *Options, _ *fakeInvoker) { o.AccountLimit = template.Throttle{Rate: 0.001, Burst: 1} })
	limited.do("GET", "/v1/pets/1", "")
	if resp, body := limited.do("GET", "/v1/pets/1", ""); resp.StatusCode != http.StatusTooManyRequests || body != tooManyBody {
		t.Errorf("throttled: %d %s", resp.StatusCode, body)
	}
}

func TestHTTPNamedStage(t *testing.T) {
	t.Parallel()
	s := startHTTP(t, func(o *Options, _ *fakeInvoker) { o.HTTP.Stage = "prod" })
	for _, target := range []string{"/v1/pets/1", "/production/v1/pets/1"} {
		if resp, _ := s.do("GET", target, ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", target, resp.StatusCode)
		}
	}
	s.do("GET", "/prod/v1/pets/1", "")
	e := decode(t, s.lastEvent())
	if e["rawPath"] != "/prod/v1/pets/1" || e["routeKey"] != "GET /v1/pets/{id}" || within(e, "requestContext", "stage") != "prod" {
		t.Errorf("event %v", e)
	}
}

func FuzzHTTPRoutes(f *testing.F) {
	f.Add("/v1/{id}/x", "/v1/5/x")
	f.Add("/{proxy+}", "/a//b/")
	f.Fuzz(func(t *testing.T, route, path string) {
		a, err := newHTTPAPI(&template.HTTPAPI{Routes: []template.HTTPRoute{{Method: "GET", Path: route, Function: "F"}}})
		if err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		r, params := a.find("GET", path)
		if r == nil || route == routeDefault {
			return
		}
		// A matched path is the route with its variables filled in.
		parts := make([]string, 0, len(r.segments))
		next := 0
		for _, seg := range r.segments {
			if seg.kind == literal {
				parts = append(parts, seg.text)
				continue
			}
			parts = append(parts, params[next].values[0])
			next++
		}
		if got := "/" + strings.Join(parts, "/"); got != path {
			t.Fatalf("route %q took %q as %q", route, path, got)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	inv := newInvoker()
	reserved, nowhere, bad := chatAPI(), chatAPI(), chatAPI()
	reserved.Routes = append(reserved.Routes, template.SocketRoute{Key: "$other", Function: "F"})
	nowhere.Routes = append(nowhere.Routes, template.SocketRoute{Key: "x"})
	bad.RouteSelection = "$request.header.x"
	for name, o := range map[string]Options{
		"no invoker":      {Socket: chatAPI()},
		"no API":          {Invoker: inv},
		"reserved key":    {Invoker: inv, Socket: reserved},
		"no function":     {Invoker: inv, Socket: nowhere},
		"bad selection":   {Invoker: inv, Socket: bad},
		"negative limit":  {Invoker: inv, Socket: chatAPI(), PerConnection: -1},
		"HTTP, no target": {Invoker: inv, HTTP: &template.HTTPAPI{Routes: []template.HTTPRoute{{Method: "GET", Path: "/"}}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

var _ seam.Connections = (*Gateway)(nil)
