package builder

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"syscall"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteserrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"

	"csph/platform"
)

// noPlatform matches how containerd says that an index has no manifest for the platform asked for.
var noPlatform = regexp.MustCompile(`no match for platform`)

const accessHint = "give the service access with `csph services set-registry`, and check that the name is right"

// pullFailure makes the user's error of what a pull returned. Cancellation stays what it is.
func pullFailure(ctx context.Context, ref string, err error) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return context.Cause(ctx)
	}
	message, hint := explainPull(err)
	return &platform.Failure{
		Reason: platform.ImagePullFailed, Message: fmt.Sprintf("image %s cannot be pulled: %s", ref, message), Hint: hint, Err: err,
	}
}

// explainPull says in a sentence each what happened and what to do next.
func explainPull(err error) (message, hint string) {
	if message, hint, closed := unreached(err); closed {
		return message, hint
	}
	var wrong *platformError
	var unexpected remoteserrors.ErrUnexpectedStatus
	var dns *net.DNSError
	switch {
	case errors.As(err, &wrong):
		return wrong.Error(), "build the image for this machine's platform, for example with docker buildx build --platform linux/amd64"
	case errors.Is(err, docker.ErrInvalidAuthorization):
		return "the registry wants credentials", accessHint
	case errors.As(err, &unexpected):
		return explainStatus(unexpected.StatusCode)
	case errdefs.IsNotFound(err):
		return "the registry has no such image or tag", "check the name and the tag; a private image also looks missing without access: `csph services set-registry`"
	case errors.As(err, &dns):
		return "the registry " + dns.Name + " has no address in DNS", "check the registry's name"
	case errors.Is(err, context.DeadlineExceeded):
		return "the registry did not answer in time", "try again, and if it persists ask the registry's operator"
	case unreachableRegistry(err):
		return "the registry cannot be reached", "check the registry's name and port, and this machine's network"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full", "remove services or deployments that are not needed, or add disk"
	case errdefs.IsFailedPrecondition(err):
		return "what the registry sent does not match its checksum, twice", "push the image again, or ask the registry's operator"
	}
	return err.Error(), "try again, and if it persists ask the registry's operator"
}

func explainStatus(code int) (message, hint string) {
	switch {
	case code == http.StatusUnauthorized:
		return "the registry refused the credentials (401)", accessHint
	case code == http.StatusForbidden:
		return "the registry forbids access (403)", accessHint
	case code == http.StatusTooManyRequests:
		return "the registry limits how often this machine may pull (429)",
			"wait, or raise the limit by pulling with an account: `csph services set-registry`"
	case code >= http.StatusInternalServerError:
		return fmt.Sprintf("the registry is out of order (%d)", code), "try again later, or ask the registry's operator"
	}
	return fmt.Sprintf("the registry answered with status %d", code), "check the name, and try again"
}

// unreachableRegistry reports an error of the network on the way to the registry.
func unreachableRegistry(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) || errors.As(err, &dns) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, context.DeadlineExceeded)
}
