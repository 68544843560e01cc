package web

// HoldExports takes every place where files are made, until what it returns is called.
func HoldExports() (free func()) {
	held := cap(exportSlots)
	for range held {
		exportSlots <- struct{}{}
	}
	return func() {
		for ; held > 0; held-- {
			<-exportSlots
		}
	}
}

// WaitExports waits until no export is made any more.
func WaitExports(s *Server) { s.exporter.group.Wait() }
