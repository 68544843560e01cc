package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"kaquan/campaigns"
)

const httpSpan = 3 * time.Second

// measureHTTP compares what visitors ask for with the same framework answering a
// constant, over the same kind of socket and by the same load.
func measureHTTP(ctx context.Context, folder string, report func(name string, value float64, unit string)) error {
	s, err := serve(ctx, folder, campaigns.OwnCode)
	if err != nil {
		return err
	}
	constant, stop, err := serveConstant()
	if err != nil {
		return errors.Join(err, s.stop())
	}
	people, err := s.crowd(ctx, crowd)
	if err != nil {
		return errors.Join(err, stop(), s.stop())
	}
	var key atomic.Int64
	page := s.url + "/c/" + string(benchSlug)
	token, err := s.apiToken(ctx)
	if err != nil {
		return errors.Join(err, stop(), s.stop())
	}
	sign, bearer := s.url+"/api/v1/jssdk/config?url="+url.QueryEscape(page+"?ch=poster"), "Bearer "+token
	sides := []struct {
		name    string
		sum     float64
		prepare func(r *fasthttp.Request, n int64)
		want    int
	}{
		{name: "constant", prepare: func(r *fasthttp.Request, _ int64) { r.SetRequestURI(constant) }, want: 200},
		{name: "page", want: 200, prepare: func(r *fasthttp.Request, n int64) {
			people[n%crowd].ask(r, page+"?ch=poster")
		}},
		{name: "sign", want: 200, prepare: func(r *fasthttp.Request, _ int64) {
			r.SetRequestURI(sign)
			r.Header.Set("Authorization", bearer)
		}},
		{name: "claim", want: 303, prepare: func(r *fasthttp.Request, n int64) {
			v := people[n%crowd]
			v.ask(r, page+"/claim")
			v.post(r, url.Values{
				"key": {fmt.Sprintf("http-key-%d", key.Add(1))}, "ch": {"poster"}, "consent": {"1"},
				"f_name": {"王小明"}, "f_plate": {"京A12345"}, "f_car_model": {"轿车"}, "f_phone": {fmt.Sprintf("138%08d", n%100_000_000)},
			})
		}},
	}
	// The sides take turns. Claims come last: a visitor with cards has another page.
	const rounds = 3
	for turn := range 2 * rounds {
		for i := range sides {
			side := &sides[i]
			if i > 0 && (side.name == "claim") != (turn >= rounds) {
				continue
			}
			rate, e := hammer(side.prepare, side.want)
			if e != nil {
				return errors.Join(fmt.Errorf("%s: %w", side.name, e), stop(), s.stop())
			}
			side.sum += rate / rounds
		}
	}
	sides[0].sum /= 2 // it had a turn with either
	for _, side := range sides {
		report(side.name+"_http_per_second", side.sum, "requests/s")
	}
	report("page_ratio", sides[1].sum/sides[0].sum, "ratio")
	report("sign_ratio", sides[2].sum/sides[0].sum, "ratio")
	report("claim_http_ratio", sides[3].sum/sides[0].sum, "ratio")
	_, err = s.service.CheckStock(ctx, s.campaign.ID)
	return errors.Join(err, stop(), s.stop())
}

// serveConstant is the limit: the same framework, one route, two bytes.
func serveConstant() (address string, stop func() error, err error) {
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true})
	app.Get("/", func(c *fiber.Ctx) error { return c.SendString("ok") })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(ln) }()
	return "http://" + ln.Addr().String() + "/", func() error { return errors.Join(app.Shutdown(), <-served) }, nil
}

// visitor is somebody with the cookies and the token of the page.
type visitor struct{ ip, cookies, csrf string }

func (v visitor) ask(r *fasthttp.Request, address string) {
	r.SetRequestURI(address)
	r.Header.SetUserAgent(visitorAgent)
	r.Header.Set("X-Forwarded-For", v.ip)
	r.Header.Set("Cookie", v.cookies)
}

func (v visitor) post(r *fasthttp.Request, form url.Values) {
	form.Set("_csrf", v.csrf)
	r.Header.SetMethod("POST")
	r.Header.SetContentType("application/x-www-form-urlencoded")
	r.SetBodyString(form.Encode())
}

var csrfField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

// crowd is n visitors who have come through the web authorisation and read the page.
func (s *server) crowd(ctx context.Context, n int) ([]visitor, error) {
	all := make([]visitor, n)
	errs := make([]error, 16)
	var wait sync.WaitGroup
	for w := range errs {
		wait.Go(func() {
			for i := w; i < n && errs[w] == nil; i += len(errs) {
				all[i], errs[w] = s.visit(ctx, i)
			}
		})
	}
	wait.Wait()
	return all, errors.Join(errs...)
}

func (s *server) visit(ctx context.Context, n int) (visitor, error) {
	cookies, err := s.authorise(ctx, n)
	if err != nil {
		return visitor{}, err
	}
	v := visitor{ip: visitorIP(n), cookies: cookies}
	request, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(answer)
	v.ask(request, s.url+"/c/"+string(benchSlug))
	if err := fasthttp.Do(request, answer); err != nil {
		return v, err
	}
	found := csrfField.FindSubmatch(answer.Body())
	if found == nil {
		return v, fmt.Errorf("no token in the page (%d)", answer.StatusCode())
	}
	v.csrf = string(found[1])
	return v, nil
}

// hammer sends requests from all callers for a while and returns how many a second were
// answered as they should.
func hammer(prepare func(r *fasthttp.Request, n int64), want int) (float64, error) {
	client := &fasthttp.Client{MaxConnsPerHost: callers, ReadTimeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	return press(httpSpan, func() func(n int64) error {
		request, answer := new(fasthttp.Request), new(fasthttp.Response)
		return func(n int64) error {
			request.Reset()
			answer.Reset()
			prepare(request, n)
			if err := client.Do(request, answer); err != nil {
				return err
			}
			if answer.StatusCode() != want {
				body := string(answer.Body())
				return fmt.Errorf("answered %d: %s", answer.StatusCode(), strings.TrimSpace(body[:min(len(body), 300)]))
			}
			return nil
		}
	})
}
