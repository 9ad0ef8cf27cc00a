package platform_test

import (
	"errors"
	"strings"
	"testing"

	"csph/platform"
)

func TestTheShapesOnOfferAreThosePromised(t *testing.T) {
	want := []platform.Shape{ // SPEC section 1
		{Name: "FLX", MilliCPU: 250, Memory: 536870912},
		{Name: "MAX", MilliCPU: 1000, Memory: 2147483648},
		{Name: "PWR", MilliCPU: 2000, Memory: 4294967296},
	}
	got := platform.Shapes()
	if len(got) != len(want) {
		t.Fatalf("%d shapes are on offer; want %d", len(got), len(want))
	}
	for i, shape := range want {
		if got[i] != shape {
			t.Errorf("shape %d is %+v; want %+v", i, got[i], shape)
		}
		if named, err := platform.ShapeNamed(shape.Name); err != nil || named != shape {
			t.Errorf("%s is %+v, %v; want %+v", shape.Name, named, err, shape)
		}
	}
}

func TestTheDefaultShapeIsOnOffer(t *testing.T) {
	if _, err := platform.ShapeNamed(platform.DefaultShape); err != nil {
		t.Error(err)
	}
}

func TestAShapeThatIsNotOnOfferIsRefusedWithThoseThatAre(t *testing.T) {
	for _, name := range []string{"", "flx", "FLX ", "HUGE"} {
		_, err := platform.ShapeNamed(name)
		if !errors.Is(err, platform.ErrInvalid) {
			t.Errorf("%q: error is %v; want ErrInvalid", name, err)
			continue
		}
		for _, shape := range platform.Shapes() {
			if !strings.Contains(err.Error(), shape.Name) {
				t.Errorf("%q does not name %s", err, shape.Name)
			}
		}
	}
}

func TestEachShapeButTheLastHasANextLargerOne(t *testing.T) {
	all := platform.Shapes()
	for i, shape := range all {
		next, ok := platform.Larger(shape.Name)
		if last := i == len(all)-1; ok == last {
			t.Errorf("%s: has a larger one is %v", shape.Name, ok)
		}
		if ok && (next != all[i+1] || next.Memory <= shape.Memory || next.MilliCPU <= shape.MilliCPU) {
			t.Errorf("after %+v comes %+v", shape, next)
		}
	}
	if _, ok := platform.Larger("HUGE"); ok {
		t.Error("a shape that is not on offer has a larger one")
	}
}

func TestChangingTheListOfShapesChangesNobodyElses(t *testing.T) {
	platform.Shapes()[0].Memory = 1
	if platform.Shapes()[0].Memory == 1 {
		t.Error("the list is shared")
	}
}
