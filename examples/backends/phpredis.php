<?php
// Publishes with phpredis 5 or later: php phpredis.php <redis URL> <task> [argument]
// What is percent-encoded in a URL parse_url leaves so.
$url = array_map('rawurldecode', parse_url($argv[1])) + ['user' => '', 'pass' => '', 'port' => '6379'];
$redis = new Redis();
$redis->connect(($url['scheme'] === 'rediss' ? 'tls://' : '') . $url['host'], (int) $url['port']);
if ($url['pass'] !== '') {
    $redis->auth($url['user'] === '' ? $url['pass'] : [$url['user'], $url['pass']]);
}
// As Laravel sets it. rawCommand sends what it is told; publish() and fcall() would put the prefix before the channel.
$redis->setOption(Redis::OPT_PREFIX, 'shop:');

/** The channel of a user whose token has this sub, where tokens grant user:${sub}. */
function userChannel(string $sub): string
{
    $escape = fn (array $found): string => sprintf('=%02X', ord($found[0]));
    return 'user:' . preg_replace_callback('/[^A-Za-z0-9_.@+~-]/', $escape, $sub);
}

/** Stores the message and reaches who listens; with a key, once, however often it is repeated within 10 minutes. */
function publish(Redis $redis, string $channel, mixed $data, string ...$key): string
{
    $offset = $redis->rawCommand('FCALL', 'fanfare_publish', '1', $channel, json_encode($data), ...$key);
    // phpredis answers false to an error of a command.
    return $offset === false ? throw new RuntimeException($redis->getLastError()) : $offset;
}

/** Both messages or none; and what else of yours is in the same Redis. */
function transaction(Redis $redis, int $order): array
{
    $both = $redis->multi();
    foreach (["order:$order", 'orders'] as $channel) {
        $both->rawCommand('FCALL', 'fanfare_publish', '1', $channel, json_encode(['order' => $order]), "order-$order");
    }
    $offsets = $both->exec();
    return in_array(false, $offsets, true) ? throw new RuntimeException($redis->getLastError()) : $offsets;
}

/** A message of its own to each of many users, 128 by one call. */
function everyone(Redis $redis, int $count): array
{
    $pipe = $redis->pipeline();
    foreach (array_chunk(array_map('strval', range(0, $count - 1)), 128) as $users) {
        $data = array_map(fn (string $user): string => json_encode(['hello' => $user]), $users);
        $channels = array_map('userChannel', $users);
        $pipe->rawCommand('FCALL', 'fanfare_publish_many', (string) count($users), ...$channels, ...$data);
    }
    $offsets = array_merge(...array_map(fn (mixed $answer) => $answer ?: throw new RuntimeException($redis->getLastError()), $pipe->exec()));
    // What does not begin with a digit is the error that this one would have had alone; the others are stored.
    foreach (preg_grep('/^\d/', $offsets, PREG_GREP_INVERT) as $user => $error) {
        throw new RuntimeException(userChannel((string) $user) . ": $error");
    }
    return $offsets;
}

/** Rows of an outbox (id, channel, data), in their order: as often as it is repeated, each is stored once. Delete them after it. */
function relay(Redis $redis, array $rows): array
{
    return array_map(fn (array $row) => publish($redis, $row['channel'], $row['data'], "outbox-{$row['id']}"), $rows);
}

$argument = $argv[3] ?? '';
echo json_encode(match ($argv[2]) {
    'publish' => publish($redis, 'news', ['hello' => 'phpredis'], 'hello-phpredis'),
    'transaction' => transaction($redis, 17),
    'everyone' => everyone($redis, (int) $argument),
    'relay' => relay($redis, json_decode($argument, true)),
    'channel' => userChannel($argument),
}, JSON_UNESCAPED_SLASHES), "\n";
