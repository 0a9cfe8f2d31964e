package oidc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

const (
	// callTimeout bounds a call of an issuer: the API's function has 10 s for all of a request.
	callTimeout = 4 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes: discovery documents, keys and tokens are a few KB.
	maxAnswer = 1 << 20
)

// Client returns the client that issuers are called with. An admin of a workspace says where an issuer is, and the
// issuer says where its other addresses are: so only https is spoken, to addresses of the public Internet, and no
// redirect is followed. local admits this machine, also without TLS, for development.
func Client(local bool) *http.Client {
	dialer := &net.Dialer{Timeout: 2 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return checkAddress(address, local)
	}}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 2 * time.Second, ResponseHeaderTimeout: callTimeout,
		MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, // HTTP/1.1, which every issuer speaks
	}
	return &http.Client{
		Timeout: callTimeout, Transport: &limited{transport, local},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkAddress looks at the address that is really dialled, so that no name can stand for another one later.
func checkAddress(address string, local bool) error {
	host, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dialling %q: not an address", address)
	}
	ip := host.Addr().Unmap()
	if local && ip.IsLoopback() {
		return nil
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || reserved(ip) {
		return fmt.Errorf("dialling %s: issuers are on the public Internet", ip)
	}
	return nil
}

// reserved are further blocks that are nobody's on the Internet (RFC 6890), or lead back inside (RFC 6052, RFC 3056).
func reserved(ip netip.Addr) bool {
	for _, block := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"} {
		if netip.MustParsePrefix(block).Contains(ip) {
			return true
		}
	}
	return false
}

// limited speaks https only, and bounds answers.
type limited struct {
	base  http.RoundTripper
	local bool
}

// RoundTrip implements http.RoundTripper.
func (l *limited) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	here := l.local && r.URL.Scheme == "http" && (host == "localhost" || host == "127.0.0.1")
	if r.URL.Scheme != "https" && !here {
		return nil, errors.New("issuers are called by https only")
	}
	res, err := l.base.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}

// decodeSegment reads one part of a token (RFC 7515 section 2).
func decodeSegment(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }
