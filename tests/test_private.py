"""Nothing leaves the machine. Python's own sockets are watched, and so is every system call."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from askseeds.assistant import Assistant
from askseeds.sync import synchronise
from tests.conftest import ARTICLE, COMMAND, ROOT, NetworkUsed

EUV = "Which company has mastered EUV lithography?"

# What every library in the process, Rust and C++ ones too, calls to connect or to look up a name.
WATCH = r"""
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void note(const struct sockaddr *to) {
    char name[INET6_ADDRSTRLEN] = "";
    if (to == NULL) return;
    if (to->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((struct sockaddr_in *)to)->sin_addr, name, sizeof name);
        if (strncmp(name, "127.", 4) == 0) return;
    } else if (to->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)to)->sin6_addr, name, sizeof name);
        if (strcmp(name, "::1") == 0) return;
    } else return;
    FILE *log = fopen(getenv("WATCH_LOG"), "a");
    if (log) { fprintf(log, "%s\n", name); fclose(log); }
}

int connect(int fd, const struct sockaddr *to, socklen_t size) {
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    note(to);
    return real(fd, to, size);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    if (host != NULL && strcmp(host, "localhost") != 0 && strncmp(host, "127.", 4) != 0 &&
        strcmp(host, "::1") != 0) {
        FILE *log = fopen(getenv("WATCH_LOG"), "a");
        if (log) { fprintf(log, "%s\n", host); fclose(log); }
    }
    return real(host, service, hints, result);
}

ssize_t sendto(int fd, const void *data, size_t n, int flags, const struct sockaddr *to,
               socklen_t size) {
    ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
        dlsym(RTLD_NEXT, "sendto");
    note(to);
    return real(fd, data, n, flags, to, size);
}
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """An environment in which every connection that leaves the machine is written to a file."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc to build the watcher")
    folder = tmp_path_factory.mktemp("watch")
    (folder / "watch.c").write_text(WATCH)
    library, log = folder / "watch.so", folder / "log"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", library, folder / "watch.c", "-ldl"], check=True
    )
    log.touch()
    # Some libraries are silent where they think that they are being tested.
    hints = ("CI", "PYTEST", "GITHUB", "GITLAB", "JENKINS", "BUILD", "ORT_", "HF_", "GRADIO_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(hints)}
    environment |= {"LD_PRELOAD": str(library), "WATCH_LOG": str(log), "HOME": str(folder / "home")}
    (folder / "home").mkdir()
    return environment, log


def test_the_watcher_sees_what_leaves(watched):
    environment, log = watched
    code = (
        "import socket\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.connect(('192.0.2.1', 9))\n"
        "socket.getaddrinfo('telemetry.invalid', 443)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=False
    )
    assert b"gaierror" in done.stderr
    assert {"192.0.2.1", "telemetry.invalid"} <= set(log.read_text().splitlines())
    log.write_text("")


def test_a_fresh_index_and_a_question_open_no_connection(watched, tmp_path):
    environment, log = watched
    shutil.copytree(ROOT / "seeds", tmp_path / "seeds")
    # With the export of the encoder, where the largest libraries are at work.
    for arguments in (["index"], ["ask", EUV], ["search", EUV], ["status"], ["doctor"]):
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=tmp_path, env=environment, capture_output=True, check=True
        )
        assert done.stdout
    assert log.read_text() == ""
    # Nor is this machine given a number for a later upload, as ONNX Runtime does by default.
    written = [path.name for path in Path(environment["HOME"]).rglob("*") if path.is_file()]
    assert not [name for name in written if "device" in name or "onnxruntime" in name]


def test_python_opens_no_socket(article_place):
    # tests/conftest.py makes every connection fail that is not to this machine.
    synchronise(article_place)
    with Assistant.open(article_place) as assistant:
        assert assistant.ask(EUV).status == "answered"


def test_the_guard_of_the_tests_works():
    import socket

    with pytest.raises(NetworkUsed):
        socket.create_connection(("192.0.2.1", 9), timeout=1)
    with pytest.raises(NetworkUsed):
        socket.getaddrinfo("example.org", 80)


def test_a_question_works_without_any_network(tmp_path, article_place):
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a network of its own needs root and unshare")
    synchronise(article_place)
    command = ["unshare", "-n", *COMMAND, "ask", EUV]
    command += ["--seeds", str(article_place.seeds), "--index", str(article_place.index)]
    done = subprocess.run(command, capture_output=True, check=False)
    if b"unshare failed" in done.stderr:
        pytest.skip("this machine gives no network of its own")
    assert done.returncode == 0
    assert ARTICLE in done.stdout.decode()
