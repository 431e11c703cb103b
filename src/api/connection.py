"""A connection: uvicorn's own, but for what it leaves open.

uvicorn closes behind its last answer even where the caller still sends, which resets the
connection and takes the answer with it. It waits without end for the rest of a head and for a
caller that does not read, and gathers whatever a head brings. It answers what it cannot read in
plain text, and where a connection carries several requests in the place of another's answer. And it
hangs up on whoever has sent all there is and says so.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.edge import fixed_lines, head_too_large, new_request_id
from api.limits import (
    CONNECTIONS_MAX,
    DROPPED_BYTES_MAX,
    HEAD_BYTES_MAX,
    HEAD_GATHERED_BYTES_MAX,
    HEAD_SECONDS_MAX,
    LINGER_SECONDS,
    LINGER_SECONDS_HEARD,
    LOOK_SECONDS,
    UNREAD_MARGIN_SECONDS,
)
from api.parsing import Parser, names_its_host, with_path
from api.patience import Patience, Timers, unsent
from api.problems import Problem, unavailable
from api.standins import UNHEARD, Asked, Dropping, Ending, Refusal, last, nothing
from api.whole import head_of

_MALFORMED: Final = (
    "the request line, a header or the framing of the body cannot be read, or asks for what no"
    " origin server does (RFC 9112); what follows on this connection is not read"
)
_HOST: Final = "a request must have exactly one Host header (RFC 9112, section 3.2)"


class Protocol(HttpToolsProtocol):
    """One connection, from its beginning to its end."""

    connections_max = CONNECTIONS_MAX

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """As uvicorn makes one for each connection."""
        super().__init__(*arguments, **named)
        self.url = b""
        self.parser: Any = Parser(self)
        self._at_work: Any = None
        # Since the last part of a body or end of a head; of a body whose request was answered.
        self._gathered_bytes = self._dropped_bytes = 0
        self.heard_all = False
        self._ends = False
        self._linger_seconds_max = LINGER_SECONDS
        self._patience = Patience()
        self._timers = Timers(self.loop)

    # What the parser calls; of a request that asks for another protocol, at the second reading.

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._gathered_bytes = self._dropped_bytes = 0
        if not self.parser.should_upgrade():
            self.url = with_path(self.url)
            # Who speaks 1.0 sends its body unasked (RFC 9110, section 10.1.1).
            self.expect_100_continue &= self.parser.get_http_version() != "1.0"
            super().on_headers_complete()
            self.cycle.transport = self._ending  # type: ignore[assignment]
            # Fields behind a body in chunks must not be taken for those of the head (RFC 9110,
            # section 6.5.1): one could name another key than that did.
            self.headers = UNHEARD  # type: ignore[assignment]

    def on_message_complete(self) -> None:
        """All of a request is there."""
        if not self.parser.should_upgrade():
            self.cycle.more_body = False
            # Also a field behind the body can end it, and nothing is read behind that.
            if not self.parser.should_keep_alive():
                self.cycle.keep_alive = False
            self.cycle.message_event.set()

    def on_body(self, body: bytes) -> None:
        """A part of a body, so no end of it is gathered."""
        self._gathered_bytes = 0
        if self.cycle.response_complete:
            self._dropped_bytes += len(body)
        super().on_body(body)

    # What the loop and uvicorn call.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It begins."""
        super().connection_made(transport)
        self._ending = Ending(transport.write, self._is_ending, self._close)
        self._look_later()
        if len(self.connections) > self.connections_max:
            self._write(unavailable("too many connections; try again"))
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Something came. Neither a head without end nor a body for nobody is read for ever."""
        super().data_received(data)
        newest: Any = self.cycle
        if self._ends:
            return
        # Behind an answer, too, fields may come for ever.
        if self._is_in_head() or (newest is not None and newest.more_body):
            self._gathered_bytes += len(data)
        if self._gathered_bytes > HEAD_GATHERED_BYTES_MAX:
            self._refuse(head_too_large())
        elif self._dropped_bytes > DROPPED_BYTES_MAX:
            self.end(LINGER_SECONDS)

    def _is_in_head(self) -> bool:
        """Whether a head has begun and is not whole."""
        scope: Any = self.scope
        newest: Any = self.cycle
        return scope is not None and (newest is None or newest.scope is not scope)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """What came cannot be read."""
        too_long = len(self.url) > HEAD_BYTES_MAX
        self._refuse(head_too_large() if too_long else Problem("malformed_http", _MALFORMED))

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Nothing more will come; True keeps the connection for the answers."""
        self.heard_all = True
        newest: Any = self.cycle
        if self._ends or newest is None or newest.response_complete:
            return None
        if not newest.more_body:
            self._read_no_more()
        elif self.pipeline:
            self._refuse_in_its_turn(Problem("malformed_http", _MALFORMED))
        else:
            return None
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Also the request at work hears of it, where others wait behind it."""
        self._timers.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        _leave(self._at_work)
        # What refers to this in a circle would wait for the collector, which is to have no work.
        for cycle, _ in self.pipeline:
            cycle.on_response = nothing
        self._ending.is_over()

    def shutdown(self) -> None:
        """The server ends. Who sends on or does not read must not keep it longer than others."""
        newest: Any = self.cycle
        self._linger_seconds_max = LINGER_SECONDS_HEARD
        if self._ends:
            self._linger(LINGER_SECONDS_HEARD)
        elif newest is not None and newest.response_complete and newest.more_body:
            self.end(LINGER_SECONDS_HEARD)
        else:
            super().shutdown()
        if (drain_seconds := self.config.timeout_graceful_shutdown) is not None:
            self._timers.later("unread", drain_seconds - UNREAD_MARGIN_SECONDS, self.leave_unread)

    def leave_unread(self) -> None:
        """End where nobody reads the answers."""
        if self._unread():
            self.transport.abort()

    def on_response_complete(self) -> None:
        """The next one's turn, if this was not the last answer."""
        if not self._ends:
            super().on_response_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._at_work = cycle
        if not names_its_host(cycle.scope):
            app = Refusal(Problem("malformed_http", _HOST))
        elif cycle.waiting_for_100_continue:
            app = Asked(app, cycle)
        super()._start_asgi_task(cycle, app)

    # The end.

    def end(self, seconds: float) -> None:
        """Behind the last answer. Whoever still sends may do so for a while, and is not heard: what
        nobody reads would reset the connection, and the answer could be lost with it."""
        if self._is_ending():
            return
        self._ends = True
        _leave(self._at_work)
        if self.heard_all:
            self.transport.close()
            return
        self.parser = Dropping(self.transport.close)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._linger(seconds)

    def _linger(self, seconds: float) -> None:
        self._timers.later("linger", min(seconds, self._linger_seconds_max), self._linger_on)

    def _linger_on(self) -> None:
        """It is over, unless the answer is still being read."""
        if self._unread():
            self._linger(LINGER_SECONDS_HEARD)
        else:
            self.transport.close()

    def _close(self) -> None:
        """Behind the last answer, where all that was sent may have been read."""
        sends = self.cycle.more_body or self.pipeline or type(self.parser) is Dropping
        self.end(LINGER_SECONDS if sends else LINGER_SECONDS_HEARD)

    def _is_ending(self) -> bool:
        return self._ends or self.transport.is_closing()

    # What cannot be answered as usual.

    def _refuse(self, problem: Problem) -> None:
        """Say it in the turn of the request, behind the answers to those in front of it."""
        newest: Any = self.cycle
        if newest is None:
            self._tell(problem)
        elif newest.response_complete:
            # It may be the body of a request that was answered early.
            self.end(LINGER_SECONDS) if newest.more_body else self._tell(problem)
        elif not newest.more_body:
            self._read_no_more()
        elif self.pipeline:
            self._refuse_in_its_turn(problem)
        elif newest.response_started:
            self.transport.close()
        else:
            self._tell(problem)

    def _read_no_more(self) -> None:
        """The newest request came whole: all get their answers, then the connection ends."""
        self.cycle.keep_alive = False
        # The parser would say of every piece that comes that it cannot be read.
        if type(self.parser) is not Dropping:
            self.parser = Dropping(self.transport.close)

    def _refuse_in_its_turn(self, problem: Problem) -> None:
        """The newest request, whose body breaks off, waits for others that came whole."""
        self.pipeline[0] = (self.cycle, Refusal(problem))  # type: ignore[assignment]
        self.cycle.more_body = False
        self._read_no_more()

    def _tell(self, problem: Problem) -> None:
        self._write(problem)
        self.end(LINGER_SECONDS)

    def _write(self, problem: Problem) -> None:
        answer = last(problem)
        fixed = fixed_lines(new_request_id())
        head = head_of(answer, self.server_state.default_headers, fixed)
        self.transport.write(head + answer.body)

    # What is waited for.

    def _look_later(self) -> None:
        self._timers.later("look", LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._look_later()
        self.look(self.loop.time())

    def look(self, now: float) -> None:
        """Whether the caller keeps us waiting for too long; `now` is in the loop's seconds."""
        newest: Any = self.cycle
        if unread := self._unread():
            if self._patience.ended_unread(unread, now):
                self.transport.abort()
        elif newest is not None and not newest.response_complete:
            self._patience.at_work()
        else:
            in_head = self._is_in_head()
            if self._patience.ended_idle((newest, in_head), now) and not self._is_ending():
                self._give_up(in_head)

    def _unread(self) -> int:
        """Bytes of answers that wait to be read. Of one that nobody else waits for, those count
        that the system has taken."""
        count = self.transport.get_write_buffer_size()
        return count + unsent(self.transport) if count or self._ends else 0

    def _give_up(self, in_head: bool) -> None:
        if in_head:
            detail = f"the head must arrive within {HEAD_SECONDS_MAX:.0f} seconds"
            self._tell(Problem("request_timeout", detail))
        else:
            self.transport.close()


def _leave(cycle: Any) -> None:
    """Nobody will hear what is still answered."""
    if cycle is not None and not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()
