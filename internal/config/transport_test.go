package config

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
)

// TestPushesSpeakHTTP1: also to a server that offers HTTP/2, so that no push waits on another one's connection.
func TestPushesSpeakHTTP1(t *testing.T) {
	t.Parallel()
	spoken := make(chan string, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { spoken <- r.Proto }))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	shared := reader(map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "WS_ENDPOINT": server.URL,
	}).AWS()
	transport := shared.client.Transport.(*http.Transport)
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	push := apigatewaymanagementapi.PostToConnectionInput{ConnectionId: aws.String("abc="), Data: []byte("x")}
	if _, err := apigatewaymanagementapi.NewFromConfig(shared.Connections()).PostToConnection(t.Context(), &push); err != nil {
		t.Fatal(err)
	}
	if got := <-spoken; got != "HTTP/1.1" {
		t.Errorf("a push speaks %s", got)
	}
}
