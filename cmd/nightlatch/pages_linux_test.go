package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the program's file takes of memory is less once the start is over, and the program runs on.
func TestLetGoOfStart(t *testing.T) { //nolint:paralleltest // others would bring pages back
	file := func() int {
		t.Helper()
		text, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, line := range []string{"RssFile:", "RssShmem:"} { // the second where the test's program lies in memory
			_, rest, _ := strings.Cut(string(text), line)
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			sum += kib
		}
		return sum
	}
	before := file()
	letGoOfStart()
	if after := file(); after > before*3/4 {
		t.Errorf("%d KiB of files in memory, %d before", after, before)
	}
	if got := fmt.Sprintf("%x %v", 255, 1.5); got != "ff 1.5" {
		t.Errorf("the program is no longer itself: %s", got)
	}
}

func TestUnchangedMappings(t *testing.T) {
	t.Parallel()
	const clean = "Rss: 8 kB\nShared_Dirty: 0 kB\nPrivate_Dirty:         0 kB\nAnonymous: 0 kB\nSwap: 0 kB\nLocked: 0 kB\nVmFlags: rd ex mr mw me sd\n"
	one := func(perm, file, counts string) string {
		return "00400000-00401000 " + perm + " 00000000 fe:01 1234    " + file + "\n" + counts
	}
	found := []mapping{{0x400000, 0x401000}}
	for name, v := range map[string]struct {
		smaps string
		want  []mapping
	}{
		"code":                            {one("r-xp", "/a b/nightlatch", clean), found},
		"constants":                       {one("r--p", "/a b/nightlatch", clean), found},
		"data":                            {one("rw-p", "/a b/nightlatch", clean), nil},
		"another file":                    {one("r-xp", "/lib/libc.so.6", clean), nil},
		"the end of its name":             {one("r-xp", "/c/a b/nightlatch", clean), nil},
		"no file":                         {"00400000-00401000 r--p 00000000 00:00 0 \n" + clean, nil},
		"no numbers":                      {"zz-00401000 r--p 00000000 fe:01 1234 /a b/nightlatch\n" + clean, nil},
		"a new file":                      {one("r-xp", "/a b/nightlatch", strings.Replace(clean, "Private_Dirty:         0", "Private_Dirty: 4", 1)), found},
		"written before it was read-only": {one("r--p", "/a b/nightlatch", strings.Replace(clean, "Anonymous: 0", "Anonymous: 4", 1)), nil},
		"swapped":                         {one("r--p", "/a b/nightlatch", strings.Replace(clean, "Swap: 0", "Swap: 4", 1)), nil},
		"two":                             {one("r-xp", "/a b/nightlatch", clean) + one("r--p", "/a b/nightlatch", clean), append(found, found...)},
		"the first":                       {one("r-xp", "/a b/nightlatch", clean) + one("rw-p", "/a b/nightlatch", clean), found},
		"broken off":                      {one("r-xp", "/a b/nightlatch", clean) + one("r--p", "/a b/nightlatch", "Rss: 8 kB\n"), found},
		"broken off in a line":            {one("r-xp", "/a b/nightlatch", "Rss: 8 kB\nAnonymous:"), nil},
		"swap is not told":                {one("r-xp", "/a b/nightlatch", "Anonymous: 0 kB\n"), nil},
		"nothing":                         {"", nil},
	} {
		got := unchanged(strings.NewReader(v.smaps), "/a b/nightlatch")
		if diff := cmp.Diff(v.want, got, cmp.AllowUnexported(mapping{})); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}
