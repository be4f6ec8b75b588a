"""Publishes with redis-py 4 or later: python3 redis_py.py <redis URL> <task> [argument]"""
import json
import re
import sys

import redis

client = redis.Redis.from_url(sys.argv[1], decode_responses=True)


def encoded(data):
    """As other languages write it: a key that comes again with other bytes is a conflict."""
    return json.dumps(data, separators=(",", ":"))


def user_channel(sub):
    """The channel of a user whose token has this sub, where tokens grant user:${sub}."""
    return "user:" + re.sub(rb"[^A-Za-z0-9_.@+~-]", lambda m: b"=%02X" % m[0][0], sub.encode()).decode()


def publish(channel, data, key=None):
    """Stores the message and reaches who listens; with a key, once, however often it is repeated within 10 minutes."""
    terms = [] if key is None else [key]
    return client.execute_command("FCALL", "fanfare_publish", 1, channel, encoded(data), *terms)


def transaction(order):
    """Both messages or none; and what else of yours is in the same Redis."""
    pipe = client.pipeline(transaction=True)
    for channel in (f"order:{order}", "orders"):
        pipe.execute_command("FCALL", "fanfare_publish", 1, channel, encoded({"order": order}), f"order-{order}")
    return pipe.execute()


def everyone(count):
    """A message of its own to each of many users, 128 by one call."""
    users = [str(n) for n in range(count)]
    pipe = client.pipeline(transaction=False)
    for at in range(0, count, 128):
        part = users[at : at + 128]
        data = [encoded({"hello": user}) for user in part]
        pipe.execute_command("FCALL", "fanfare_publish_many", len(part), *map(user_channel, part), *data)
    offsets = [offset for answer in pipe.execute() for offset in answer]
    for user, offset in zip(users, offsets):
        if not offset[0].isdigit():  # It is the error that this one would have had alone; the others are stored.
            raise redis.ResponseError(f"{user_channel(user)}: {offset}")
    return offsets


def outbox(path):
    """What was written with the order is published after it, once, by a relay that may die at any point."""
    import sqlite3

    db = sqlite3.connect(path)
    with db:
        db.execute("CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT, data TEXT)")
        db.execute("INSERT INTO outbox (channel, data) VALUES (?, ?)", ("orders", encoded({"order": 18})))
    offsets = []
    for row, channel, data in db.execute("SELECT id, channel, data FROM outbox ORDER BY id").fetchall():
        offsets.append(publish(channel, json.loads(data), f"outbox-{row}"))
        with db:
            db.execute("DELETE FROM outbox WHERE id = ?", (row,))
    return offsets


task, *rest = sys.argv[2:]
tasks = {
    "publish": lambda: publish("news", {"hello": "redis-py"}, "hello-redis-py"),
    "transaction": lambda: transaction(17),
    "everyone": lambda: everyone(int(rest[0])),
    "outbox": lambda: outbox(rest[0]),
    "channel": lambda: user_channel(rest[0]),
}
print(json.dumps(tasks[task]()))
