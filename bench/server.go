package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/people"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/web"
	"kaquan/wechat"
)

// server is the product's HTTP side on a socket of its own, with all middleware on.
type server struct {
	*house
	web    *web.Server
	people *people.Service
	url    string
	stop   func() error
}

// hubGateway signs plain cards through the hub: its platform answers no question about them.
type hubGateway struct{ hub *wechat.Hub }

func (g hubGateway) SignCard(ctx context.Context, id campaigns.AccountID, r wechat.CardRequest) (string, error) {
	account, err := g.hub.Account(ctx, string(id))
	if err != nil {
		return "", err
	}
	r.Code, r.OpenID = "", ""
	return account.SignCard(ctx, r)
}

// serve starts the product on a folder. Tickets are stored beforehand, so nothing waits
// for a platform; web authorisation asks a stand-in that answers every code.
func serve(ctx context.Context, folder string, issuer campaigns.Issuer) (*server, error) {
	h, err := openHouse(ctx, folder, issuer)
	if err != nil {
		return nil, err
	}
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "expires_in": 7200, "openid": r.URL.Query().Get("code"), "scope": "snsapi_base"})
	}))
	now := time.Now().UTC()
	for _, kind := range wechat.Kinds() {
		token := wechat.Token{AppID: benchAppID, Kind: kind, Value: "bench-" + string(kind) + "-0123456789abcdef", FetchedAt: now, ExpiresAt: now.Add(2 * time.Hour), Source: "bench"}
		if err := h.store.SaveToken(ctx, token); err != nil {
			return nil, err
		}
	}
	hub := wechat.NewHub(wechat.HubOptions{Store: h.store, HTTP: platform.Client(), Owner: "bench", Find: func(ctx context.Context, id string) (wechat.Credentials, error) {
		account, err := h.store.Account(ctx, campaigns.AccountID(id))
		account.Credentials.APIURL = platform.URL
		return account.Credentials, err
	}})
	h.service = campaigns.New(campaigns.Options{Store: h.store, Gateway: hubGateway{hub}})
	s := &server{house: h, people: people.New(h.store, people.Options{})}
	shops := stores.New(stores.Options{Store: h.store})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "http://" + ln.Addr().String()
	s.web, err = web.New(web.Options{
		Campaigns: h.service, Accounts: h.store, People: s.people, WeChat: hub, Fetches: h.store, PublicURL: s.url,
		TrustedProxies: []string{"127.0.0.1"}, CookieKey: h.store.Key("visitor cookies"), Version: "bench", Ready: h.store.Ready,
		Exports: filepath.Join(folder, "exports"), Stores: shops, Redemption: redemption.New(redemption.Options{Store: h.store, Places: shops}),
	})
	if err != nil {
		return nil, err
	}
	served := make(chan error, 1)
	go func() { served <- s.web.Serve(ln) }()
	s.stop = func() error {
		shutdown, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err := errors.Join(s.web.Shutdown(shutdown), <-served, h.store.Close())
		platform.Close()
		return err
	}
	return s, nil
}

// apiToken is the token of a program that may sign as fast as it can.
func (s *server) apiToken(ctx context.Context) (string, error) {
	token, _, err := s.people.CreateAPIToken(ctx, people.Person{Name: "bench"}, "", people.NewAPIToken{
		Name: "bench", Scopes: []people.Scope{people.ScopeConfig}, Rate: 100_000,
	})
	return token, err
}

const visitorAgent = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 MicroMessenger/8.0.50 Language/zh_CN"

// visitorIP is the made-up address of the n-th visitor: 4,000 people do not share one.
func visitorIP(n int) string { return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255) }

// authorise walks the n-th visitor through the web authorisation and returns the cookies.
func (s *server) authorise(ctx context.Context, n int) (string, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(address, cookies string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("User-Agent", visitorAgent)
		r.Header.Set("X-Forwarded-For", visitorIP(n))
		r.Header.Set("Cookie", cookies)
		answer, err := client.Do(r)
		if err == nil {
			_ = answer.Body.Close()
		}
		return answer, err
	}
	asked, err := get(s.url+"/w/oauth?c="+string(benchSlug), "")
	if err != nil {
		return "", err
	}
	target, err := url.Parse(asked.Header.Get("Location"))
	if err != nil {
		return "", err
	}
	back, err := get(s.url+"/w/oauth/callback?code="+fmt.Sprintf("oBench%022d", n)+"&state="+url.QueryEscape(target.Query().Get("state")), cookieHeader(asked))
	if err != nil {
		return "", err
	}
	cookies := cookieHeader(back)
	if !strings.Contains(cookies, "kq_v=") {
		return "", fmt.Errorf("authorisation ended with %s and no visitor", back.Status)
	}
	return cookies, nil
}

func cookieHeader(r *http.Response) string {
	var all []string
	for _, c := range r.Cookies() {
		if c.Value != "" {
			all = append(all, c.Name+"="+c.Value)
		}
	}
	return strings.Join(all, "; ")
}

// signIn makes an administrator and returns the session's cookie.
func (s *server) signIn(ctx context.Context, login string) (string, error) {
	const password = "a long password for measuring"
	if _, err := s.people.CreatePerson(ctx, people.NewPerson{Login: login, Name: "bench", Password: password, Role: people.Owner}); err != nil {
		return "", err
	}
	token, _, err := s.people.SignIn(ctx, login, password, "127.0.0.1", "bench")
	return "kq_admin=" + token, err
}
