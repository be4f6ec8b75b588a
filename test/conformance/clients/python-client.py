# Publishes, streams and polls with Python's commonest HTTP clients, and exits with 0 once it saw what it published.
# python-client.py <requests|urllib3> <url> <ticket> <publish key> <channel>

import json
import sys

import requests
import urllib3

library, base, ticket, key, channel = sys.argv[1:]
# A heartbeat would complete what a reader waits for: the server that this is run against sends none within so long.
TIMEOUT_S = 30
pool = urllib3.PoolManager(timeout=TIMEOUT_S, retries=False)


def post(path, bearer, body, stream=False):
    headers = {"Authorization": "Bearer " + bearer, "Content-Type": "application/json"}
    if library == "requests":
        answer = requests.post(base + path, json=body, headers=headers, stream=stream, timeout=TIMEOUT_S)
        status = answer.status_code
    else:
        answer = pool.request("POST", base + path, body=json.dumps(body).encode(), headers=headers, preload_content=not stream)
        status = answer.status
    assert status == 200, (path, status)
    return answer


def pieces(answer):
    return answer.iter_content(chunk_size=None) if library == "requests" else answer.stream(None)


def events(answer):
    """The fields of each event, as soon as its empty line is there."""
    text = ""
    for piece in pieces(answer):
        text += piece.decode()
        while "\n\n" in text:
            event, text = text.split("\n\n", 1)
            data = [line[6:] for line in event.split("\n") if line.startswith("data: ")]
            if data:
                yield json.loads("\n".join(data))


def until(stream, kind):
    for event in stream:
        if event["type"] == kind:
            return event
    raise AssertionError("the stream ended before " + kind)


stream = post("/v1/stream", ticket, {"channels": {channel: "now"}}, stream=True)
received = events(stream)
until(received, "subscribed")
for data in (1, 2):
    post("/v1/publish", key, {"channel": channel, "data": data})
    assert until(received, "message")["data"] == data
stream.close()
answer = post("/v1/poll", ticket, {"channels": {channel: "-1"}, "waitMs": 0})
polled = answer.json() if library == "requests" else json.loads(answer.data)
assert [message["data"] for message in polled["channels"][channel]["messages"]] == [1, 2], polled
