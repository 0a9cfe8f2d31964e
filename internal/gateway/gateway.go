// Package gateway posts frames to sockets through API Gateway's connection management API.
package gateway

import (
	"context"
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"

	"github.com/parley-chat/parley/internal/chat"
)

// API is what this package needs of the management client.
type API interface {
	PostToConnection(context.Context, *apigatewaymanagementapi.PostToConnectionInput, ...func(*apigatewaymanagementapi.Options)) (*apigatewaymanagementapi.PostToConnectionOutput, error)
	DeleteConnection(context.Context, *apigatewaymanagementapi.DeleteConnectionInput, ...func(*apigatewaymanagementapi.Options)) (*apigatewaymanagementapi.DeleteConnectionOutput, error)
}

// Pusher implements chat.Pusher.
type Pusher struct{ API API }

// Post sends one frame. A nil error means that the gateway took it, not that the client has it.
func (p Pusher) Post(ctx context.Context, c chat.ConnectionID, frame []byte) error {
	_, err := p.API.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: (*string)(&c), Data: frame})
	return failure(err)
}

// Disconnect closes the socket with code 1000; API Gateway offers no other.
func (p Pusher) Disconnect(ctx context.Context, c chat.ConnectionID) error {
	_, err := p.API.DeleteConnection(ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: (*string)(&c)})
	if err = failure(err); errors.Is(err, chat.ErrGone) {
		return nil
	}
	return err
}

// failure tells a connection that is gone from one that cannot take anything now. 410 comes as GoneException
// only with its header; a malformed id (400) is gone as well, since no such connection can ever be.
func failure(err error) error {
	if err == nil {
		return nil
	}
	var gone *types.GoneException
	var response *awshttp.ResponseError
	if errors.As(err, &gone) {
		return chat.ErrGone
	}
	if errors.As(err, &response) && (response.HTTPStatusCode() == http.StatusGone || response.HTTPStatusCode() == http.StatusBadRequest) {
		return chat.ErrGone
	}
	return err
}
