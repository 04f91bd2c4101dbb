"""A serial bridge for 24 hours in virtual time, over a line that loses, spoils, doubles and is pulled; then noise.

Every conversion has registers of its own, so that a sample that was accepted wrongly is known. The frames are made
here, without the code that reads them. At 806 conversions in a second the day takes over an hour, so the default
averages 16 of them in the chip.

    python benchmarks/bridge.py [--hours 24] [--average 16] [--seed 226]
"""

import argparse
import math
import random
import struct
import time
from binascii import crc_hqx
from collections import Counter, deque
from dataclasses import replace

from bench_load import METER

from harness.errors import MeterError
from harness.meters import Flag, Raw
from harness.meters.bridge import Bridge
from harness.meters.bridge_frames import FrameParser
from harness.meters.virtual import VirtualClock
from harness.profile import Bus, Ina226Meter

SLOW = 1.03
"""The chip's clock against the typical one."""
HOUR_NS = 3_600_000_000_000
RATES = {
    "missed by the bridge": 1e-3,
    "frame lost": 1e-3,
    "1 to 3 bits flipped": 1e-3,
    "burst of up to 16 bits": 5e-4,
    "byte lost": 5e-4,
    "byte foreign": 5e-4,
    "3 to 64 bytes of noise": 1e-4,
    "frame doubled": 1e-4,
    "half a second lost": 1e-5,
}
"""What happens to one frame out of so many."""
PULLS_IN_A_DAY = 12
RESTARTS_IN_A_DAY = 6
FUZZ_BYTES = 1_000_000


def registers(number: int) -> tuple[int, int]:
    """SHUNT and BUS of a conversion; no two within 65521 x 32749 are the same."""
    return number * 31 % 65521 - 32760, number * 17 % 32749


