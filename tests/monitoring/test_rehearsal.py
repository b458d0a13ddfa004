"""Trying every channel before it matters."""

import json

from nautilus_lab.cli import main
from nautilus_lab.config import load_settings
from nautilus_lab.monitoring import rehearse, verify_webhook


async def test_every_channel_is_tried_once_and_says_what_it_answered(webhook, mail, tmp_path):
    letters = {"host": "127.0.0.1", "port": mail.port, "sender": "a@b.c", "recipients": ("d@e.f",)}
    webhook.answers = ["200 OK", "404 Not Found"]
    hooks = {"pager": {"url": webhook.url, "secret": "sesame"}}
    settings = load_settings(
        tmp_path,
        monitoring={"webhooks": hooks, "mails": {"desk": letters | {"insecure": True}}},
    )
    found = {one.channel: (one.how, one.detail) for one in await rehearse(settings)}
    assert found == {"pager": ("sent", "HTTP 200"), "desk": ("sent", "")}
    (request,) = webhook.requests
    assert verify_webhook("sesame", request.headers, request.body)
    assert request.told["alert"]["component"] == "test"
    assert len(mail.letters) == 1
    found = {one.channel: (one.how, one.detail) for one in await rehearse(settings)}
    assert found["pager"] == ("refused", "HTTP 404")
    assert not settings.home_path.exists()  # it stores nothing


def test_the_command_line_fails_when_a_channel_does(workspace, capsys):
    with (workspace / "lab.toml").open("a") as file:
        file.write('[monitoring.webhooks.pager]\nurl = "http://127.0.0.1:9/KEY"\n')
    assert main(["alerts", "test", "--json"]) == 2
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["channel"], told["how"]) == ("pager", "later")
    assert main(["alerts", "test"]) == 2
    shown = capsys.readouterr()
    assert "pager" in shown.out
    assert "KEY" not in shown.out + shown.err
