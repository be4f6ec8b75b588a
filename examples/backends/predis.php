<?php
// Publishes with Predis 1 or later: php predis.php <redis URL> <task> [argument]
require_once getenv('PREDIS_AUTOLOAD') ?: 'vendor/autoload.php';

['host' => $host, 'port' => $port, 'user' => $user, 'pass' => $pass] = parse_url($argv[1]);
// Commands that Predis does not know are sent as they are: a prefix is not put before the channel.
$predis = new Predis\Client(['host' => $host, 'port' => $port], ['prefix' => 'shop:']);
$predis->executeRaw(['AUTH', $user, $pass]);

/** Stores the message and reaches who listens; with a key, once, however often it is repeated within 10 minutes. */
function publish(Predis\Client $predis, string $channel, mixed $data, string ...$key): string
{
    $failed = false;
    $answer = $predis->executeRaw(['FCALL', 'fanfare_publish', '1', $channel, json_encode($data), ...$key], $failed);
    return $failed ? throw new RuntimeException($answer) : $answer;
}

/** Both messages or none; and what else of yours is in the same Redis. */
function transaction(Predis\Client $predis, int $order): array
{
    $predis->executeRaw(['MULTI']);
    foreach (["order:$order", 'orders'] as $channel) {
        $predis->executeRaw(['FCALL', 'fanfare_publish', '1', $channel, json_encode(['order' => $order]), "order-$order"]);
    }
    return $predis->executeRaw(['EXEC']);
}

/** A message of its own to each of many users, 128 by one call. */
function everyone(Predis\Client $predis, int $count): array
{
    $offsets = [];
    foreach (array_chunk(range(0, $count - 1), 128) as $users) {
        $channels = array_map(fn (int $user): string => "user:$user", $users);
        $data = array_map(fn (int $user): string => json_encode(['hello' => (string) $user]), $users);
        $call = ['FCALL', 'fanfare_publish_many', (string) count($users), ...$channels, ...$data];
        array_push($offsets, ...$predis->executeRaw($call));
    }
    return $offsets;
}

/** Rows of an outbox (id, channel, data), in their order: as often as it is repeated, each is stored once. Delete them after it. */
function relay(Predis\Client $predis, array $rows): array
{
    return array_map(fn (array $row) => publish($predis, $row['channel'], $row['data'], "outbox-{$row['id']}"), $rows);
}

echo json_encode(match ($argv[2]) {
    'publish' => publish($predis, 'news', ['hello' => 'predis'], 'order-17'),
    'transaction' => transaction($predis, 17),
    'everyone' => everyone($predis, (int) $argv[3]),
    'relay' => relay($predis, json_decode($argv[3], true)),
}), "\n";
