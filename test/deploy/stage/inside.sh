# In a network of its own: the page of production, step by step, and what came of it, in lines that begin with `result`.
ip link set lo up
cd /opt/fanfare/node_modules/fanfare || exit 1
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=push.example.com -addext subjectAltName=DNS:push.example.com \
  -keyout /etc/ssl/push.key -out /etc/ssl/push.pem 2> /dev/null
echo '127.0.0.1 push.example.com' >> /etc/hosts
export NODE_EXTRA_CA_CERTS=/etc/ssl/push.pem

. "$1/step2.sh"
. "$1/step3.sh"
. "$1/step4.sh"
for port in 8081 8082 8080; do until curl -sf http://127.0.0.1:$port/readyz > /dev/null; do sleep 0.2; done; done
. "$1/step5.sh"
echo "result doctor $?"
. "$1/step6.sh"
targets() { curl -s http://127.0.0.1:9090/api/v1/targets | grep -o '"health":"up"' | wc -l; }
for _ in $(seq 60); do [ "$(targets)" = 3 ] && break; sleep 1; done
echo "result targets $(targets)"

node "$2/test/deploy/stage/clients.mjs" "$3" &
clients=$!
until [ -e /run/units/heard ]; do kill -0 $clients || exit 1; sleep 0.2; done
. "$1/step8.sh"
systemctl restart redis-server
until curl -sf http://127.0.0.1:8081/readyz > /dev/null; do sleep 0.2; done
echo "result acl $(redis-cli --user fanfare-node --pass "$(cat /etc/fanfare/redis)" ping 2> /dev/null)"
sleep 2
touch /run/units/over
wait $clients
for one in node1 node2 discovery; do systemctl stop fanfare@$one; done
sleep 1
echo "result ends $(cat /run/units/*.ends | tr '\n' ' ')"
