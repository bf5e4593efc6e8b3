"""Exit statuses: each outcome of a command has its own status and one log line."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

import structlog
from pydantic_settings import SettingsError
from rich.console import Console
from typer import Abort, TyperException

BUG = 70
SIGNALS = (signal.SIGINT, signal.SIGTERM)
MEANINGS = {
    0: "done",
    2: "the command line or a setting is wrong",
    65: "the input is invalid or missing",
    BUG: "a bug in the job",
    74: "a file or service could not be read, written or reached",
    130: "interrupted by Ctrl-C",
    143: "terminated by SIGTERM",
}
log = structlog.get_logger()


class InputError(Exception):
    """The input is invalid or missing; each argument describes one problem."""


# Add the exceptions of the libraries that the job uses, such as `gzip.BadGzipFile: 65`.
STATUSES = {
    Abort: 1,  # The answer to `typer.confirm(..., abort=True)` was no.
    TyperException: 2,
    SettingsError: 2,
    InputError: 65,
    EOFError: 65,
    UnicodeDecodeError: 65,
    FileNotFoundError: 65,
    OSError: 74,
}


def run(command: Callable[[], int | None]) -> NoReturn:
    """Run a command, log its failure if it fails, and exit with the status of the outcome."""
    exit_on_signals()
    status, error = 0, None
    try:
        status = command() or 0
    except BaseException as raised:  # noqa: BLE001 - a panic of polars is not an Exception
        error = raised
        # Typer raises SystemExit for a broken pipe, even that of a connection to a database, and
        # Abort for a file that ends too early.
        if isinstance(raised, SystemExit | Abort):
            error = raised.__context__ or raised
        if isinstance(raised, SystemExit) and not isinstance(error, BrokenPipeError):
            # The job's own `sys.exit(3)` or `sys.exit("why")`.
            is_number = isinstance(raised.code, int | None)
            status, error = (int(raised.code or 0), None) if is_number else (1, raised)
        else:
            status = status_of(error)
    if status:
        try:
            log_failure(status, error)
            sys.stdout.flush()
        except OSError:  # The reader of the log is gone, and Python would write to it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def status_of(error: BaseException) -> int:
    """Return the status for an exception; a group that contains a bug counts as a bug."""
    if isinstance(error, BaseExceptionGroup):
        statuses = [status_of(each) for each in error.exceptions]
        return BUG if BUG in statuses else statuses[0]
    return next((STATUSES[it] for it in type(error).mro() if it in STATUSES), BUG)


def log_failure(status: int, error: BaseException | None) -> None:
    """Log a failure as one line, with the traceback if it is a bug."""
    meaning = MEANINGS.get(status, "failed")
    with structlog.contextvars.bound_contextvars(status=status):
        if status == BUG:  # Error trackers listen to the standard library's log.
            logging.getLogger(__name__).error(meaning, exc_info=error)
        else:
            log.error(meaning, problems=describe(error) if error else [])


def describe(error: BaseException) -> list[str]:
    """Return the problems that an exception describes."""
    problems = [*error.args] if isinstance(error, InputError) else [str(error) or repr(error)]
    if isinstance(error, BaseExceptionGroup):
        problems = [problem for each in error.exceptions for problem in describe(each)]
    elif isinstance(error, TyperException):
        problems = [error.format_message()]
    elif isinstance(error, OSError) and error.strerror:
        # Of the two files of a failed replacement, the second is the one that the user named.
        path = error.filename2 or error.filename
        problems = [f"{path}: {error.strerror}" if path else error.strerror]
    return [*problems, *getattr(error, "__notes__", [])]


def exit_on_signals() -> None:
    """Exit as soon as SIGTERM or Ctrl-C arrives, without cleaning up.

    Cleaning up would need an exception in the main thread, which native code may delay or discard.
    As after SIGKILL, the next run removes what this one leaves behind: see `files.replacing`.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    threading.Thread(target=_wait_for_signal, args=[reader], daemon=True).start()
    # The main thread runs a handler only after a call into native code has returned. The
    # interpreter writes to the wakeup descriptor at once, unless a library has replaced it.
    signal.set_wakeup_fd(writer)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # Shells ignore Ctrl-C in the background.
            signal.signal(number, lambda number, _frame: os.write(writer, bytes([number])))
    if hasattr(os, "register_at_fork"):  # A forked child would write to the pipe of its parent.
        os.register_at_fork(after_in_child=_restore_default_handlers)


def _wait_for_signal(reader: int) -> NoReturn:
    while (number := os.read(reader, 1)[0]) not in SIGNALS:
        pass
    status = 128 + number
    threading.Timer(0.5, os._exit, [status]).start()  # The reader of the log may be stuck or gone.
    Console(stderr=True).show_cursor()  # A progress bar hides it.
    log.error(MEANINGS[status], status=status)
    os._exit(status)


def _restore_default_handlers() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
