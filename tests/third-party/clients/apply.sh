#!/bin/sh
# apply.sh ORIGIN PHONE                        has a code sent
# apply.sh ORIGIN PHONE CODE COMPANY EMAIL     applies
set -eu
base="$1/apiaccess/rest/ipccprovision/v1/applyTry"

if [ $# -eq 2 ]; then
  path=generateverifycode
  body=$(printf '{"phone":"%s"}' "$2")
else
  path=applyTenant
  # As it stands, for values without quotes and backslashes: elsewhere, let a library write the JSON.
  body=$(printf '{"phone":"%s","phoneVerifyCode":"%s","companyName":"%s","email":"%s"}' "$2" "$3" "$4" "$5")
fi
curl --silent --show-error --fail-with-body --max-time 20 --header 'Content-Type: application/json' --data "$body" "$base/$path"
echo
