package web

// AdminTable is the admin's routes for the tests: "METHOD path" and whether a permission is
// asked for.
func (s *Server) AdminTable() map[string]bool {
	table := map[string]bool{}
	for _, r := range s.wholeTable() {
		table[r.method+" "+r.path] = r.permission != ""
	}
	return table
}

// LocalPath is localPath for the tests.
func LocalPath(path string) string { return localPath(path) }

// OpenStreams counts the streams that are open.
func (s *Server) OpenStreams() int { return len(s.streams) }
