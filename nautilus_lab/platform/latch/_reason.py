"""The reason of a kill, whatever a shell passed as one."""

LONGEST_REASON = 500  # characters; as long as the reason of a command may be


def fitting(reason: str) -> str:
    r"""Return `reason` as it can be told everywhere: one line, printable, not too long.

    A kill is not refused for its words.

    Examples
    --------
    >>> fitting("the feed\n  is \x1b wrong")
    'the feed is ? wrong'
    """
    line = " ".join(reason.split())
    seen = "".join([one if one.isprintable() else "?" for one in line])
    return seen if len(seen) <= LONGEST_REASON else f"{seen[: LONGEST_REASON - 3]}..."
