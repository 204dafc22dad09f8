"""Bridges every WebSocket connection to a TCP port on loopback: ws_bridge.py TCP_PORT."""
import asyncio
import sys

import websockets

READ_SIZE = 65536


async def to_tcp(websocket, writer):
    async for message in websocket:
        writer.write(message)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def to_websocket(reader, websocket):
    while data := await reader.read(READ_SIZE):
        await websocket.send(data)
    await websocket.close()


async def bridge(websocket, port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4 * READ_SIZE)
    try:
        await asyncio.gather(to_tcp(websocket, writer), to_websocket(reader, websocket))
    except (websockets.ConnectionClosed, ConnectionError):
        pass  # One side left: the other is closed below.
    finally:
        writer.close()


async def main(port):
    # Without compression: ciphertext does not shrink, and trying costs most of the speed.
    async with websockets.serve(
        lambda websocket: bridge(websocket, port), "127.0.0.1", 0, compression=None, max_size=None
    ) as server:
        print("listening on", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main(int(sys.argv[1])))
