package main

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// letGoOfStart tells the system that the pages of the program's own file are not needed now. Most were, to start: what each
// package prepares lies all over the file, and the system takes 64 KiB along for each page. Pages that are needed again
// come back from the system's cache, where they stay; the others no longer count as the process's memory. Where it cannot
// be done nothing changes.
func letGoOfStart() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	text, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = text.Close() }()
	for _, m := range unchanged(text, program) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.begin, m.end-m.begin, syscall.MADV_DONTNEED)
	}
}

// mapping is from where to where a file lies in memory.
type mapping struct{ begin, end uintptr }

// unchanged are the mappings of a file, in the form of Linux' /proc/PID/smaps, that are as the file is: nobody may write
// to them, and nobody did before that was so. To let go of others would lose what was written, and so would to let go of one
// of which that is not told.
func unchanged(smaps io.Reader, file string) (found []mapping) {
	var now mapping
	told := 0
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		line := lines.Text()
		if m, ok := readOnly(line, file); ok {
			now, told = m, 0
			continue
		}
		name, rest, _ := strings.Cut(line, ":")
		switch name {
		case "Anonymous", "Swap": // pages that are no longer the file's
			if strings.TrimSpace(rest) != "0 kB" {
				now = mapping{}
			}
			if told++; told == 2 && now.end > now.begin {
				found = append(found, now)
			}
		}
	}
	return found
}

// readOnly reads the first line of a mapping: "begin-end r-xp offset device inode   file". ok is false for every other
// line. A mapping that is not of the file, or may be written to, is empty.
func readOnly(line, file string) (m mapping, ok bool) {
	words := strings.Fields(line)
	if len(words) < 5 || strings.HasSuffix(words[0], ":") {
		return mapping{}, false
	}
	if !strings.HasSuffix(line, " "+file) || words[4] == "0" || words[1] != "r--p" && words[1] != "r-xp" {
		return mapping{}, true
	}
	begin, end, _ := strings.Cut(words[0], "-")
	from, err := strconv.ParseUint(begin, 16, strconv.IntSize)
	if err != nil {
		return mapping{}, true
	}
	to, err := strconv.ParseUint(end, 16, strconv.IntSize)
	if err != nil {
		return mapping{}, true
	}
	return mapping{begin: uintptr(from), end: uintptr(to)}, true
}
