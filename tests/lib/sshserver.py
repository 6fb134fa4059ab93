# SPDX-License-Identifier: LGPL-2.1-or-later
"""An SSH server on loopback that takes one key and runs what it is told, as another machine's
sshd would; with a command that runs OpenSSH's ssh with what a user has in ~/.ssh.

    with SshServer(folder, user, environment) as server:
        server.command, server.port         # for qemu+ssh://127.0.0.1:PORT/...?command=COMMAND
"""
import asyncio
import os
import threading

import asyncssh


class SshServer:
    def __init__(self, folder, user, environment):
        """user: of struct passwd, whom root becomes for a command; None: stays who it is"""
        self.folder, self.user, self.environment = folder, user, environment
        self.commands, self.running, self.connections = [], [], []
        key = asyncssh.generate_private_key("ssh-ed25519")
        mine = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = key
        self.keys = self.write("authorized_keys", mine.export_public_key())
        self.write("id", mine.export_private_key())
        self.command = os.path.join(folder, "ssh")
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def write(self, name, data, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "wb", opener=lambda path, flags: os.open(path, flags, mode)) as f:
            f.write(data)
        return path

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def __enter__(self):
        self.thread.start()
        self.server = self.call(self.listen())
        self.port = self.server.sockets[0].getsockname()[1]
        self.know(self.host_key)
        config = (f"IdentityFile {self.folder}/id\nIdentitiesOnly yes\nUserKnownHostsFile {self.folder}/known_hosts\n"
                  "GlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n")
        self.write("config", config.encode())
        self.write("ssh", f"#!/bin/sh\nexec /usr/bin/ssh -F '{self.folder}/config' \"$@\"\n".encode(), 0o700)
        return self

    def __exit__(self, *_):
        self.call(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def know(self, key):
        """The host key that the client expects from here on."""
        self.write("known_hosts", f"[127.0.0.1]:{self.port} ".encode() + key.export_public_key())

    async def listen(self):
        return await asyncssh.listen("127.0.0.1", 0, server_host_keys=[self.host_key], authorized_client_keys=self.keys,
                                     process_factory=self.serve, encoding=None, allow_scp=False)

    async def end(self):
        self.server.close()
        for connection in self.connections:
            connection.abort()
        for process in self.running:
            if process.returncode is None:
                process.kill()
            await process.wait()
        await self.server.wait_closed()

    async def serve(self, session):
        self.commands.append(session.command)
        self.connections.append(session.get_extra_info("connection"))
        user = {} if self.user is None else {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", session.command, stdin=pipe, stdout=pipe,
                                                       stderr=pipe, env=self.environment, cwd="/", **user)
        self.running.append(process)
        await session.redirect(stdin=process.stdin, stdout=process.stdout, stderr=process.stderr)
        session.exit(await process.wait())
