"""This module wires the bridge up on a Raspberry Pi Pico (RP2040) and runs it; MicroPython starts it at power-on.

GP4 SDA, GP5 SCL    I2C0 to the INA226 at 400 kHz
GP6                 ALERT of the INA226, open drain, active low
GP7                 tag pin, from a GPIO of the device under test; low when nothing is connected
GP22                to ground at power-on: stay at the prompt, to load another firmware
"""

import gc
import select
import sys
import time

import micropython
from bridge import Bridge
from chip import Chip
from machine import I2C, Pin

ADDRESS = 0x40
I2C_HZ = 400_000


def run():
    """Bridge until the power is cut."""
    # The host's bytes may hold 0x03, which would else stop the program.
    micropython.kbd_intr(-1)
    micropython.alloc_emergency_exception_buf(100)
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    incoming = sys.stdin.buffer
    received = bytearray(1)

    def receive():
        for _ in poll.ipoll(0):
            incoming.readinto(received)
            return received[0]
        return -1

    alert = Pin(6, Pin.IN, Pin.PULL_UP)
    tag = Pin(7, Pin.IN, Pin.PULL_DOWN)
    chip = Chip(I2C(0, sda=Pin(4), scl=Pin(5), freq=I2C_HZ), ADDRESS)
    bridge = Bridge(
        chip,
        i2c_khz=I2C_HZ // 1000,
        tag=tag.value,
        receive=receive,
        send=sys.stdout.buffer.write,  # bytes as they are; stdout itself would turn LF into CR LF
        ticks_us=time.ticks_us,
        ticks_diff=time.ticks_diff,
    )
    alert.irq(bridge.on_alert, Pin.IRQ_FALLING, hard=True)
    bridge.start()
    gc.collect()
    step = bridge.step
    while True:
        step()


if __name__ == "__main__" and Pin(22, Pin.IN, Pin.PULL_UP).value():
    run()
