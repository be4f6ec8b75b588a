# In a network of its own: the page of production, step by step, and what came of it, in lines that begin with `result`.
# $1 is the stage, $2 the repository, $3 how many clients, $4 `slice` where the machine comes up, serves and ends, and no more.
ip link set lo up
cd /opt/fanfare/node_modules/fanfare || exit 1
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=push.example.com -addext subjectAltName=DNS:push.example.com \
  -keyout /etc/ssl/push.key -out /etc/ssl/push.pem 2> /dev/null
echo '127.0.0.1 push.example.com' >> /etc/hosts
export NODE_EXTRA_CA_CERTS=/etc/ssl/push.pem CURL_CA_BUNDLE=/etc/ssl/push.pem

. "$1/step2.sh"
. "$1/step3.sh"
. "$1/step4.sh"
for port in 8081 8082 8080; do until curl -sf http://127.0.0.1:$port/readyz > /dev/null; do sleep 0.2; done; done
. "$1/step5.sh"
echo "result doctor $?"
targets() { curl -s http://127.0.0.1:9090/api/v1/targets | grep -o '"health":"up"' | wc -l; }
everybody_up() {
  for _ in $(seq 60); do [ "$(targets)" = 3 ] && break; sleep 1; done
  echo "result $1 $(targets)"
}
redis_says() { redis-cli --user "${2:-fanfare-node}" --pass "$1" ping 2> /dev/null; }
redis_secret() { cat "${2:-/etc/fanfare}/redis-$1"; }
# What a secret that is no longer good is answered with, by whoever is asked for each kind.
answered() { curl -s -o /dev/null -w '%{http_code} ' "$@"; }
refused() {
  local was=$1 json='Content-Type: application/json'
  answered -H "$json" -H "Authorization: Bearer $(cat "$was/publish")" -d '{"channel":"news","data":0}' https://push.example.com/n/1/v1/publish
  answered -H "Authorization: Bearer $(cat "$was/admin")" http://127.0.0.1:9081/metrics
  answered -X POST -H "Authorization: Bearer $(FANFARE_AUTH_SECRET=$(cat "$was/auth") /opt/fanfare/node_modules/.bin/fanfare token --sub old)" https://push.example.com/v1/connect
  redis_says "$(redis_secret fanfare-node "$was")"
}

echo "result users $(for user in fanfare-node publisher live-publisher; do redis_says "$(redis_secret $user)" $user; done | tr '\n' ' ')$(redis_says "$(redis_secret publisher)" | cut -d ' ' -f 1)"
[ "$4" = slice ] || { . "$1/step6.sh" && everybody_up targets; }
node "$2/test/deploy/stage/clients.mjs" "$3" &
clients=$!
until [ -e /run/units/heard ]; do kill -0 $clients || exit 1; sleep 0.2; done
node "$2/node_modules/tsx/dist/cli.mjs" "$2/test/deploy/stage/browser.ts"
if [ "$4" != slice ]; then
  . "$1/step8.sh"
  cp -r /etc/fanfare /run/units/before
  . "$1/step9.sh"
  echo "result refused $(refused /run/units/before)"
  everybody_up targets-with-new-key
  echo "result acl $(redis_says "$(redis_secret fanfare-node)")"
  sleep 2
fi
touch /run/units/over
wait $clients
for one in node1 node2 discovery; do systemctl stop fanfare@$one & done
wait
echo "result ends $(cat /run/units/*.ends | tr '\n' ' ')"
echo "result left $(grep -lsa '[d]ist/src/cli/main.js' /proc/[0-9]*/cmdline | wc -l)"
