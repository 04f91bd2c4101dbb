"""What holds for every test of the harness."""

from hypothesis import settings

# No test measures time: a busy machine must not turn a slow example into a failure.
settings.register_profile("harness", deadline=None)
settings.load_profile("harness")
