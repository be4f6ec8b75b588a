#!/bin/sh
# What a channel holds, for a page that goes on from there: sh history.sh <URL of a node> <channel> <last>
# The last messages, and the offset behind them: what a browser subscribes `after`. The key has the right to read.
set -e
head=$(mktemp)
trap 'rm -f "$head"' EXIT
messages=$(curl -sSf --max-time 10 -D "$head" -H "Authorization: Bearer $FANFARE_PUBLISH_KEY" "$1/v1/channels/$2?last=$3")
after=$(tr -d '\r' <"$head" | sed -n 's/^stream-next-offset: *//Ip')
printf '{"messages":%s,"after":"%s"}\n' "$messages" "$after"