class Wire:
    """A bridge and its line, on a virtual clock.

    Args:
        clock: of everything.
        period_ns: of the chip.
        seed: of what goes wrong.

    Attributes:
        quiet: nothing goes wrong while True.
        happened: how often what went wrong.
        noise: random bytes instead of the bridge's.
    """

    def __init__(self, clock: VirtualClock, period_ns: float, seed: int, hours: float) -> None:
        self.clock = clock
        self.period_ns = period_ns
        self.dice = random.Random(seed)  # noqa: S311  faults, not secrets
        self.happened: Counter[str] = Counter()
        self.noise = False
        self.noised = 0
        self.number = 0
        self.conversions = 0
        self.seqs = self.turns = 0
        self._seq = 65_000
        self._t0_us = 2**32 - 600_000_000
        self._word = 0x4127
        self._flags = 0
        self._marked_ns: int | None = None
        self._arrived: deque[tuple[int, bytes]] = deque()
        self._lost_until_ns = 0
        self._away_until_ns = 0
        self._last_t_us = 0
        day = round(hours * HOUR_NS)
        pulls, restarts = (math.ceil(each * hours / 24) for each in (PULLS_IN_A_DAY, RESTARTS_IN_A_DAY))
        self._pulls = deque(sorted(self.dice.randrange(day) for _ in range(pulls)))
        self._restarts = deque(sorted(self.dice.randrange(day) for _ in range(restarts)))

    def open_port(self, _path: str, _baud: int) -> "Wire":
        """Plugged in again after a while."""
        if self.clock() < self._away_until_ns:
            raise MeterError("no such port")
        self._arrived.clear()
        return self

    def close(self) -> None:
        """Nothing is held."""

    def discard(self) -> None:
        """What came in is thrown away."""
        self._advance()
        self._arrived.clear()

    def write(self, data: bytes) -> None:
        """A marker, a question or a setting arrives after up to 0.4 ms."""
        self._must_be_there()
        self._advance()
        if data == b"M":
            self._marked_ns = self.clock() + self.dice.randrange(50_000, 400_000)
            return
        if data[:1] == b"C":
            self._word = int.from_bytes(data[1:3], "little")
        body = struct.pack("<2sBBHHHBH", b"\xa5\x3c", 1, 1, 0x5449, 0x2260, self._word, 0x40, 400)
        self._arrive(self.clock(), body + crc_hqx(body, 0xFFFF).to_bytes(2, "little"))

    def read(self) -> bytes:
        """What has come in, within 20 ms."""
        if self.noise:
            self.clock.sleep(1e-3)
            self.noised += 64
            return self.dice.randbytes(64)
        self._must_be_there()
        next_ns = max((self.number + 1) * self.period_ns + 600_000, self.clock())
        self.clock.now_ns = round(min(next_ns, self.clock() + 20e6)) + self.dice.randrange(3_000_000)
        self._advance()
        data = b""
        while self._arrived and self._arrived[0][0] <= self.clock():
            data += self._arrived.popleft()[1]
        return data

    def _must_be_there(self) -> None:
        if self._pulls and self.clock() >= self._pulls[0]:
            self._pulls.popleft()
            self._away_until_ns = self.clock() + self.dice.randrange(1_000_000_000, 5_000_000_000)
            self.happened["cable pulled"] += 1
        if self.clock() < self._away_until_ns:
            raise OSError(5, "Input/output error")

    def _advance(self) -> None:
        """Every conversion that ended by now becomes bytes on the way."""
        while (self.number + 1) * self.period_ns <= self.clock():
            self.number += 1
            self._convert(round(self.number * self.period_ns))

    def _convert(self, end_ns: int) -> None:
        what = self._mishap(end_ns)
        if what == "missed by the bridge":
            self._flags |= 4
            return
        # Oscillator: 60 ppm off, and 20 ppm more or less with the time of day.
        device_us = end_ns / 1000 * (1 + 60e-6) + 20 * 3.6e3 / math.tau * math.sin(
            math.tau * end_ns / HOUR_NS
        )
        t_us = (int(device_us) + self._t0_us) % 2**32
        self.turns += t_us < self._last_t_us
        self._last_t_us = t_us
        self._seq = (self._seq + 1) % 65536
        self.seqs += not self._seq
        flags, self._flags = self._flags, 0
        if self._marked_ns is not None and self._marked_ns < end_ns:
            self._marked_ns = None
            flags |= 8
        shunt, bus = registers(self.number)
        body = struct.pack("<2sHIhHB", b"\xa5\x5a", self._seq, t_us, shunt, bus, flags)
        frame = body + crc_hqx(body, 0xFFFF).to_bytes(2, "little")
        self._arrive(end_ns + 450_000, self._spoilt(what, frame))

    def _arrive(self, sent_ns: int, data: bytes) -> None:
        due_ns = sent_ns + self.dice.randrange(100_000, 900_000)
        if self._arrived:
            due_ns = max(due_ns, self._arrived[-1][0])
        self._arrived.append((due_ns, data))

    def _mishap(self, end_ns: int) -> str | None:
        if self._restarts and end_ns >= self._restarts[0]:
            self._restarts.popleft()
            self._seq, self._t0_us, self._word = 0, self.dice.randrange(2**32), 0x4127
            self.happened["bridge restarted"] += 1
        if end_ns < self._lost_until_ns:
            return "frame lost"
        draw = self.dice.random()
        for what, rate in RATES.items():
            draw -= rate
            if draw < 0:
                self.happened[what] += 1
                if what == "half a second lost":
                    self._lost_until_ns = end_ns + 500_000_000
                return what
        return None

    def _spoilt(self, what: str | None, frame: bytes) -> bytes:  # noqa: PLR0911  one for each fault
        dice = self.dice
        at = dice.randrange(len(frame))
        match what:
            case "frame lost" | "half a second lost":
                return b""
            case "1 to 3 bits flipped":
                bits = dice.sample(range(120), dice.randrange(1, 4))
                return (int.from_bytes(frame, "big") ^ sum(1 << bit for bit in bits)).to_bytes(15, "big")
            case "burst of up to 16 bits":
                burst = (1 | dice.getrandbits(16)) << dice.randrange(105)
                return (int.from_bytes(frame, "big") ^ burst).to_bytes(15, "big")
            case "byte lost":
                return frame[:at] + frame[at + 1 :]
            case "byte foreign":
                return frame[:at] + dice.randbytes(1) + frame[at:]
            case "3 to 64 bytes of noise":
                return frame[:at] + dice.randbytes(dice.randrange(3, 65))
            case "frame doubled":
                return 2 * frame
        return frame


