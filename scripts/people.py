"""Real `tidings` processes on loopback with people in them, for the scripts beside this one.

Only the documented command line and the documented names of `--json` are used. Everything is bounded by a timeout, lives in one
temporary directory, and ends with the script; only processes started here are ever ended.
"""

import atexit
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START_S = 60
STOP_S = 5
COMMAND_S = 30
WAIT_S = 90


class Violation(Exception):
    """Something that must hold does not."""


class Failed(Exception):
    """A command of the program failed."""

    def __init__(self, text, code, lines):
        super().__init__(text)
        self.code = code
        self.lines = lines


def binary():
    """The program: `TIDINGS_BIN`, or the dev build, which is made when it is not there."""
    named = os.environ.get("TIDINGS_BIN")
    if named:
        return os.path.abspath(named)
    subprocess.run(["cargo", "build", "--locked", "--quiet", "--bin", "tidings"], cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    return os.path.join(target, "debug", "tidings")


class World:
    """A temporary directory and the nodes in it."""

    def __init__(self):
        self.binary = binary()
        self.folder = tempfile.mkdtemp(prefix="tidings-")
        self.nodes = []
        atexit.register(self.end)

    def node(self, name, relay=False, folder=None):
        """Starts a node, in another folder if it is told to."""
        node = Node(self, name, relay, folder or self.folder)
        self.nodes.append(node)
        node.start()
        return node

    def end(self):
        for node in self.nodes:
            node.kill()
        if os.environ.get("TIDINGS_KEEP"):
            print(f"kept {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


class Node:
    """One process of the program, or the data directory it leaves behind."""

    def __init__(self, world, name, relay, folder):
        self.world, self.name, self.relay = world, name, relay
        self.data = os.path.join(folder, name)
        self.log = os.path.join(world.folder, name + ".log")
        self.process = None
        self.account = self.peer = None
        self.kills = 0

    def start(self):
        if self.process:
            return
        command = [self.world.binary, "run", "--data", self.data, "--listen", "/ip4/127.0.0.1/tcp/0", "--ui", "127.0.0.1:0", "--name", self.name, "--json"]
        log = open(self.log, "ab")
        process = subprocess.Popen(command + (["--relay"] if self.relay else []), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        log.close()
        self.process = process
        lines = queue.Queue()

        def drain():
            for line in process.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=drain, daemon=True).start()
        end = time.monotonic() + START_S
        while True:
            try:
                line = lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise Violation(f"{self.name} was not ready after {START_S} s\n{self.last_words()}") from None
            if line is None:
                self.process = None
                raise Violation(f"{self.name} ended before it was ready (exit code {process.wait()})\n{self.last_words()}")
            ready = json.loads(line)
            if ready.get("event") == "ready":
                self.account, self.peer = ready["account"], ready["peer"]
                return

    def last_words(self):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-15:])

    def kill(self):
        """SIGKILL."""
        process, self.process = self.process, None
        if process:
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.kills += 1

    def stop(self):
        """SIGTERM, which must end it within the promised time."""
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Violation(f"{self.name} did not stop within {STOP_S} s of SIGTERM") from None
        if code != 0:
            raise Violation(f"{self.name} stopped with exit code {code}\n{self.last_words()}")

    def destroy(self):
        """SIGKILL, and the data directory is gone for good."""
        self.kill()
        shutil.rmtree(self.data)

    def ask(self, *words, text=None, timeout=COMMAND_S):
        """Runs a subcommand; its JSON lines, or `Failed` with those it printed before it failed."""
        command = [self.world.binary, "--data", self.data, *words, "--json"]
        try:
            done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired as late:
            raise Violation(f"{self.name}: `tidings {words[0]}` did not return within {timeout} s") from late
        lines = []
        for line in done.stdout.splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                if done.returncode == 0:
                    raise Violation(f"{self.name}: `tidings {words[0]}` printed no JSON: {line}") from None
        if done.returncode != 0:
            raise Failed(f"{self.name}: `tidings {' '.join(words[:2])}`: {done.stderr.strip()}", done.returncode, lines)
        return lines

    def read(self, other):
        """The texts of the room with the other, in its one order."""
        return [line for line in self.ask("read", other, "--limit", "1000000", timeout=60) if line["kind"] == "text"]

    def invite(self):
        return self.ask("invite")[0]["link"]


def wait(what, look, timeout=WAIT_S):
    """Looks until there is something, and says how long it took."""
    start = time.monotonic()
    while True:
        found = look()
        if found:
            return found, time.monotonic() - start
        if time.monotonic() - start > timeout:
            raise Violation(f"waited {timeout} s for {what}")
        time.sleep(0.1)


def meet(asker, other):
    """The other gives a link, the asker uses it; returns when both have each other as contacts."""
    link = other.invite()
    asker.ask("contact", "add", link, "--name", other.name)

    def accepted():
        here = [line for line in asker.ask("contact", "list") if line["account"] == other.account]
        there = [line for line in other.ask("contact", "list") if line["account"] == asker.account]
        return here and there and here[0]["state"] == there[0]["state"] == "accepted"

    wait(f"{asker.name} and {other.name} to meet", accepted)


def join(node, relay):
    """The node gets a mailbox at the relay."""
    node.ask("relay", "join", relay.ask("relay", "invite")[0]["link"])


def demand(holds, text):
    if not holds:
        raise Violation(text)
