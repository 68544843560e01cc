//go:build linux || darwin

package doctor

import "syscall"

// space is what is left, for those who are not root, on the disk of a folder.
func space(folder string) (free, total uint64, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(folder, &fs); err != nil {
		return 0, 0, err
	}
	size := uint64(fs.Bsize) //nolint:unconvert // signed on one system, not on the other
	return fs.Bavail * size, fs.Blocks * size, nil
}
