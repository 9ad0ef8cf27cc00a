package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"csph/api/wire"
)

// Exec runs a command in a spherelet of a service, its output going to out and errs, and returns its exit
// status. It blocks until the command has ended; when ctx ends first, the command is killed.
func (c *Client) Exec(ctx context.Context, service string, n wire.NewCommand, out, errs io.Writer) (int, error) {
	return c.command(ctx, pathOf("/v1/services/{}/exec", service), n, out, errs)
}

// RunOnce runs a command in a spherelet of its own, as Exec does.
func (c *Client) RunOnce(ctx context.Context, service string, n wire.NewRun, out io.Writer) (int, error) {
	return c.command(ctx, pathOf("/v1/services/{}/runs", service), n, out, out)
}

func (c *Client) command(ctx context.Context, path string, in any, out, errs io.Writer) (int, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return -1, fmt.Errorf("encode request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return -1, fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.send(r)
	if err != nil {
		return -1, err
	}
	defer answer.Body.Close()
	exit := wire.CommandExit{Code: -1}
	for m, err := range messages(answer.Body) {
		if err == nil {
			err = outcome(m, out, errs, &exit)
		}
		if errors.Is(err, errEnded) {
			return exit.Code, nil
		}
		if err != nil {
			return -1, err
		}
	}
	if err := context.Cause(ctx); err != nil {
		return -1, err
	}
	return -1, fmt.Errorf("the connection to %s broke; the command was killed", c.base)
}

// outcome takes one message of a command's stream.
func outcome(m message, out, errs io.Writer, exit *wire.CommandExit) error {
	switch m.event {
	case wire.MessageOutput:
		var piece wire.CommandOutput
		if err := json.Unmarshal(m.data, &piece); err != nil {
			return fmt.Errorf("decode output: %w", err)
		}
		to := out
		if piece.Stream == "err" {
			to = errs
		}
		_, err := to.Write(piece.Data)
		return err
	case wire.MessageExit:
		return json.Unmarshal(m.data, exit)
	case wire.MessageEnd:
		return errEnded
	case wire.MessageError:
		p := &wire.Problem{}
		if err := json.Unmarshal(m.data, p); err != nil {
			return fmt.Errorf("decode error of stream: %w", err)
		}
		return p
	}
	return nil
}
