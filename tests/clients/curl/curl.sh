#!/usr/bin/env bash
# curl: a whole login with each way of its own to send things. TENANT is the line that `countersign serve` prints.
set -euo pipefail

user='{"email": "ada@example.com", "password": "correct horse", "enrolled": [{"channel": "email"}]}'
mfa_oob=http://auth0.com/oauth/grant-type/mfa-oob

# The text of a member of the JSON on standard input, of the last object that has it.
text() { sed -nE "1s/.*\"$1\":\"([^\"]*)\".*/\1/p"; }

line() { text "$1" <<<"$TENANT"; }

# The answer to a request, and its status on a line of its own. The user's own settings are left out.
curl() { command curl --disable -sS --max-time 30 --cacert "$(line ca)" --write-out '\n%{http_code}\n' "$@"; }

expect() { # text pattern
    [[ $1 == $2 ]] || { printf 'expected: %s\nfound: %s\n' "$2" "$1"; exit 1; }
}

code() { curl "$(line control)/outbox?to=ada@example.com" | text code; }

add_user() { expect "$(curl --json "$user" "$(line control)/users")" '*201'; }

url=$(line url)
# The members of the management client come later.
application=${TENANT%%,\"management\"*}
id=$(text client_id <<<"$application")
secret=$(text client_secret <<<"$application")

test_json() {
    add_user
    client="\"client_id\": \"$id\", \"client_secret\": \"$secret\""
    login="{$client, \"grant_type\": \"password\", \"scope\": \"openid email\",
        \"username\": \"ada@example.com\", \"password\": \"correct horse\"}"
    answer=$(curl --json "$login" "$url/oauth/token")
    expect "$answer" '*"error":"mfa_required"*403'
    mfa_token=$(text mfa_token <<<"$answer")
    answer=$(curl --json "{$client, \"mfa_token\": \"$mfa_token\", \"challenge_type\": \"oob\"}" "$url/mfa/challenge")
    expect "$answer" '*"challenge_type":"oob"*200'
    oob_code=$(text oob_code <<<"$answer")
    answer=$(curl --json "{$client, \"grant_type\": \"$mfa_oob\", \"mfa_token\": \"$mfa_token\",
        \"oob_code\": \"$oob_code\", \"binding_code\": \"$(code)\"}" "$url/oauth/token")
    expect "$answer" '*"access_token":"*200'
    access_token=$(text access_token <<<"$answer")
    answer=$(curl --oauth2-bearer "$access_token" "$url/userinfo")
    expect "$answer" '*"email":"ada@example.com"*200'
}

# A login whose client shows itself as the arguments say.
form() {
    add_user
    answer=$(curl "$@" --data-urlencode grant_type=password --data-urlencode 'scope=openid email' \
        --data-urlencode username=ada@example.com --data-urlencode 'password=correct horse' "$url/oauth/token")
    expect "$answer" '*"error":"mfa_required"*403'
    mfa_token=$(text mfa_token <<<"$answer")
    answer=$(curl --header "Authorization: Bearer $mfa_token" "$url/mfa/authenticators")
    expect "$answer" '\[*"oob_channel":"email"*200'
    answer=$(curl --json "{\"client_id\": \"$id\", \"client_secret\": \"$secret\", \"mfa_token\": \"$mfa_token\",
        \"challenge_type\": \"oob\"}" "$url/mfa/challenge")
    oob_code=$(text oob_code <<<"$answer")
    answer=$(curl "$@" --data-urlencode "grant_type=$mfa_oob" --data-urlencode "mfa_token=$mfa_token" \
        --data-urlencode "oob_code=$oob_code" --data-urlencode "binding_code=$(code)" "$url/oauth/token")
    expect "$answer" '*"access_token":"*"token_type":"Bearer"*200'
}

test_form() { form --data-urlencode "client_id=$id" --data-urlencode "client_secret=$secret"; }

test_basic() {
    form --user "$id:$secret"
    answer=$(curl --user "$id:another" --data grant_type=password --data username=x --data password=x "$url/oauth/token")
    expect "$answer" '*"error":"invalid_client"*401'
}

test_trusts_no_other_authority() {
    exit_code=0
    command curl --disable -s --max-time 30 "$url/.well-known/jwks.json" || exit_code=$?
    # The peer's certificate cannot be authenticated.
    expect "$exit_code" 60
}

"test_$1"