class Tally:
    """Compares what was accepted with what was sent.

    Args:
        wire: knows it.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.accepted = self.wrong = self.gaps = self.lost = self.unflagged = self.false_flags = 0
        self.off_ns = self.uncertain_ns = self.beyond = 0
        self.first = self.last = 0

    def take(self, raw: Raw, uncertainty_ns: int) -> None:
        """One sample."""
        period_ns = self._wire.period_ns
        number = round(raw.ready_ns / period_ns)
        off_ns = abs(raw.ready_ns - round(number * period_ns))
        if registers(number) != (raw.shunt, raw.bus):
            self.wrong += 1
            return
        missed = bool(raw.flags & Flag.MISSED)
        if self.accepted:
            steps = number - self.last
            self.lost += steps - 1
            self.gaps += steps > 1
            self.unflagged += steps > 1 and not missed
            self.false_flags += steps == 1 and missed
        else:
            self.first = number
        self.last = number
        self.accepted += 1
        self.off_ns, self.uncertain_ns = max(self.off_ns, off_ns), max(self.uncertain_ns, uncertainty_ns)
        self.beyond += off_ns > uncertainty_ns


def meter(average: int) -> Ina226Meter:
    """Behind a bridge."""
    return replace(METER, average=average, bus=Bus(kind="bridge", path="/dev/ttyACM0", baud=460_800))


def bridged(average: int, seed: int, hours: float) -> tuple[Bridge, Wire]:
    """A bridge on its wire, not yet opened."""
    clock = VirtualClock(1_000_000)
    asked = meter(average)
    period_ns = SLOW * average * (asked.shunt_conversion_s + asked.bus_conversion_s) * 1e9
    wire = Wire(clock, period_ns, seed, hours)
    dither = random.Random(seed).random  # noqa: S311  faults, not secrets
    return Bridge(asked, open_port=wire.open_port, clock=clock, sleep=clock.sleep, dither=dither), wire


def day(hours: float, average: int, seed: int) -> None:
    """Run the day and print what came of it."""
    bridge, wire = bridged(average, seed, hours)
    tally, begin_s = Tally(wire), time.perf_counter()
    with bridge:
        while wire.clock() < hours * HOUR_NS:
            raw = bridge.next()
            tally.take(raw, bridge.link.clock_uncertainty_ns)
        link = bridge.link
    conversions = tally.last - tally.first + 1
    print(f"{hours:g} h, {conversions} conversions at {1e9 / wire.period_ns:.1f} Hz, seed {seed}:")
    for what, count in wire.happened.items():
        print(f"  {count:>9}  {what}")
    print(f"  {wire.seqs:>9}  turns of the number\n  {wire.turns:>9}  turns of the time")
    print("came out:")
    print(f"  {tally.accepted:>9}  samples accepted ({100 * tally.accepted / conversions:.3f} %)")
    print(f"  {tally.wrong:>9}  of them wrong")
    print(
        f"  {tally.gaps:>9}  gaps, of {tally.lost} conversions; {conversions - tally.accepted} were not accepted"
    )
    print(f"  {tally.unflagged:>9}  gaps without MISSED; {tally.false_flags} times MISSED without a gap")
    print(f"  {tally.off_ns / 1000:>9.0f}  us: the furthest stamp off")
    print(f"  {tally.uncertain_ns / 1000:>9.0f}  us: the most that was said of it")
    print(f"  {tally.beyond:>9}  stamps further off than was said")
    print(f"  {link.damaged:>9}  damaged stretches counted, line begun anew {link.reopened} times")
    print(f"  {time.perf_counter() - begin_s:>9.0f}  s for all of it")


def fuzz(seed: int) -> None:
    """A million random bytes into the parser, and a million into the meter as a whole."""
    dice, parser = random.Random(seed), FrameParser()  # noqa: S311  faults, not secrets
    frames = sum(len(parser.feed(dice.randbytes(100), 0)) for _ in range(FUZZ_BYTES // 100))
    sentences: Counter[str] = Counter()
    samples = 0
    bridge, wire = bridged(1, seed, 24.0)
    while wire.noised < FUZZ_BYTES:
        wire.noise = False
        try:
            with bridge:
                wire.noise = True
                while True:
                    bridge.next()
                    samples += 1
        except MeterError as error:
            sentences[str(error).partition(";")[0]] += 1
        wire.noise = True
        try:
            with bridge:
                samples += 1
        except MeterError as error:
            sentences[str(error).partition(",")[0].lstrip("0123456789")[:60]] += 1
    print(f"{FUZZ_BYTES} random bytes into the parser: {frames} frames, no traceback")
    print(f"{wire.noised} into the meter: {samples} samples, no traceback, only these errors:")
    for sentence, count in sentences.items():
        print(f"  {count:>9}  {sentence}")


def main() -> None:
    """Run both."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--hours", type=float, default=24.0)
    arguments.add_argument("--average", type=int, default=16)
    arguments.add_argument("--seed", type=int, default=226)
    chosen = arguments.parse_args()
    day(chosen.hours, chosen.average, chosen.seed)
    fuzz(chosen.seed)


if __name__ == "__main__":
    main()
