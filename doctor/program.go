package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"kaquan/wechat"
)

const (
	certWarn   = 21 * 24 * time.Hour
	certFail   = 7 * 24 * time.Hour
	queueWarn  = 1000 // writes that wait
	queueFail  = 3000
	readyLimit = 3 * time.Second
	spaceWarn  = 1 << 30 // bytes
	spaceFail  = 200 << 20
	backupWarn = 2 * 24 * time.Hour
	backupFail = 7 * 24 * time.Hour
	backupNew  = 7 * 24 * time.Hour // age of an installation that needs no backup yet
)

// program makes the checks of the whole program. Those over the network are made every
// ten minutes while they are fine, or when fresh is wanted.
func (s *Service) program(ctx context.Context, accounts []wechat.Credentials, fresh bool) []Finding {
	found := make([]Finding, len(ProgramChecks()))
	var all sync.WaitGroup
	for i, check := range []func(context.Context) Finding{
		func(ctx context.Context) Finding {
			return s.slowly(VerificationFiles, fresh, func() Finding { return s.files(ctx) })
		},
		func(ctx context.Context) Finding {
			return s.slowly(Certificate, fresh, func() Finding { return s.certificate(ctx, accounts) })
		},
		s.database, s.disk, s.backup,
	} {
		all.Go(func() { found[i] = check(ctx) })
	}
	all.Wait()
	now := s.o.Now()
	for i := range found {
		found[i].At = now
	}
	return found
}

func (s *Service) slowly(check Check, fresh bool, look func() Finding) Finding {
	now := s.o.Now()
	s.mu.Lock()
	known, ok := s.slow[check]
	s.mu.Unlock()
	if age := now.Sub(known.At); ok && !fresh && age >= 0 && age < slowChecks {
		return known
	}
	f := look()
	f.At = now
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.slow, check); !f.Level.Problem() {
		s.slow[check] = f
	}
	return f
}

// files reads the verification files the way WeChat does.
func (s *Service) files(ctx context.Context) Finding {
	if s.o.Files == nil {
		return unknown(VerificationFiles, "doctor.verification_files.none")
	}
	files, err := s.o.Files.VerifyFiles(ctx)
	if err != nil {
		return unknown(VerificationFiles, "doctor.unreadable")
	}
	if len(files) == 0 {
		return unknown(VerificationFiles, "doctor.verification_files.none")
	}
	for _, file := range files {
		address := strings.TrimRight(s.o.PublicURL, "/") + "/" + url.PathEscape(file.Name)
		got, status, err := s.read(ctx, address)
		f := Finding{
			Check: VerificationFiles, Level: Fail, Impact: text("doctor.impact.verification_files"),
			Place: text("doctor.place.proxy"), Fix: text("doctor.verification_files.fix"), Value: address,
		}
		switch {
		case err != nil:
			// A server often cannot reach itself by its public name.
			f.Level, f.What = Warn, text("doctor.verification_files.unreachable", "file", file.Name)
		case status != http.StatusOK:
			f.What = text("doctor.verification_files.missing", "file", file.Name, "status", strconv.Itoa(status))
		case !bytes.Equal(got, file.Content):
			f.What = text("doctor.verification_files.differs", "file", file.Name)
		default:
			continue
		}
		return f
	}
	return fine(VerificationFiles, "count", strconv.Itoa(len(files)))
}

func (s *Service) read(ctx context.Context, address string) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("User-Agent", "kaquan-doctor")
	res, err := s.o.HTTP.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	return body, res.StatusCode, err
}

