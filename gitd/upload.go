package gitd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"csph/gitd/bare"
	"csph/platform"
)

// upload serves git fetch and git clone.
func (s *session) upload(ctx context.Context, path string) int {
	service, err := s.resolve(ctx, path)
	if errors.Is(err, platform.ErrNotFound) {
		return s.refuse(fmt.Sprintf("there is no service %q; the first git push makes one", path))
	}
	if err != nil {
		return s.refuse(s.sentence("find the service", err))
	}
	repository, err := s.server.store.Repository(service.ID)
	if errors.Is(err, platform.ErrNotFound) {
		repository, err = s.server.store.Empty(), nil
	}
	if err != nil {
		return s.refuse(s.sentence("open the repository", err))
	}
	stream := bare.Stream{In: s.inflow(ctx), Out: s, Err: s.Stderr(), Protocol: s.protocol()}
	if err := repository.UploadPack(ctx, stream); err != nil {
		s.log.Debug("fetch ended", "error", err)
		return exitFailed
	}
	return exitOK
}

func (s *session) protocol() string {
	for _, variable := range s.Environ() {
		if value, ok := strings.CutPrefix(variable, "GIT_PROTOCOL="); ok {
			return value
		}
	}
	return ""
}
