# In a mount namespace: whatever the page of production changes is written beside the machine's own folders. $1 is the stage, $2 the repository.
set -e
mount -t tmpfs none "$1"
for folder in etc opt usr/local var; do
  mkdir -p "$1/$folder.upper" "$1/$folder.work"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$1/$folder.upper,workdir=$1/$folder.work" "/$folder"
done
mount -t tmpfs none /run
mkdir -p /run/units /run/redis /opt/fanfare /etc/systemd/system /var/lib/redis /var/log/redis /var/log/nginx
chown redis /run/redis /var/lib/redis /var/log/redis
cp "$2/test/deploy/stage/systemctl" /usr/local/bin/systemctl
export PATH=/usr/local/bin:$PATH

node "$2/test/deploy/stage/steps.mjs" "$2/docs/PRODUCTION.md" "$1"
cd "$2"
npm pack --silent --pack-destination "$1" > /dev/null
cd "$1"
# Of its first step the line that packs was done; this folder is not installed anew under who runs this.
sed -i -E '/npm ci && npm pack/d; s/^([^#]*config check[^#]*).*/\1 || echo "result config-check $?"/' step1.sh
. ./step1.sh
exec unshare --net --pid --fork --kill-child --mount-proc bash "$2/test/deploy/stage/inside.sh" "$1" "$2" "$3" "$4"
