package softkey

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

const publicKey = "public-key"

// Bytes is a byte string that is base64url without padding in JSON, as everywhere in the W3C's forms.
type Bytes []byte

// MarshalJSON returns base64url.
func (b Bytes) MarshalJSON() ([]byte, error) {
	return json.Marshal(base64.RawURLEncoding.EncodeToString(b))
}

// UnmarshalJSON takes base64url, and nothing else.
func (b *Bytes) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return fmt.Errorf("softkey: not base64url: %w", err)
	}
	*b = decoded
	return nil
}

type parameter struct {
	Type      string `json:"type"`
	Algorithm int    `json:"alg"`
}

type descriptor struct {
	Type string `json:"type"`
	ID   Bytes  `json:"id"`
}

// creation is PublicKeyCredentialCreationOptionsJSON (§5.1.8), as far as a key cares.
type creation struct {
	RP struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rp"`
	User struct {
		ID          Bytes   `json:"id"`
		Name        string  `json:"name"`
		DisplayName *string `json:"displayName"`
	} `json:"user"`
	Challenge  Bytes        `json:"challenge"`
	Parameters []parameter  `json:"pubKeyCredParams"`
	Exclude    []descriptor `json:"excludeCredentials"`
	Selection  struct {
		ResidentKey      string `json:"residentKey"`
		UserVerification string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string `json:"attestation"`
	Extensions  struct {
		AppIDExclude string `json:"appidExclude"`
		CredProps    bool   `json:"credProps"`
	} `json:"extensions"`
}

// request is PublicKeyCredentialRequestOptionsJSON (§5.1.9).
type request struct {
	Challenge        Bytes        `json:"challenge"`
	RPID             string       `json:"rpId"`
	Allow            []descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
	Extensions       struct {
		AppID string `json:"appid"`
	} `json:"extensions"`
}

// ClientData is the client data (§5.8.1) before it becomes bytes.
type ClientData struct {
	Type        string `json:"type"`
	Challenge   Bytes  `json:"challenge"`
	Origin      string `json:"origin"`
	CrossOrigin bool   `json:"crossOrigin"`
	TopOrigin   string `json:"topOrigin,omitempty"`
}

// Response is what the browser gives back, RegistrationResponseJSON or AuthenticationResponseJSON (§5.1).
type Response struct {
	ID          Bytes          `json:"id"`
	RawID       Bytes          `json:"rawId"`
	Type        string         `json:"type"`
	Attachment  string         `json:"authenticatorAttachment,omitempty"`
	Extensions  map[string]any `json:"clientExtensionResults"`
	Attestation *Attestation   `json:"-"`
	Assertion   *Assertion     `json:"-"`
}

// Attestation is the response of a creation.
type Attestation struct {
	ClientDataJSON     Bytes    `json:"clientDataJSON"`
	AuthenticatorData  Bytes    `json:"authenticatorData"`
	Transports         []string `json:"transports"`
	PublicKeyAlgorithm int      `json:"publicKeyAlgorithm"`
	AttestationObject  Bytes    `json:"attestationObject"`
}

// Assertion is the response of a request. UserHandle nil is absent.
type Assertion struct {
	ClientDataJSON    Bytes `json:"clientDataJSON"`
	AuthenticatorData Bytes `json:"authenticatorData"`
	Signature         Bytes `json:"signature"`
	UserHandle        Bytes `json:"userHandle,omitempty"`
}

func (r *Response) encode() (json.RawMessage, error) {
	type bare Response
	if r.Attestation != nil {
		return json.Marshal(struct {
			*bare
			Response *Attestation `json:"response"`
		}{(*bare)(r), r.Attestation})
	}
	return json.Marshal(struct {
		*bare
		Response *Assertion `json:"response"`
	}{(*bare)(r), r.Assertion})
}
