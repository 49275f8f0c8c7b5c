"""Joins two network namespaces by a link on which each packet takes a given time.

    delay.py PID-IN-THE-OTHER-NAMESPACE ONE-WAY-MILLISECONDS

A TUN device named `link0` in this namespace, another in that of the process named, and every packet that enters
one comes out of the other after the time given, in order. Does what `tc netem delay` does, where the kernel
has no netem. The end of standard input ends the link.
Python's standard library alone: it is at hand wherever the other programs are.

The time counts from when a packet was read. Priority over all other work (SCHED_FIFO) and the last moments of a
wait spent awake keep what is added to it small; how small, a ping over the link shows.
"""

import ctypes
import fcntl
import gc
import os
import select
import struct
import sys
import time
from collections import deque

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_TIMERSLACK = 29
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
SIGKILL = 9
MOST_OCTETS = 65536
# A processor that sleeps wakes up late, a virtual one by up to 0.3 ms: the last of each wait is spent awake.
AWAKE_S = 0.0004

libc = ctypes.CDLL(None, use_errno=True)


def open_tun():
    """In the namespace that this process is in now: to that the file belongs from here on."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"link0", IFF_TUN | IFF_NO_PI))
    return fd


def enter_network_of(pid):
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def take_priority():
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    libc.mlockall(3)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    except PermissionError:
        print("no real-time priority: the delay will be less even", file=sys.stderr)
    # Nothing here makes cycles, and a collection takes longer than a packet may be late.
    gc.disable()


def receive(source, queue, delay_s):
    """Reads what is there, each with the time at which it is to come out."""
    while True:
        try:
            packet = os.read(source, MOST_OCTETS)
        except BlockingIOError:
            return
        queue.append((time.monotonic() + delay_s, packet))


def deliver(queue, target):
    while queue and queue[0][0] <= time.monotonic():
        try:
            os.write(target, queue.popleft()[1])
        except OSError:
            pass  # Not up yet, or no longer: a link loses such packets.


def carry(here, there, delay_s):
    ways = ((here, there, deque()), (there, here, deque()))
    control = sys.stdin.fileno()
    while True:
        due = [queue[0][0] for _, _, queue in ways if queue]
        wait = max(0.0, min(due) - AWAKE_S - time.monotonic()) if due else None
        readable, _, _ = select.select((control, here, there), (), (), wait)
        for source, target, queue in ways:
            deliver(queue, target)
            if source in readable:
                receive(source, queue, delay_s)
        if control in readable:
            return


def main():
    other, one_way_ms = sys.argv[1:]
    here = open_tun()
    enter_network_of(other)
    there = open_tun()
    take_priority()
    print("joined", flush=True)
    carry(here, there, float(one_way_ms) / 1000)


main()
