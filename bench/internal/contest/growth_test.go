package contest

import (
	"math"
	"slices"
	"strings"
	"testing"

	"conch/bench/internal/theory"
)

// named are subjects of growth.
func named(t *testing.T, names ...string) []*Subject {
	t.Helper()
	all := GrowthSubjects()
	var found []*Subject
	for _, name := range names {
		i := slices.IndexFunc(all, func(s *Subject) bool { return s.Name == name })
		if i < 0 {
			t.Fatalf("there is no subject %q", name)
		}
		found = append(found, all[i])
	}
	return found
}

// TestGrowthIsMeasured plays the smallest clusters with real processes: whether figures
// are there, and messages those of theory; not how long anything takes.
func TestGrowthIsMeasured(t *testing.T) {
	each, random := Loads[0], Loads[1]
	messages := map[string]float64{
		OfSize(theory.Elsewhere, 3): 3,
		OfSize(theory.Here, 3):      0,
		OfSize(theory.Saturated, 3): 1,
		Many(each, 10, AllCores):    1,
	}
	wants := map[string][]Figure{
		AtRest(3):                   {Session, Processor, Written},
		OfSize(theory.Elsewhere, 3): {Grants, CPU, Messages, PerRequest, Session, Processor, Written, Wait},
		OfSize(theory.Here, 3):      {Grants, CPU, Messages},
		OfSize(theory.Saturated, 3): {Grants, CPU, Messages, PerRequest},
		InVirtualTime(3):            {Session, SessionNs, Virtual(theory.Elsewhere, Messages), Virtual(theory.Here, CPU), Virtual(theory.Saturated, CPU)},
		Many(each, 10, AllCores):    {Grants, CPU, Messages},
		Many(each, 10, OneCore):     {Grants, CPU, Messages},
		Many(random, 10, AllCores):  {Grants, CPU, Messages},
	}
	if !slices.Contains(CoreSettings(), OneCore) {
		delete(wants, Many(each, 10, OneCore))
	}
	var names []string
	for name := range wants {
		names = append(names, name)
	}
	slices.Sort(names)
	outcome, err := Run(t.Context(), stage(t), named(t, names...), 1, func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range outcome.Results {
		name := result.Subject.Name
		for _, err := range result.Failures {
			t.Errorf("%s: %v", name, err)
		}
		if n := result.Violations(); n > 0 {
			t.Errorf("%s: %d times two were in the critical section at once", name, n)
		}
		for _, figure := range wants[name] {
			if _, ok := result.In(0, figure); !ok {
				t.Errorf("%s: there is no figure of %s", name, figure)
			}
		}
		// The nodes' counters are not read at one moment.
		if want, known := messages[name]; known {
			if got, _ := result.In(0, Messages); math.Abs(got-want) > 0.25*want {
				t.Errorf("%s: got %v messages a grant, want about %v", name, got, want)
			}
		}
	}
}

func TestGrowthSubjectsHaveNamesOfTheirOwn(t *testing.T) {
	known := map[string]bool{}
	for _, subject := range GrowthSubjects() {
		if known[subject.Name] {
			t.Errorf("two subjects have the name %q", subject.Name)
		}
		known[subject.Name] = true
		if strings.TrimSpace(subject.Label) == "" {
			t.Errorf("%s has no label", subject.Name)
		}
	}
	for _, n := range Sizes {
		for _, name := range []string{AtRest(n), OfSize(theory.Elsewhere, n), OfSize(theory.Here, n), OfSize(theory.Saturated, n), InVirtualTime(n)} {
			if !known[name] {
				t.Errorf("there is no subject %q", name)
			}
		}
	}
}
