<?php
// What a channel holds, for a page that goes on from there: php history.php <URL of a node> <channel> <last>

/** The last messages, JSON as it was published, and the offset behind them: what a browser subscribes `after`. The key has the right to read. */
function history(string $base, string $channel, int $last): array
{
    $http = ['header' => 'Authorization: Bearer ' . getenv('FANFARE_PUBLISH_KEY'), 'timeout' => 10];
    $url = "$base/v1/channels/" . rawurlencode($channel) . "?last=$last";
    $answer = fopen($url, 'r', false, stream_context_create(['http' => $http]));
    if ($answer === false) {
        throw new RuntimeException("$channel could not be read");
    }
    $after = '';
    foreach (stream_get_meta_data($answer)['wrapper_data'] as $header) {
        if (stripos($header, 'Stream-Next-Offset:') === 0) {
            $after = trim(substr($header, 19));
        }
    }
    return ['messages' => stream_get_contents($answer), 'after' => $after];
}

$page = history($argv[1], $argv[2], (int) $argv[3]);
echo "{\"messages\":{$page['messages']},\"after\":\"{$page['after']}\"}\n";
