"""This module starts the command `harness`, and is the one place that prints an error and exits."""

import sys

from harness.errors import HarnessError


def main() -> None:
    """Run the command line; exit with the code of the error, where there is one."""
    from harness.cli import app

    try:
        app(prog_name="harness")
    except HarnessError as error:
        sys.stderr.write(f"harness: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("harness: stopped\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
