// apply ORIGIN PHONE [CODE COMPANY EMAIL]: has a code sent, or applies.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

const base = "/apiaccess/rest/ipccprovision/v1/applyTry/"

func call(origin, path string, fields map[string]string) (code, again string, err error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return "", "", err
	}
	client := http.Client{Timeout: 20 * time.Second}
	answer, err := client.Post(origin+base+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return "", "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", "", err
	}
	if answer.StatusCode != http.StatusOK {
		// A problem of RFC 9457: `errors` names each field and what to give.
		return "", "", fmt.Errorf("%s %s", answer.Status, text)
	}
	var reply struct {
		ReturnCode string `json:"returnCode"`
	}
	err = json.Unmarshal(text, &reply)
	return reply.ReturnCode, answer.Header.Get("Retry-After"), err
}

func main() {
	path, fields := "generateverifycode", map[string]string{"phone": os.Args[2]}
	if len(os.Args) > 3 {
		path = "applyTenant"
		fields["phoneVerifyCode"], fields["companyName"], fields["email"] = os.Args[3], os.Args[4], os.Args[5]
	}
	code, again, err := call(os.Args[1], path, fields)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(code, again)
}
