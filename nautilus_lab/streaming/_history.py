"""What a gateway remembers of the states it has seen, so that a chart need not begin empty."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from nautilus_lab.client.protocol import Series
from nautilus_lab.platform.messages import Envelope, PnlUpdated, QuoteUpdated, topic_matches

_SECOND = 1_000_000_000


@dataclass
class _Line:
    simulated: bool
    points: deque[tuple[int, float]]


@dataclass(kw_only=True)
class StateHistory:
    """Equity and middle prices, one value a second, for as long as `seconds`.

    Parameters
    ----------
    seconds : int, default=3600
        How much is kept of each topic.
    most_topics : int, default=500
        How many topics are kept; those that come later are not.
    """

    seconds: int = 3_600
    most_topics: int = 500
    _lines: dict[str, _Line] = field(default_factory=dict)  # topic -> its values

    def note(self, envelope: Envelope) -> None:
        """Remember the value of a state; of several in one second the last is kept."""
        match envelope.body:
            case PnlUpdated() as body:
                value = body.equity
            case QuoteUpdated() as body:
                value = (body.bid + body.ask) / 2
            case _:
                return
        line = self._lines.get(envelope.topic)
        if line is None:
            if len(self._lines) >= self.most_topics:
                return
            line = _Line(envelope.simulated, deque(maxlen=self.seconds))
            self._lines[envelope.topic] = line
        point = (envelope.ts, value)
        if line.points and envelope.ts // _SECOND == line.points[-1][0] // _SECOND:
            line.points[-1] = point
        else:
            line.points.append(point)

    def series(
        self, patterns: Sequence[str], *, allowed: Sequence[str], since_ns: int
    ) -> tuple[Series, ...]:
        """Return the topics under `patterns` that are also `allowed`, from `since_ns` on."""
        return tuple(
            Series(
                topic=topic,
                simulated=line.simulated,
                points=tuple(point for point in line.points if point[0] >= since_ns),
            )
            for topic, line in self._lines.items()
            if any(topic_matches(pattern, topic) for pattern in patterns)
            and any(topic_matches(pattern, topic) for pattern in allowed)
        )
