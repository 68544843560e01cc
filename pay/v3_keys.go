package pay

import (
	"context"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// fetchInterval keeps strangers from making us call: unknown serials cause one call in it.
const fetchInterval = time.Minute

// ring is the set of WeChat's keys, by serial (B2).
type ring struct {
	turn    chan struct{} // held by who fetches
	mu      sync.Mutex
	keys    map[string]verifier
	fetched time.Time
}

func newRing(known []verifier) *ring {
	r := &ring{turn: make(chan struct{}, 1), keys: map[string]verifier{}}
	r.add(known)
	return r
}

func (r *ring) add(more []verifier) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range more {
		r.keys[v.id] = v
	}
}

func (r *ring) find(serial string, now time.Time) (verifier, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.keys[serial]
	return v, ok && v.valid(now)
}

// preferred is the id that asks WeChat which key to answer with: the public key, else the
// certificate that lives longest, else "".
func (r *ring) preferred(now time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var best verifier
	for _, v := range r.keys {
		switch {
		case v.end.IsZero():
			return v.id
		case v.valid(now) && v.end.After(best.end):
			best = v
		}
	}
	return best.id
}

// due reports whether a fetch may start now, and counts it.
func (r *ring) due(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.fetched.IsZero() && now.Sub(r.fetched) < fetchInterval && !now.Before(r.fetched) {
		return false
	}
	r.fetched = now
	return true
}

// verifierOf finds the key of a serial and fetches the certificates once when it is new.
func (g *v3) verifierOf(ctx context.Context, serial string) (verifier, bool) {
	if v, ok := g.ring.find(serial, g.now()); ok || strings.HasPrefix(serial, publicKey) {
		return v, ok
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout/2)
	defer cancel()
	select {
	case g.ring.turn <- struct{}{}:
		defer func() { <-g.ring.turn }()
	case <-ctx.Done():
		return verifier{}, false
	}
	if v, ok := g.ring.find(serial, g.now()); ok { // someone fetched meanwhile
		return v, true
	}
	if g.ring.due(g.now()) {
		if fresh, err := g.fetchCertificates(ctx); err == nil {
			g.ring.add(fresh)
		}
	}
	return g.ring.find(serial, g.now())
}

// verify checks an answer or a notification over its raw bytes.
func (g *v3) verify(ctx context.Context, h http.Header, body []byte) Reason {
	s, why := g.readStamp(h)
	if why != "" {
		return why
	}
	v, ok := g.verifierOf(ctx, s.serial)
	switch {
	case !ok:
		return ReasonSerial
	case !signedV3(v.key, s.text(body), s.signature):
		return ReasonSignature
	}
	return ""
}

// fetchCertificates asks for WeChat's certificates. The answer may be signed with one that it
// brings itself: what makes it genuine is that the APIv3 key opens it.
func (g *v3) fetchCertificates(ctx context.Context) ([]verifier, error) {
	a, err := g.exchange(ctx, http.MethodGet, "/v3/certificates", "/v3/certificates", "")
	if err != nil {
		return nil, err
	}
	if !a.ok() {
		return nil, refusedV3(a)
	}
	var list struct {
		Data []struct {
			Serial string   `json:"serial_no"`
			Sealed resource `json:"encrypt_certificate"`
		} `json:"data"`
	}
	if json.Unmarshal(a.body, &list) != nil || len(list.Data) == 0 || len(list.Data) > 32 {
		return nil, a.problem("the list of certificates is malformed")
	}
	var out []verifier
	for _, d := range list.Data {
		text, err := d.Sealed.open(g.keys.box)
		if err != nil {
			return nil, a.problem("a certificate does not decrypt with the APIv3 key")
		}
		certs, err := readCertificates(string(text))
		if err != nil {
			return nil, a.problem("a certificate is malformed")
		}
		v, ok := certificateVerifier(certs[0])
		if !ok || v.id != normalSerial(d.Serial) {
			return nil, a.problem("a certificate has another serial")
		}
		out = append(out, v)
	}
	s, why := g.readStamp(a.header)
	if why != "" {
		return nil, a.problem("the signature of the certificates: " + string(why))
	}
	signer, ok := g.ring.find(s.serial, g.now())
	for _, v := range out {
		if v.id == s.serial && v.valid(g.now()) {
			signer, ok = v, true
		}
	}
	if !ok || !signedV3(signer.key, s.text(a.body), s.signature) {
		return nil, a.problem("the signature of the certificates is wrong")
	}
	return out, nil
}

// resource is a text sealed with the APIv3 key (B8).
type resource struct {
	Algorithm string `json:"algorithm"`
	Text      string `json:"ciphertext"`
	Data      string `json:"associated_data"`
	Nonce     string `json:"nonce"`
	Original  string `json:"original_type"`
}

// open decrypts. cipher.AEAD panics on a nonce of another length, which comes from outside.
func (r resource) open(box cipher.AEAD) ([]byte, error) {
	if r.Algorithm != "AEAD_AES_256_GCM" || len(r.Nonce) != box.NonceSize() || len(r.Data) > 64 {
		return nil, errCipher
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(r.Text)
	if err != nil || len(raw) < box.Overhead() {
		return nil, errCipher
	}
	text, err := box.Open(nil, []byte(r.Nonce), raw, []byte(r.Data))
	if err != nil {
		return nil, errCipher
	}
	return text, nil
}
