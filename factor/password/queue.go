package password

import "slices"

// waiting is one who waits. turn gets nil, or why there will be none.
type waiting struct {
	turn chan error
	from string
}

// lines are those who wait, a line for each network, and the order in which the lines are served.
type lines struct {
	n     int
	of    map[string][]*waiting
	order []string
}

func (q *lines) add(w *waiting) {
	if q.of == nil {
		q.of = map[string][]*waiting{}
	}
	if len(q.of[w.from]) == 0 {
		q.order = append(q.order, w.from)
	}
	q.of[w.from] = append(q.of[w.from], w)
	q.n++
}

// pop takes the first of the line whose turn it is, and puts that line behind the others.
func (q *lines) pop() *waiting {
	if q.n == 0 {
		return nil
	}
	from := q.order[0]
	w := q.of[from][0]
	q.remove(w)
	if len(q.of[from]) > 0 {
		q.order = append(q.order[1:], from)
	}
	return w
}

// remove says whether it was there.
func (q *lines) remove(w *waiting) bool {
	line := q.of[w.from]
	i := slices.Index(line, w)
	if i < 0 {
		return false
	}
	q.n--
	if line = slices.Delete(line, i, i+1); len(line) > 0 {
		q.of[w.from] = line
		return true
	}
	delete(q.of, w.from)
	q.order = slices.DeleteFunc(q.order, func(from string) bool { return from == w.from })
	return true
}

// giveUp takes out the youngest of the longest line, in favor of a network that has fewer; nil: there is none longer.
func (q *lines) giveUp(from string) *waiting {
	longest := from
	for _, other := range q.order {
		if len(q.of[other]) > len(q.of[longest]) {
			longest = other
		}
	}
	if len(q.of[longest]) <= len(q.of[from])+1 {
		return nil
	}
	line := q.of[longest]
	w := line[len(line)-1]
	q.remove(w)
	return w
}
