package leaders

import "testing"

// One observer is told what several nodes believe, one after the other.
func TestObserverNeverGoesBack(t *testing.T) {
	first := Leader{Member: "a:1", Term: 5, Count: 1, Value: "first"}
	changed := Leader{Member: "a:1", Term: 5, Count: 2, Value: "changed"}
	second := Leader{Member: "b:1", Term: 6, Count: 1, Value: "second"}
	doubted := second
	doubted.InDoubt = true
	var o Observer
	for i, step := range []struct {
		heard Leader
		news  bool
		told  Leader
	}{
		{Leader{}, false, Leader{}},
		{first, true, first},
		{first, false, first},
		{changed, true, changed},
		{second, true, second},
		{changed, true, doubted}, // a node that has yet to hear of the second
		{first, false, doubted},
		{second, true, second},
		{doubted, true, doubted},
		{Leader{}, true, Leader{}},
		{changed, false, Leader{}},
		{second, true, second}, // late, but not older than what was told
	} {
		if news := o.Hear(step.heard); news != step.news || o.Told() != step.told {
			t.Errorf("step %d, hearing %+v: news %t, told %+v; want %t, %+v", i, step.heard, news, o.Told(), step.news, step.told)
		}
	}
	if !o.Doubt() || o.Doubt() || o.Told() != doubted {
		t.Errorf("in doubt: told %+v, want %+v, and one piece of news", o.Told(), doubted)
	}
}
