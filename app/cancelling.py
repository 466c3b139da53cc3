"""Tells a cancellation of ours from one that something raised which was asked."""

import asyncio


def is_being_cancelled() -> bool:
    """Return whether the running task is to end at once.

    Clients of services raise `CancelledError` in trouble too; then nobody has asked the task to end.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
