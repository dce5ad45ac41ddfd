"""redis-py, as it is, against the server on the port that is the first argument.

Goal: what its users do first works: both protocols, blocking and asyncio, pipelines, AUTH, errors.
"""

import asyncio
import sys
import threading

import redis
import redis.asyncio

PORT = int(sys.argv[1])
LOCKED_PORT = int(sys.argv[2])  # the same build with --requirepass geheim
DAY_MS = 86_400_000


def expect(found, expected, what):
    assert found == expected, f"{what}: {found!r} instead of {expected!r}"


def check_verdicts(verdicts, limit, what):
    for count, (allowed, seen, remaining, retry_ms, reset_ms) in enumerate(verdicts, 1):
        passes = count <= limit
        expect((allowed, seen, remaining), (int(passes), count, max(0, limit - count)), what)
        assert 1 <= reset_ms <= DAY_MS, reset_ms
        expect(retry_ms, 0 if passes else reset_ms, f"{what}: retry")


def fixed_window(client, name):
    verdicts = [client.execute_command("RL.HIT", name, DAY_MS, 3) for _ in range(4)]
    expect([verdict[0] for verdict in verdicts], [1, 1, 1, 0], name)
    check_verdicts(verdicts, 3, name)


def pipelines(client, name):
    pipe = client.pipeline(transaction=False)
    for _ in range(500):
        pipe.execute_command("RL.HIT", name, "1d", 200)
    check_verdicts(pipe.execute(), 200, name)


def errors(client):
    for words, text in [
        (("RL.HIT", "a"), "wrong number of arguments"),
        (("RL.HIT", "a", "1d", 3, -1), "RL.REFUND"),
        (("NOSUCH",), "unknown command"),
    ]:
        try:
            reply = client.execute_command(*words)
        except redis.ResponseError as error:
            assert text in str(error), error
        else:
            raise AssertionError(f"{words}: {reply!r}")
    assert client.ping()


def throttle(client, name):
    replies = [client.execute_command("CL.THROTTLE", name, 1, 1, 3600) for _ in range(3)]
    expect([reply[0] for reply in replies], [0, 0, 1], "CL.THROTTLE: 0 = allowed")
    expect([reply[1:3] for reply in replies], [[2, 1], [2, 0], [2, 0]], "CL.THROTTLE")
    expect([reply[3] for reply in replies[:2]], [-1, -1], "CL.THROTTLE retry")
    assert 3598 <= replies[2][3] <= 3600, replies


def generic(client, name):
    client.execute_command("RL.HIT", name, "1d", 3)
    assert name.encode() in set(client.scan_iter(count=1000))
    expect(client.exists(name), 1, "EXISTS")
    expect(client.type(name), b"ratelimit", "TYPE")
    expect(client.delete(name), 1, "DEL")
    expect(client.exists(name), 0, "EXISTS after DEL")
    info = client.info()
    assert info["redis_version"].startswith("7."), info["redis_version"]
    expect(client.config_get("maxclients"), {"maxclients": "10000"}, "CONFIG GET")
    client.client_setname("tester")
    assert any(row["name"] == "tester" for row in client.client_list())


def password():
    for arguments, error in [
        ({}, redis.AuthenticationError),
        ({"password": "wrong"}, redis.AuthenticationError),
    ]:
        try:
            redis.Redis(port=LOCKED_PORT, **arguments).execute_command("RL.HIT", "a", "1d", 3)
        except error:
            continue
        raise AssertionError(f"{arguments} let in")
    client = redis.Redis(port=LOCKED_PORT, password="geheim")
    expect(client.execute_command("RL.HIT", "a", "1d", 3)[:2], [1, 1], "with the password")


def waiting(client, name):
    expect(client.blpop([f"{name}:none"], timeout=0.01), None, "blpop without an element")
    found = []
    waiter = threading.Thread(target=lambda: found.append(client.blpop([f"{name}:none", name])))
    waiter.start()
    other = redis.Redis(port=PORT)
    while other.info("clients")["blocked_clients"] != 1:
        pass
    expect(other.rpush(name, "first", "second"), 2, "rpush")
    waiter.join()
    pair = [name.encode(), b"first"]
    expect(list(found[0]), pair, "blpop")
    expect(list(client.brpop(name)), [name.encode(), b"second"], "brpop")


def channels(client, name):
    listener = client.pubsub()
    listener.subscribe(name)
    listener.psubscribe(f"{name[:-1]}*")
    kinds = [listener.get_message(timeout=5)["type"] for _ in range(2)]
    expect(kinds, ["subscribe", "psubscribe"], "confirmations")
    expect(client.publish(name, "hello"), 2, "receivers")
    messages = [listener.get_message(timeout=5) for _ in range(2)]
    expect([message["type"] for message in messages], ["message", "pmessage"], "messages")
    expect([message["data"] for message in messages], [b"hello"] * 2, "data")
    expect(client.pubsub_numsub(name), [(name.encode(), 1)], "numsub")
    listener.ping()
    listener.unsubscribe()
    listener.punsubscribe()
    kinds = [listener.get_message(timeout=5)["type"] for _ in range(3)]
    expect(kinds, ["pong", "unsubscribe", "punsubscribe"], "ends")
    listener.close()
    expect(client.publish(name, "nobody"), 0, "receivers at the end")


async def concurrent(name):
    client = redis.asyncio.Redis(port=PORT)
    hits = [client.execute_command("RL.HIT", name, "1d", 30) for _ in range(100)]
    verdicts = await asyncio.gather(*hits)
    expect(sum(verdict[0] for verdict in verdicts), 30, "allowed of 100 at once")
    expect(sorted(verdict[1] for verdict in verdicts), list(range(1, 101)), "counts")
    await client.aclose()


for protocol in (2, 3):
    connection = redis.Redis(port=PORT, protocol=protocol)
    hello = connection.execute_command("HELLO", protocol)
    if protocol == 3:
        expect({key.decode(): value for key, value in hello.items()}["proto"], 3, "HELLO 3")
    fixed_window(connection, f"py:window:{protocol}")
    pipelines(connection, f"py:pipe:{protocol}")
    throttle(connection, f"py:cell:{protocol}")
    errors(connection)
    generic(connection, f"py:generic:{protocol}")
    waiting(connection, f"py:list:{protocol}")
    channels(connection, f"py:channel:{protocol}")
password()
asyncio.run(concurrent("py:async"))
print(f"redis-py {redis.__version__}: ok")