// certificate opens a connection to the public address and looks at what is shown there.
func (s *Service) certificate(ctx context.Context, accounts []wechat.Credentials) Finding {
	u, err := url.Parse(s.o.PublicURL)
	if err != nil || u.Scheme != "https" {
		for _, c := range accounts {
			if !c.StandIn() {
				return Finding{
					Check: Certificate, Level: Fail, What: text("doctor.certificate.none"), Impact: text("doctor.impact.certificate"),
					Place: text("doctor.place.proxy"), Fix: text("doctor.domain.fix"),
				}
			}
		}
		return unknown(Certificate, "doctor.certificate.unused")
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.o.TLS != nil {
		settings = s.o.TLS.Clone()
	}
	settings.ServerName = u.Hostname()
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	conn, err := (&tls.Dialer{Config: settings}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	f := Finding{
		Check: Certificate, Level: Fail, Impact: text("doctor.impact.certificate"), Place: text("doctor.place.proxy"),
		Fix: text("doctor.certificate.fix"), Value: u.Hostname(),
	}
	if err != nil {
		var (
			invalid  x509.CertificateInvalidError
			hostname x509.HostnameError
			issuer   x509.UnknownAuthorityError
			verify   *tls.CertificateVerificationError
		)
		switch {
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
			f.What = text("doctor.certificate.expired")
		case errors.As(err, &hostname):
			f.What = text("doctor.certificate.host", "host", u.Hostname())
		case errors.As(err, &issuer):
			f.What = text("doctor.certificate.issuer")
		case errors.As(err, &verify):
			f.What = text("doctor.certificate.bad")
		default:
			f.Level, f.What = Warn, text("doctor.certificate.unreachable", "host", u.Hostname())
		}
		return f
	}
	defer func() { _ = conn.Close() }()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	end := chain[0].NotAfter
	left := end.Sub(s.o.Now())
	days := strconv.Itoa(int(max(left, 0) / (24 * time.Hour)))
	switch {
	case left <= 0:
		f.What = text("doctor.certificate.expired")
	case left <= certFail:
		f.What = text("doctor.certificate.soon", "days", days)
	case left <= certWarn:
		f.Level, f.What = Warn, text("doctor.certificate.soon", "days", days)
	default:
		return fine(Certificate, "days", days)
	}
	return f
}

func (s *Service) database(ctx context.Context) Finding {
	f := Finding{
		Check: Database, Level: Fail, Impact: text("doctor.impact.database"), Place: text("doctor.place.server"), Value: s.o.DBPath,
		Fix: text("doctor.database.fix"),
	}
	queued := 0
	if s.o.WriterQueue != nil {
		queued = s.o.WriterQueue()
		f.Facts = []Text{text("doctor.fact.queue", "count", strconv.Itoa(queued))}
	}
	if s.o.Ready == nil {
		return unknown(Database, "doctor.unreadable")
	}
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	start := time.Now() // a duration; Now may be a test's
	if err := s.o.Ready(ctx); err != nil {
		s.o.Log.Warn("database not ready", "err", err)
		f.What = text("doctor.database.down")
		return f
	}
	if queued >= queueWarn {
		f.What, f.Fix = text("doctor.database.queue", "count", strconv.Itoa(queued)), text("doctor.database.queue.fix")
		if queued < queueFail {
			f.Level = Warn
		}
		return f
	}
	ok := fine(Database, "took", strconv.FormatInt(time.Since(start).Milliseconds(), 10))
	ok.Facts = f.Facts
	return ok
}

func (s *Service) disk(context.Context) Finding {
	free, total, err := s.o.Space(s.o.DataDir)
	if err != nil || total == 0 {
		return unknown(Disk, "doctor.unreadable")
	}
	share := float64(free) / float64(total)
	size := []string{"free", gigabytes(free), "total", gigabytes(total)}
	if free >= spaceWarn && share >= 0.05 {
		return fine(Disk, size...)
	}
	f := Finding{
		Check: Disk, Level: Warn, What: text("doctor.disk.low", size...), Impact: text("doctor.impact.disk"),
		Place: text("doctor.place.server"), Fix: text("doctor.disk.fix"), Value: s.o.DataDir,
	}
	if free < spaceFail {
		f.Level = Fail
	}
	return f
}

func gigabytes(n uint64) string { return strconv.FormatFloat(float64(n)/(1<<30), 'f', 1, 64) }

// backup judges by the newest file; an installation of some days needs none yet.
func (s *Service) backup(context.Context) Finding {
	now := s.o.Now()
	var newest time.Time
	entries, err := os.ReadDir(filepath.Join(s.o.DataDir, "backups"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return unknown(Backup, "doctor.unreadable")
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() && info.Size() > 0 && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	f := Finding{
		Check: Backup, Level: Warn, Impact: text("doctor.impact.backup"), Place: text("doctor.place.backup"),
		Fix: text("doctor.backup.fix"), Value: filepath.Join(s.o.DataDir, "backups"),
	}
	age := now.Sub(newest)
	days := strconv.Itoa(int(age / (24 * time.Hour)))
	switch {
	case newest.IsZero():
		// The key is made once, with the installation.
		key, err := os.Stat(filepath.Join(filepath.Dir(s.o.DBPath), "kaquan.key"))
		if err != nil || now.Sub(key.ModTime()) < backupNew {
			return unknown(Backup, "doctor.backup.none_yet")
		}
		f.What = text("doctor.backup.none")
	case age > backupFail:
		f.Level, f.What = Fail, text("doctor.backup.old", "days", days)
	case age > backupWarn:
		f.What = text("doctor.backup.old", "days", days)
	default:
		return fine(Backup, "at", moment(newest))
	}
	return f
}
