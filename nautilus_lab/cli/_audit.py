"""`nautilus-lab audit ...`: verify, show, export, hold and archive audit trails."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.cli._engine import add_trader
from nautilus_lab.cli._shown import add_json, at, plain, show_error, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import InputError, LabError, StoreError

if TYPE_CHECKING:
    from nautilus_lab.config import Settings
    from nautilus_lab.platform.audit import (
        AuditFiles,
        AuditKeeper,
        AuditReport,
        Checkpoint,
        Hold,
        Piece,
    )

_NS = 10**9
_BROKEN = 1  # the exit code of a trail that does not hold
_UNNOTED = 2  # it holds, and that it was verified could not be written down
_KEEP = "nautilus-lab audit checkpoint --json writes such a file"
_DATE = "a date, 2026-01-31, UTC"


def add_audit(verbs: Verbs) -> None:
    """Add the commands of this file."""
    audit = verbs.add_parser("audit", help="the audit trail").add_subparsers(
        required=True, metavar="COMMAND"
    )
    verify = add_verb(
        audit, "verify", _verify, "whether the trail is what was written; exit code 1 if it is not"
    )
    verify.add_argument(
        "--from", type=int, default=1, dest="first", metavar="ROW",
        help="begin at the last checkpoint before this row (1)",
    )  # fmt: skip
    verify.add_argument(
        "--anchor", type=Path, action="append", default=[], help="checkpoints kept elsewhere"
    )
    verify.add_argument("--file", type=Path, help="an exported file or an archive, in place of it")
    verify.add_argument("--key", type=Path, help="the key that sealed the checkpoints of --file")
    verify.add_argument("--no-note", action="store_true", help="write no row that it was verified")
    log = add_verb(audit, "log", _log, "the last rows of the trail")
    log.add_argument("-n", type=int, default=20, dest="most", help="how many (20)")
    log.add_argument("--kind", default="", help="only those whose kind begins so: order.")
    checkpoint = add_verb(audit, "checkpoint", _checkpoint, "make a checkpoint now, and show it")
    export = add_verb(audit, "export", _export, "write rows into a file that verifies by itself")
    export.add_argument("file", type=Path, help="a new file; .gz compresses it")
    export.add_argument(
        "--from", type=int, default=1, dest="first", metavar="ROW",
        help="the first row; the file begins at the checkpoint before it (1)",
    )  # fmt: skip
    export.add_argument(
        "--to",
        type=int,
        dest="last",
        metavar="ROW",
        help="the last row; the file ends at the next checkpoint",
    )
    for parser in (log, export):
        parser.add_argument("--chain", help="operators; by default the node's or gateway's own")
    archive = add_verb(audit, "archive", _archive, "move old rows into a file; the node must stop")
    archive.add_argument("--days", type=float, help="older than so many; audit.keep_days")
    discard = add_verb(audit, "discard", _discard, "delete archives that are old enough")
    discard.add_argument("--days", type=float, help="older than so many; audit.retain_days")
    hold = add_verb(audit, "hold", _hold, "keep rows from being archived or discarded")
    hold.add_argument("reason", help="why; it is kept in the trail")
    hold.add_argument("--since", help=f"rows from {_DATE}, on; all by default")
    hold.add_argument("--until", help=f"rows to {_DATE}, included")
    release = add_verb(audit, "release", _release, "release a hold")
    release.add_argument("hold", help="its id: H-3")
    release.add_argument("reason", help="why; it is kept in the trail")
    holds = add_verb(audit, "holds", _holds, "every hold, the released ones too")
    parsers = (verify, log, checkpoint, export, archive, discard, hold, release, holds)
    add_trader(*parsers)
    for parser in parsers:
        parser.add_argument(
            "--gateway",
            type=int,
            nargs="?",
            const=1,
            metavar="NUMBER",
            help="the trail of a gateway, by default of the first, in place of a trader's",
        )
        add_json(parser)
        parser.set_defaults(run=_answering(parser.get_default("run")))


def _answering(run: Callable[[argparse.Namespace], int | None]) -> Callable[..., int | None]:
    """Have a verb that was asked for JSON answer in JSON also when it fails."""

    def answer(chosen: argparse.Namespace) -> int | None:
        try:
            return run(chosen)
        except LabError as error:
            if chosen.json:
                show_error(error)
            raise

    return answer


def _keeper(chosen: argparse.Namespace) -> tuple[AuditKeeper, Settings]:
    from nautilus_lab.config import load_settings
    from nautilus_lab.platform.audit import AuditFiles
    from nautilus_lab.platform.rundir import Home

    settings = load_settings(chosen.root)
    if chosen.gateway is None:
        files = AuditFiles.of(settings, chosen.trader)
    else:
        home = Home(settings.home_path)
        files = AuditFiles.of_gateway(
            home, settings.audit, number=chosen.gateway, root=settings.root
        )
    return _keeper_of(files, settings), settings


def _keeper_of(files: AuditFiles, settings: Settings) -> AuditKeeper:
    from nautilus_lab.platform.access import Principal
    from nautilus_lab.platform.audit import AuditKeeper

    timeout_ms = settings.store.busy_timeout_ms
    return AuditKeeper(files, by=Principal.owner().name, busy_timeout_ms=timeout_ms)


def _verify(chosen: argparse.Namespace) -> int:
    if chosen.file is not None:
        return _verify_file(chosen)
    keeper, settings = _keeper(chosen)
    anchors = _anchors(chosen.anchor)
    note = not chosen.no_note
    # First the others, so that the row of this one tells of their last checkpoints.
    beside: list[AuditReport] = []
    unread: dict[str, str] = {}
    for files in keeper.files.beside:
        try:
            one = _keeper_of(files, settings)
            beside.append(one.inspect(anchors=_anchors_of(files, anchors), note=note))
        except StoreError as error:
            # Who breaks this one must not hide what was done to the others.
            unread[files.trader] = str(error)
    known = {one.trader for one in keeper.files.beside}
    report = keeper.inspect(
        anchors=[one for one in anchors if one.trader not in known],
        from_seq=chosen.first,
        note=note,
    )
    ok = report.ok and all(other.ok for other in beside) and not unread
    if chosen.json:
        others = {"beside": [*map(_of_report, beside)], "unread": unread}
        show_json(_of_report(report) | {"ok": ok} | others)
    else:
        for shown in (*beside, report):
            _show_report(shown)
        for trader, why in unread.items():
            print(plain(f"{trader}: THE TRAIL CANNOT BE READ: {why}"))
    if not ok:
        return _BROKEN
    return _UNNOTED if any(one.unnoted for one in (*beside, report)) else 0


def _anchors_of(files: AuditFiles, anchors: tuple[Checkpoint, ...]) -> tuple[Checkpoint, ...]:
    return tuple([one for one in anchors if one.trader == files.trader])


def _show_report(report: AuditReport) -> None:
    show_table(
        ("chain", "rows to", "checkpoints", "covered to", "archived to", "finding"),
        [
            (
                *(one.chain, one.verdict.head_seq, one.checkpoints, one.verdict.anchored),
                *(one.archived, one.verdict.kind or "holds"),
            )
            for one in report.chains
        ],
        none="rows yet",
    )
    for one in report.chains:
        if not one.verdict.ok:
            found = f"{one.verdict.kind} at row {one.verdict.first_bad}: {one.verdict.detail}"
            print(plain(f"{one.chain}: {found}"))
    for guard in report.guards:
        print(plain(f"unguarded: {guard}"))
    for trouble in report.troubles:
        print(plain(trouble))
    if report.unnoted:
        print(plain(f"that it was verified could not be written down: {report.unnoted}"))
    if report.spooled:
        print(f"{report.spooled} commands wait in the spool for the store")
    open_rows = sum(one.verdict.head_seq - one.verdict.anchored for one in report.chains)
    print(
        f"{report.trader}: {'the trail holds' if report.ok else 'THE TRAIL DOES NOT HOLD'}; "
        f"{open_rows} rows came after the last checkpoints"
    )


def _verify_file(chosen: argparse.Namespace) -> int:
    from nautilus_lab.platform.audit import SealKey, read_piece
    from nautilus_lab.platform.rundir import private_key

    key = None
    if chosen.key is not None:
        what = "key of audit checkpoints"
        key = SealKey(private_key(chosen.key, what=what, when_removed="name it", make=False))
    piece: Piece = read_piece(chosen.file, key=key, anchors=_anchors(chosen.anchor))
    if chosen.json:
        show_json(_of_piece(piece))
        return 0 if piece.ok else _BROKEN
    verdict = piece.verdict
    print(plain(f"rows {piece.first} to {piece.last} of {piece.chain} of {piece.trader}"))
    if not verdict.ok:
        print(plain(f"{verdict.kind} at row {verdict.first_bad}: {verdict.detail}"))
    if piece.trouble:
        print(plain(piece.trouble))
    print(f"checkpoints cover it to row {verdict.anchored}, ", end="")
    print("sealed by the key" if piece.authenticated else "NOT TOLD FROM FORGED ONES: give --key")
    print("the file holds" if piece.ok else "THE FILE DOES NOT HOLD")
    return 0 if piece.ok else _BROKEN


def _log(chosen: argparse.Namespace) -> None:
    from nautilus_lab.platform.store import TradingStore

    keeper, _ = _keeper(chosen)
    if chosen.most < 1:
        raise InputError("at least one row is shown", value=chosen.most)
    with TradingStore.open(keeper.files.store, read_only=True) as store:
        chain = chosen.chain or keeper.files.chain
        rows = store.audit_tail(chosen.most, chain=chain, kind=chosen.kind)
    if chosen.json:
        return show_json(
            [
                {
                    "row": row.seq,
                    "ts_ns": row.ts_ns,
                    "actor": row.actor,
                    "kind": row.kind,
                    "body": _body(row.body),
                    "hash": row.hash.hex(),
                }
                for row in rows
            ]
        )
    show_table(
        ("row", "when", "actor", "kind", "body"),
        [(row.seq, at(row.ts_ns), row.actor, row.kind, row.body[:120]) for row in rows],
        none=f"rows of {chosen.kind} in {chain}" if chosen.kind else f"rows in {chain}",
    )


def _body(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text  # what somebody put there; `verify` says so


def _checkpoint(chosen: argparse.Namespace) -> None:
    keeper, _ = _keeper(chosen)
    made = keeper.checkpoint()
    latest: dict[str, Checkpoint] = {one.chain: one for one in keeper.checkpoints()}
    if chosen.json:
        # One line each, as in the file: this is what --anchor takes.
        return show_json({"made": len(made), "latest": [*latest.values()]})
    for one in latest.values():
        print(f"{one}\n  seal {one.seal}, {at(one.ts_ns)}")


def _export(chosen: argparse.Namespace) -> None:
    keeper, _ = _keeper(chosen)
    piece = keeper.export(chosen.file, chain=chosen.chain, first=chosen.first, last=chosen.last)
    if chosen.json:
        return show_json(_of_piece(piece))
    print(f"rows {piece.first} to {piece.last} of {piece.chain} in {piece.path}")
    print(f"sha256 {piece.sha256.hex()}")


def _archive(chosen: argparse.Namespace) -> None:
    keeper, settings = _keeper(chosen)
    days = settings.audit.keep_days if chosen.days is None else chosen.days
    done = keeper.archive(older_than_days=days)
    if chosen.json:
        return show_json(None if done is None else {**asdict(done), "path": str(done.path)})
    if done is None:
        return print(f"nothing older than {days:g} days can be archived")
    print(f"rows {done.first} to {done.last} are in {done.path}")
    if done.held_by:
        print(f"held beyond that: {', '.join(one.id for one in done.held_by)}")


def _discard(chosen: argparse.Namespace) -> None:
    keeper, settings = _keeper(chosen)
    days = settings.audit.retain_days if chosen.days is None else chosen.days
    gone = keeper.discard(older_than_days=days)
    if chosen.json:
        return show_json(gone)
    print("\n".join(gone) if gone else f"nothing older than {days:g} days can be discarded")


def _hold(chosen: argparse.Namespace) -> None:
    keeper, _ = _keeper(chosen)
    times: dict[str, int] = {}
    if chosen.since is not None:
        times["since_ns"] = _day_ns(chosen.since)
    if chosen.until is not None:
        times["until_ns"] = _day_ns(chosen.until, days=1) - 1
    _show_holds(chosen, (keeper.hold(chosen.reason, **times),))


def _release(chosen: argparse.Namespace) -> None:
    keeper, _ = _keeper(chosen)
    _show_holds(chosen, (keeper.release(chosen.hold, chosen.reason),))


def _holds(chosen: argparse.Namespace) -> None:
    keeper, _ = _keeper(chosen)
    _show_holds(chosen, keeper.holds())


def _show_holds(chosen: argparse.Namespace, holds: tuple[Hold, ...]) -> None:
    if chosen.json:
        return show_json(holds)
    show_table(
        ("hold", "placed", "by", "reason", "released", "by", "why"),
        [
            (
                *(one.id, at(one.placed_ns), one.by, one.reason),
                *(at(one.released_ns), one.released_by, one.why_released),
            )
            for one in holds
        ],
        none="holds",
    )


def _day_ns(text: str, *, days: int = 0) -> int:
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
    except ValueError:
        raise InputError("a date must be written like 2026-01-31", value=text) from None
    return int(datetime.combine(day, time(), UTC).timestamp()) * _NS


def _anchors(paths: list[Path]) -> tuple[Checkpoint, ...]:
    """Read checkpoints that were kept: lines of the file, or what `audit checkpoint` shows."""
    import msgspec

    from nautilus_lab.platform.audit import Checkpoint

    found: list[Checkpoint] = []
    for path in paths:
        try:
            text = path.read_text("utf-8") if str(path) != "-" else sys.stdin.read()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise StoreError(
                f"kept checkpoints must be readable: {why}", value=str(path), remedy=_KEEP
            ) from None
        if not text.strip():
            # Else somebody would take the trail for compared with what they kept.
            raise InputError(
                "kept checkpoints must be at least one", value=f"{path} is empty", remedy=_KEEP
            )
        try:
            whole = msgspec.json.decode(text, type=dict)
        except (msgspec.DecodeError, RecursionError):
            whole = {}
        try:
            if "latest" in whole:
                known = msgspec.convert(whole["latest"], list[Checkpoint])
            else:
                lines = [line for line in text.splitlines() if line.strip()]
                known = [msgspec.json.decode(line, type=Checkpoint) for line in lines]
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(
                f"kept checkpoints must be lines of their file: {error}",
                value=str(path),
                remedy=_KEEP,
            ) from None
        if not known:
            raise InputError(
                "kept checkpoints must be at least one", value=f"{path} has none", remedy=_KEEP
            )
        found += known
    return tuple(found)


def _of_report(report: AuditReport) -> dict[str, object]:
    return {
        "trader": report.trader,
        "ok": report.ok,
        "chains": [
            {
                "chain": one.chain,
                "ok": one.verdict.ok,
                "rows_to": one.verdict.head_seq,
                "head": one.verdict.head.hex(),
                "checkpoints": one.checkpoints,
                "covered_to": one.verdict.anchored,
                "archived_to": one.archived,
                "first_bad": one.verdict.first_bad,
                "kind": one.verdict.kind,
                "detail": one.verdict.detail,
            }
            for one in report.chains
        ],
        "guards": [
            {"what": one.what, "name": one.name, "fault": one.fault, "found": one.found}
            for one in report.guards
        ],
        "troubles": report.troubles,
        "spooled": report.spooled,
        "unnoted": report.unnoted,
    }


def _of_piece(piece: Piece) -> dict[str, object]:
    return {
        "file": str(piece.path),
        "trader": piece.trader,
        "chain": piece.chain,
        "first": piece.first,
        "last": piece.last,
        "ok": piece.ok,
        "authenticated": piece.authenticated,
        "covered_to": piece.verdict.anchored,
        "head": piece.head.hex(),
        "sha256": piece.sha256.hex(),
        "first_bad": piece.verdict.first_bad,
        "kind": piece.verdict.kind,
        "detail": piece.verdict.detail or piece.trouble,
    }
