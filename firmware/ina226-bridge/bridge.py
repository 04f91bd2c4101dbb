"""This module is the bridge: conversions of the chip go out as frames, commands come in.

All parts are handed over, so that the same code runs on the board and in the tests of the host.
"""

from chip import BUS, CONFIG, DIE_ID, MANUFACTURER_ID, MASK_ENABLE, SHUNT, period_us
from protocol import (
    CHIP_RESET,
    CONFIGURE,
    HELLO,
    MARK,
    MARKED,
    MISSED,
    SATURATED,
    TAG_PIN,
    Commands,
    Frames,
    Microseconds,
)

CHECK_SAMPLES = 64
"""CONFIG is read again this often: a chip that lost its supply for a moment works on with other settings."""
SILENT_PERIODS = 3
"""Without an edge of ALERT for this many periods the chip is looked after."""


class Bridge:
    """One chip, its ALERT line, a tag pin and a line to the host.

    Args:
        chip: `chip.Chip`.
        i2c_khz: clock of its bus, for the hello.
        tag: called for the level of the tag pin, 0 or 1.
        receive: called for one byte of the host; -1 where there is none.
        send: called with the bytes for the host.
        ticks_us, ticks_diff: of MicroPython's `time`.
    """

    def __init__(self, chip, *, i2c_khz, tag, receive, send, ticks_us, ticks_diff):
        self._chip = chip
        self._i2c_khz = i2c_khz
        self._tag = tag
        self._receive = receive
        self._send = send
        self._ticks_us = ticks_us
        self._ticks_diff = ticks_diff
        self._edges = 0
        self._edge_us = ticks_us()
        self._edge_tag = 0
        self._taken = 0
        self._alive_us = self._edge_us
        self._marked = False
        self._marked_us = 0
        self._flags = 0
        self._unchecked = 0
        self._time = Microseconds(self._edge_us, ticks_diff)
        self._frames = Frames()
        self._commands = Commands()
        self._pace()

    def on_alert(self, _pin):
        """ALERT fell: a conversion ended now. Called in the interrupt; it allocates nothing."""
        self._edge_us = self._ticks_us()
        self._edge_tag = self._tag()
        self._edges += 1

    def start(self):
        """Set the chip up."""
        try:
            self._chip.set_up()
        except OSError:
            self._flags |= MISSED  # the host is told by silence; `step` tries again
        self._alive_us = self._ticks_us()

    def step(self):
        """Do what is due: a conversion first, then one byte of the host, then a look after a silent chip."""
        if self._edges != self._taken:
            self._taken = self._edges
            self._convey(self._edge_us, self._edge_tag)
        byte = self._receive()
        if byte >= 0:
            self._obey(self._commands.take(byte))
        if self._ticks_diff(self._ticks_us(), self._alive_us) > self._silent_us:
            self._revive()

    def _pace(self):
        period = period_us(self._chip.config)
        # The chip may be a tenth faster than typical. What was not read within one period of it may be of the
        # next conversion, or half of each.
        self._stale_us = period * 9 // 10
        self._silent_us = SILENT_PERIODS * period

    def _convey(self, edge_us, edge_tag):
        """Read the conversion that ended at edge_us and send it, unless it was too late to be sure of it."""
        chip = self._chip
        self._alive_us = edge_us
        try:
            chip.read(MASK_ENABLE)  # ALERT rises; it falls again at the end of the next conversion
            shunt = chip.read(SHUNT)
            bus = chip.read(BUS)
        except OSError:
            self._flags |= MISSED
            return
        if self._ticks_diff(self._ticks_us(), edge_us) >= self._stale_us:
            self._flags |= MISSED
            return
        flags = self._flags
        self._flags = 0
        if edge_tag:
            flags |= TAG_PIN
        if 0x7FFF <= shunt <= 0x8001 or bus >= 0x7FFF:
            flags |= SATURATED
        if self._marked and self._ticks_diff(edge_us, self._marked_us) > 0:
            self._marked = False
            flags |= MARKED
        self._time.advance(edge_us)
        self._send(self._frames.sample(self._time, shunt, bus, flags))
        self._unchecked += 1
        if self._unchecked >= CHECK_SAMPLES:
            self._unchecked = 0
            self._check_config()

    def _check_config(self):
        try:
            if self._chip.read(CONFIG) != self._chip.config:
                self._set_up_anew()
        except OSError:
            self._flags |= MISSED

    def _set_up_anew(self):
        self._chip.set_up()
        self._flags |= CHIP_RESET | MISSED

    def _revive(self):
        """No conversion ended for long: an edge was overslept, or the chip lost its settings."""
        self._alive_us = self._ticks_us()
        self._flags |= MISSED
        try:
            if not self._chip.is_set_up():  # to ask also lets ALERT rise
                self._set_up_anew()
        except OSError:
            pass  # nothing answers; the host is told by silence

    def _obey(self, command):
        if command == MARK:
            self._marked_us = self._ticks_us()
            self._marked = True
        elif command == HELLO:
            self._hello()
        elif command == CONFIGURE:
            self._chip.config = self._commands.config
            self._pace()
            self.start()
            self._hello()

    def _hello(self):
        """Say who answers, as read from the chip now; zeros where it does not answer."""
        chip = self._chip
        manufacturer = die = config = 0
        try:
            manufacturer = chip.read(MANUFACTURER_ID)
            die = chip.read(DIE_ID)
            config = chip.read(CONFIG)
        except OSError:
            pass  # the host reads the zeros as what they are
        self._send(self._frames.hello(manufacturer, die, config, chip.address, self._i2c_khz))
