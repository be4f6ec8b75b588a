#!/bin/sh
# Publishes, streams and polls with curl, and exits with 0 once it saw what it published.
# curl-client.sh <options for curl, in one word> <url> <ticket> <publish key> <channel>

set -e
options=$1 base=$2 ticket=$3 key=$4 channel=$5
pipe=$(mktemp -u)
mkfifo "$pipe"
trap 'kill $streaming 2>/dev/null; rm -f "$pipe"' EXIT

post() {
  path=$1 bearer=$2 body=$3
  shift 3
  # Several options: split into words on purpose.
  curl -sSf $options -H "Authorization: Bearer $bearer" -H 'Content-Type: application/json' -d "$body" "$@" "$base$path"
}
until_line() {
  while IFS= read -r line <&3; do case $line in *"$1"*) return ;; esac; done
  echo "the stream ended before $1" >&2
  exit 1
}

# Not by the function: what is ended must be curl, not the shell that it would run in.
curl -sSfN $options -H "Authorization: Bearer $ticket" -H 'Content-Type: application/json' \
  -d "{\"channels\":{\"$channel\":\"now\"}}" "$base/v1/stream" >"$pipe" &
streaming=$!
exec 3<"$pipe"
until_line '"type":"subscribed"'
post /v1/publish "$key" "{\"channel\":\"$channel\",\"data\":1}" -o /dev/null
until_line '"data":1}'
# Only HTTP/1.1 has chunks.
case $options in
  *--http1.1*) post /v1/publish "$key" "{\"channel\":\"$channel\",\"data\":2}" -o /dev/null -H 'Transfer-Encoding: chunked' ;;
  *) post /v1/publish "$key" "{\"channel\":\"$channel\",\"data\":2}" -o /dev/null ;;
esac
until_line '"data":2}'
post /v1/poll "$ticket" "{\"channels\":{\"$channel\":\"-1\"},\"waitMs\":0}" | grep -q '"data":1}.*"data":2}'
