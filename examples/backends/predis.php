<?php
// Publishes with Predis 1 or later: php predis.php <redis URL> <task> [argument]
require_once getenv('PREDIS_AUTOLOAD') ?: 'vendor/autoload.php';

// What is percent-encoded in a URL parse_url leaves so.
$url = array_map('rawurldecode', parse_url($argv[1])) + ['user' => '', 'pass' => '', 'port' => '6379'];
$account = array_filter(['username' => $url['user'], 'password' => $url['pass']], strlen(...));
$place = ['scheme' => $url['scheme'] === 'rediss' ? 'tls' : 'tcp', 'host' => $url['host'], 'port' => $url['port']];
// Commands that Predis does not know are sent as they are: a prefix is not put before the channel.
$predis = new Predis\Client($place + $account, ['prefix' => 'shop:']);

/** What the server answers; executeRaw alone says of an error as of any other text, and leaves those of a transaction in its list. */
function call(Predis\Client $predis, array $command): mixed
{
    $answer = $predis->executeRaw($command, $failed);
    foreach ($failed ? [$answer] : (is_array($answer) ? $answer : []) as $error) {
        if ($failed || $error instanceof Predis\Response\ErrorInterface) {
            throw new RuntimeException((string) $error);
        }
    }
    return $answer;
}

/** Stores the message and reaches who listens; with a key, once, however often it is repeated within 10 minutes. */
function publish(Predis\Client $predis, string $channel, mixed $data, string ...$key): string
{
    return call($predis, ['FCALL', 'fanfare_publish', '1', $channel, json_encode($data), ...$key]);
}

/** Both messages or none; and what else of yours is in the same Redis. */
function transaction(Predis\Client $predis, int $order): array
{
    call($predis, ['MULTI']);
    foreach (["order:$order", 'orders'] as $channel) {
        call($predis, ['FCALL', 'fanfare_publish', '1', $channel, json_encode(['order' => $order]), "order-$order"]);
    }
    return call($predis, ['EXEC']);
}

/** A message of its own to each of many users, 128 by one call. */
function everyone(Predis\Client $predis, int $count): array
{
    $offsets = [];
    foreach (array_chunk(range(0, $count - 1), 128) as $users) {
        $channels = array_map(fn (int $user): string => "user:$user", $users);
        $data = array_map(fn (int $user): string => json_encode(['hello' => (string) $user]), $users);
        array_push($offsets, ...call($predis, ['FCALL', 'fanfare_publish_many', (string) count($users), ...$channels, ...$data]));
    }
    // What does not begin with a digit is the error that this one would have had alone; the others are stored.
    foreach (preg_grep('/^\d/', $offsets, PREG_GREP_INVERT) as $user => $error) {
        throw new RuntimeException("user:$user: $error");
    }
    return $offsets;
}

/** Rows of an outbox (id, channel, data), in their order: as often as it is repeated, each is stored once. Delete them after it. */
function relay(Predis\Client $predis, array $rows): array
{
    return array_map(fn (array $row) => publish($predis, $row['channel'], $row['data'], "outbox-{$row['id']}"), $rows);
}

echo json_encode(match ($argv[2]) {
    'publish' => publish($predis, 'news', ['hello' => 'predis'], 'hello-predis'),
    'transaction' => transaction($predis, 17),
    'everyone' => everyone($predis, (int) $argv[3]),
    'relay' => relay($predis, json_decode($argv[3], true)),
}), "\n";
