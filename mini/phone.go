package mini

import (
	"context"
	"errors"
	"time"

	"kaquan/wechat"
)

// dataWindow is how far the watermark of open data may be from our clock.
const dataWindow = 10 * time.Minute

// OpenData is what old interfaces deliver. Each pair is there whole or not at all.
type OpenData struct {
	Encrypted, IV  string
	Raw, Signature string
}

// open checks and decrypts; zero data when nothing was encrypted.
func (s *Service) open(session *Session, d OpenData) (wechat.MiniData, error) {
	if (d.Raw != "" || d.Signature != "") && !wechat.VerifyRawData(d.Raw, session.Key, d.Signature) {
		return wechat.MiniData{}, ErrDataSignature
	}
	if d.Encrypted == "" && d.IV == "" && d.Raw != "" {
		return wechat.MiniData{}, nil
	}
	data, err := wechat.MiniCheck{
		AppID: session.App, OpenID: session.OpenID, SessionKey: session.Key, Now: s.now(), Window: dataWindow,
	}.Open(d.Encrypted, d.IV)
	switch {
	case errors.Is(err, wechat.ErrDataShape):
		return data, ErrDataShape
	case errors.Is(err, wechat.ErrDataOld):
		return data, ErrDataOld
	case err != nil:
		return data, ErrDataStale
	}
	return data, nil
}

// TakeData checks open data; everything sent must be right. A unionid in it joins the
// person with the official account's. A repeat is safe. Errors: ErrDataShape,
// ErrDataStale, ErrDataOld, ErrDataSignature.
func (s *Service) TakeData(ctx context.Context, session *Session, d OpenData) (*Session, error) {
	data, err := s.open(session, d)
	if err != nil || data.UnionID == "" || data.UnionID == session.UnionID {
		return session, err
	}
	i := session.Identity
	i.UnionID = data.UnionID
	joined := *session
	joined.Identity, err = s.join(ctx, i)
	return &joined, err
}

// Phone stores the number behind a code of the getPhoneNumber button. The code works
// once. Errors: ErrPhoneMissing, ErrPhoneCode, ErrTooOften, ErrWeChat.
func (s *Service) Phone(ctx context.Context, session *Session, code string) (*Session, error) {
	if code == "" {
		return nil, ErrPhoneMissing
	}
	account, err := s.wechat.Account(ctx, HubID(session.Account))
	if err != nil {
		return nil, err
	}
	phone, err := account.PhoneNumber(ctx, code, session.OpenID)
	var api *wechat.APIError
	switch {
	case errors.Is(err, wechat.ErrCodeInvalid), errors.Is(err, wechat.ErrCodeUsed), errors.As(err, &api) && api.Code == 40013:
		return nil, ErrPhoneCode
	case err != nil:
		return nil, gatewayError(err)
	}
	return s.savePhone(ctx, session, phone)
}

// PhoneData is Phone for old clients, which bring the number encrypted.
func (s *Service) PhoneData(ctx context.Context, session *Session, encrypted, iv string) (*Session, error) {
	data, err := s.open(session, OpenData{Encrypted: encrypted, IV: iv})
	if err != nil {
		return nil, err
	}
	if data.Phone == (wechat.MiniPhone{}) {
		return nil, ErrPhoneMissing
	}
	return s.savePhone(ctx, session, data.Phone)
}

func (s *Service) savePhone(ctx context.Context, session *Session, phone wechat.MiniPhone) (*Session, error) {
	known := *session
	known.Identity.Phone = phone.International()
	return &known, s.store.SaveMiniPhone(ctx, session.ID, known.Identity.Phone, s.now().UTC())
}
