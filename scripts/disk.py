"""A disk in a file with a node on it, for `scripts/power-cut` and `scripts/full-disk` (root, loop devices)."""

import atexit
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from people import demand

MB = 1024 * 1024
TOOLS = ["losetup", "mkfs.ext4", "mount", "umount", "fallocate"]


def skip(why):
    print(f"{os.path.basename(sys.argv[0])}: SKIPPED, {why}")
    sys.exit(0)


def call(*words):
    return subprocess.run(words, check=True, capture_output=True)


class Disk:
    """An ext4 file system in a loop image. Make it before the world: then it is unmounted after the nodes have ended."""

    def __init__(self, megabytes):
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        if os.geteuid() != 0:
            skip("needs root")
        missing = [tool for tool in TOOLS if not shutil.which(tool)]
        if missing:
            skip(f"needs {missing[0]}")
        self.folder = tempfile.mkdtemp(prefix="tidings-disk-")
        self.image = os.path.join(self.folder, "image")
        self.path = os.path.join(self.folder, "disk")
        self.is_mounted = False
        os.mkdir(self.path)
        atexit.register(self.end)
        with open(self.image, "wb") as image:
            image.truncate(megabytes * MB)
        call("mkfs.ext4", "-q", "-F", "-m", "0", self.image)
        try:
            self.mount()
        except subprocess.CalledProcessError:
            skip("a loop image cannot be mounted here")

    def mount(self):
        call("mount", "-o", "loop", self.image, self.path)
        self.is_mounted = True

    def unmount(self):
        call("umount", self.path)
        self.is_mounted = False

    def copy(self):
        """What is on the disk at this moment, as a power cut would leave it: what the system still holds in memory is not there."""
        call("cp", "--sparse=always", self.image, self.image + ".copy")

    def become_copy(self):
        """The copy takes the place of the disk."""
        self.unmount()
        os.rename(self.image + ".copy", self.image)
        self.mount()

    def free_mb(self):
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize // MB

    def take(self, name, leave_mb):
        """Somebody else takes all but so much."""
        if self.free_mb() > leave_mb:
            call("fallocate", "-l", str((self.free_mb() - leave_mb) * MB), os.path.join(self.path, name))

    def fill(self, name):
        """Somebody else takes every block that is left."""
        with open(os.path.join(self.path, name), "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(MB))
            except OSError:
                pass
        subprocess.run(["sync", "-f", self.path], check=False)

    def clear(self, *names):
        """They give it back."""
        for name in names:
            os.remove(os.path.join(self.path, name))

    def end(self):
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.path], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class Load:
    """Somebody sends texts to a room without end, some at a time; `acked` has the message of each acknowledgement."""

    def __init__(self, node, room, text):
        self.node, self.room, self.text = node, room, text
        self.acked, self.said = [], ""
        self.is_over = False
        command = [node.world.binary, "--data", node.data, "send", room, "--stdin", "--json"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.feed, self.hear, self.listen)]
        for thread in self.threads:
            thread.start()

    def feed(self):
        number = 0
        try:
            while not self.is_over:
                for _ in range(random.randrange(1, 8)):
                    self.process.stdin.write(f"{self.text} {number}\n")
                    number += 1
                self.process.stdin.flush()
                # No person types faster; the audits stay short.
                time.sleep(0.1)
            self.process.stdin.close()
        except OSError:
            pass

    def hear(self):
        for line in self.process.stdout:
            self.acked.append(json.loads(line)["message"])

    def listen(self):
        for line in self.process.stderr:
            self.said += line

    def end(self):
        """Lets it finish, or finds it finished by the end of its node; its exit code."""
        self.is_over = True
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        for thread in self.threads:
            thread.join()
        return code


class Audit:
    """What was promised so far about the messages of the rooms that one node has, and whether it still has them."""

    def __init__(self, node):
        self.node = node
        self.promised = {}

    def promise(self, room, messages):
        self.promised.setdefault(room, set()).update(messages)

    def count(self):
        return sum(map(len, self.promised.values()))

    def look(self, when):
        """Everything promised is there, each message once and each text once."""
        for room, promised in self.promised.items():
            lines = self.node.read(room)
            messages, texts = [line["message"] for line in lines], [line["text"] for line in lines]
            lost = promised - set(messages)
            demand(not lost, f"{when}: {len(lost)} of {len(promised)} messages in {room} are LOST")
            demand(len(set(messages)) == len(messages) == len(set(texts)), f"{when}: messages in {room} are doubled")


def received(reader, other):
    """The messages of the other that the reader has."""
    return {line["message"] for line in reader.read(other.name) if not line["mine"]}


def custody(sender, receiver, state):
    """The sender's messages to the receiver of which the sender is told this."""
    return {line["message"] for line in sender.read(receiver.name) if line["mine"] and line["custody"]["state"] == state}
