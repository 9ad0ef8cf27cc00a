package platform_test

import (
	"errors"
	"strings"
	"testing"

	"csph/platform"
)

func TestARegionThatIsNotThereIsRefusedWithThoseThatAre(t *testing.T) {
	regions := platform.Regions{"local", "attic"}
	for _, named := range []string{"", "local", "attic"} {
		if err := regions.Check(named); err != nil {
			t.Errorf("%q: %v", named, err)
		}
	}
	err := regions.Check("eu-central-1")
	if !errors.Is(err, platform.ErrInvalid) || !strings.Contains(err.Error(), "local, attic") {
		t.Error(err)
	}
}

func TestAServiceThatNamesNoRegionIsInTheFirst(t *testing.T) {
	regions := platform.Regions{"local", "attic"}
	if regions.Of("") != "local" || regions.Of("attic") != "attic" || (platform.Regions{}).Of("") != "" {
		t.Error(regions.Of(""), regions.Of("attic"))
	}
}
