"""A ProxyCommand: carries stdin and stdout over a WebSocket: ws_stdio.py URL."""
import asyncio
import os
import sys

import websockets

READ_SIZE = 65536


async def from_stdin(websocket):
    reader = asyncio.StreamReader(limit=4 * READ_SIZE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while data := await reader.read(READ_SIZE):
        await websocket.send(data)
    await websocket.close()


async def to_stdout(websocket):
    async for message in websocket:
        view = memoryview(message)
        while view:
            try:
                view = view[os.write(1, view):]
            except BlockingIOError:
                await asyncio.sleep(0)  # stdin and stdout may be one socket, which asyncio made non-blocking.


async def main(url):
    async with websockets.connect(url, compression=None, max_size=None) as websocket:
        tasks = [asyncio.create_task(from_stdin(websocket)), asyncio.create_task(to_stdout(websocket))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


asyncio.run(main(sys.argv[1]))
os._exit(0)
