"""A stand-in for the SSH side of a Flyte task's pod: asyncssh on a loopback port, and the bare WebSocket bridge before
it, which ignores the path, masks nothing and never pings. Prints one JSON line with both ports."""

import asyncio
import base64
import hashlib
import json
import sys

import asyncssh

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class AnyUser(asyncssh.SSHServer):
    def connection_requested(self, *_):
        return True


async def run_session(process):
    argv = ["/bin/sh", "-c", process.command] if process.command else ["/bin/sh", "-l"]
    child = await asyncio.create_subprocess_exec(*argv, stdin=-1, stdout=-1, stderr=-1)
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    await process.stdout.drain()
    process.exit(await child.wait())


def frame(opcode, payload):
    size = len(payload)
    head = bytes([0x80 | opcode])
    if size < 126:
        head += bytes([size])
    elif size < 65536:
        head += bytes([126]) + size.to_bytes(2, "big")
    else:
        head += bytes([127]) + size.to_bytes(8, "big")
    return head + payload


async def read_frame(reader):
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8), "big")
    mask = await reader.readexactly(4) if second & 0x80 else None
    data = bytearray(await reader.readexactly(size))
    if mask:
        for index in range(size):
            data[index] ^= mask[index & 3]
    return first & 0x0F, bytes(data)


async def bridge(reader, writer, ssh_port):
    head = await reader.readuntil(b"\r\n\r\n")
    if b"upgrade: websocket" not in head.lower():
        body = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        writer.write(body)
        writer.close()
        return
    assert head.startswith(b"GET /?target_port=6060 "), head
    lines = [line.split(b":", 1) for line in head.split(b"\r\n") if b":" in line]
    key = next(value.strip() for name, value in lines if name.lower() == b"sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    writer.write(switch + accept + b"\r\n\r\n")
    ssh_reader, ssh_writer = await asyncio.open_connection("127.0.0.1", ssh_port)

    async def down():
        while data := await ssh_reader.read(65536):
            writer.write(frame(2, data))
            await writer.drain()
        writer.write(frame(8, b""))

    async def up():
        while True:
            opcode, data = await read_frame(reader)
            if opcode == 8:
                return
            if opcode == 9:
                writer.write(frame(10, data))
            elif opcode != 10:
                ssh_writer.write(data)
                await ssh_writer.drain()

    tasks = [asyncio.create_task(down()), asyncio.create_task(up())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    ssh_writer.close()
    writer.close()


async def main(authorized_keys):
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=AnyUser,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        authorized_client_keys=authorized_keys,
        process_factory=run_session,
        sftp_factory=asyncssh.SFTPServer,
        allow_scp=True,
        encoding=None,
        keepalive_interval=30,
    )
    ssh_port = server.sockets[0].getsockname()[1]
    front = await asyncio.start_server(lambda r, w: bridge(r, w, ssh_port), "127.0.0.1", 0)
    # One write: print makes two of it where PYTHONUNBUFFERED is set, and nobody reads any more after the first.
    sys.stdout.write(json.dumps({"port": front.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await front.serve_forever()


asyncio.run(main(sys.argv[1]))
