"""Round trips of the link: `ping.py ADDRESS COUNT` prints microseconds, a line each; a lost one is `lost`.

ICMP echo, answered by the kernel at the other end, one every 20 ms or when the last has come back. A program of our own because
`ping` is not everywhere, and prints only three digits.
"""

import os
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(ident, number):
    head = struct.pack("!BBHHH", 8, 0, 0, ident, number)
    body = bytes(56)
    return struct.pack("!BBHHH", 8, 0, checksum(head + body), ident, number) + body


def is_answer(packet, ident, number):
    start = (packet[0] & 15) * 4
    kind, _, _, its_ident, its_number = struct.unpack_from("!BBHHH", packet, start)
    return kind == 0 and its_ident == ident and its_number == number


def main():
    address, count = sys.argv[1], int(sys.argv[2])
    ident = os.getpid() & 0xFFFF
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
        icmp.settimeout(2)
        icmp.connect((address, 0))
        for nth in range(count):
            number = nth & 0xFFFF
            packet = echo_request(ident, number)
            began = time.perf_counter_ns()
            icmp.send(packet)
            try:
                while not is_answer(icmp.recv(2048), ident, number):
                    pass
                took = time.perf_counter_ns() - began
                print(f"{took / 1000:.1f}", flush=False)
            except TimeoutError:
                print("lost")
            time.sleep(max(0.0, 0.02 - (time.perf_counter_ns() - began) / 1e9))


main()
