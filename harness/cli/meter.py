"""This module is the commands `harness meter ...`: it reads their arguments and calls one worker each."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Look at a meter, test it, calibrate it, record with it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DeviceName = Annotated[str, typer.Argument(metavar="[D]", help="Name of a device, or path of its file.")]
ChannelName = Annotated[
    str | None,
    typer.Option(
        "--channel", metavar="NAME", help="Channel of a meter that has several (kind ina226-group)."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.command("list")
def list_meters(*, json: AsJson = False) -> None:
    """List the meters this machine shows, with what names them in a device's file."""
    from harness.cli.metering import print_sightings

    print_sightings(as_json=json)


@app.command()
def show(device: DeviceName = "host", *, json: AsJson = False) -> None:
    """Open the meter of a device, read its configuration back and measure for a second."""
    from harness.cli.metering import show_meter

    show_meter(device, as_json=json)


@app.command()
def watch(
    device: DeviceName = "host",
    *,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", min=0.1, help="Stop after so long; without it on Ctrl-C.")
    ] = None,
) -> None:
    """Show the power live, with a plot; plain lines where the output is no terminal."""
    from harness.cli.watching import watch_meter

    watch_meter(device, seconds)


@app.command()
def selftest(
    device: DeviceName = "host",
    *,
    seconds: Annotated[float, typer.Option(metavar="S", min=0.5, help="Length of each of its parts.")] = 2.0,
    volts: Annotated[
        float | None, typer.Option(metavar="V", min=0.1, help="Voltage of the rail, by a voltmeter.")
    ] = None,
    watts: Annotated[
        float | None, typer.Option(metavar="W", min=1e-3, help="Power of the load, roughly.")
    ] = None,
    unloaded: Annotated[
        bool, typer.Option("--unloaded", help="The load is disconnected: noise and offset at zero current.")
    ] = False,
    elsewhere: Annotated[
        bool,
        typer.Option("--elsewhere", help="The meter does not feed this machine: do not look for its work."),
    ] = False,
    channel: ChannelName = None,
) -> None:
    """Test a meter: its bus, its rate, its noise, and what it shows against what you know."""
    from harness.cli.testing import run_selftest
    from harness.meters.selftest import Known

    known = Known(voltage_v=volts, power_w=watts, is_unloaded=unloaded)
    run_selftest(device, seconds=seconds, known=known, responds=not (elsewhere or unloaded), channel=channel)


@app.command()
def calibrate(
    device: DeviceName = "host",
    *,
    reference: Annotated[
        str, typer.Option(metavar="TEXT", help="The reference instrument, with its number.")
    ],
    reference_u: Annotated[
        float,
        typer.Option(
            metavar="U", min=1e-6, max=0.05, help="Its relative standard uncertainty, such as 0.0005."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the record goes; a new file.")],
    readings: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Readings taken earlier; without it you are asked for them."),
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="S", min=0.2, help="Length of one reading.")] = 2.0,
    temperature: Annotated[float | None, typer.Option(metavar="C", help="Of the board, in deg C.")] = None,
    shunt: Annotated[str, typer.Option(metavar="TEXT", help="What is known of the shunt.")] = "",
    channel: ChannelName = None,
) -> None:
    """Make the calibration record of a meter from readings beside a reference instrument."""
    from harness.cli.calibrating import Session, calibrate_meter

    session = Session(
        device=device,
        reference=reference,
        reference_u=reference_u,
        temperature_c=temperature,
        shunt=shunt,
        seconds=seconds,
        channel=channel,
    )
    calibrate_meter(session, readings, out)


@app.command()
def record(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Raw power file to write; a new file.")],
    device: DeviceName = "host",
    *,
    seconds: Annotated[float, typer.Option(metavar="S", min=0.1, help="How long.")] = 10.0,
) -> None:
    """Record raw samples of a meter; `meter: {kind: replay, path: FILE}` plays them again."""
    from harness.cli.metering import record_meter

    record_meter(device, out, seconds)
