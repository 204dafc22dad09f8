"""asyncssh's server as its manual shows it, with exec and SFTP: asyncssh_server.py HOST_KEY AUTHORIZED_KEYS."""
import asyncio
import sys

import asyncssh


async def run_command(process):
    child = await asyncio.create_subprocess_shell(
        process.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    status = await child.wait()
    await process.stdout.drain()
    process.exit(status)


async def main(host_key, authorized_keys):
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=authorized_keys,
        process_factory=run_command,
        sftp_factory=True,
        encoding=None,
    )
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    await server.wait_closed()


asyncio.run(main(*sys.argv[1:]))
