"""Alerts as signed requests to a real server, and what hostile ones make of that."""

import asyncio
import json
import ssl
import time
from email.utils import formatdate

import pytest

from nautilus_lab.config import WebhookSettings, load_settings
from nautilus_lab.exceptions import AccessDenied, ConfigError
from nautilus_lab.monitoring import Notice, WebhookChannel, encode_notice, sign, verify_webhook
from tests.monitoring.conftest import an_alert
from tests.monitoring.servers import WebhookServer


def notice(**changes):
    alert = an_alert(**changes)
    return Notice(delivery=f"{alert.id}.1.pager", event="raised", attempt=1, alert=alert)


def channel(server, **settings):
    return WebhookChannel("pager", WebhookSettings(url=server.url, **settings))


async def test_the_request_is_signed_and_says_what_the_alert_says(webhook):
    told = notice(detail='2.1 of 2, "é"')
    outcome = await channel(webhook, secret="known to both").send(told)
    assert (outcome.how, outcome.detail) == ("sent", "HTTP 200")
    (request,) = webhook.requests
    assert request.path == "/hook?desk=1"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Nautilus-Lab-Attempt"] == "1"
    assert verify_webhook("known to both", request.headers, request.body) == told.delivery
    assert request.told["event"] == "raised"
    assert request.told["alert"]["detail"] == '2.1 of 2, "é"'
    assert request.told["alert"]["id"] == told.alert.id


async def test_without_a_secret_nothing_is_signed(webhook):
    await channel(webhook).send(notice())
    assert "Nautilus-Lab-Signature" not in webhook.requests[0].headers
    with pytest.raises(AccessDenied, match="must be signed"):
        verify_webhook("any", webhook.requests[0].headers, webhook.requests[0].body)


def test_the_signature_is_that_of_the_documentation():
    # computed by: printf '1795655950.d-1.{}' | openssl dgst -sha256 -hmac secret
    assert sign("secret", timestamp=1795655950, delivery="d-1", body=b"{}") == SIGNED


SIGNED = "v1=6ddd7408949f71f99f789681a3b9896e8e0a5465a572a08a65a31df3cd617257"


@pytest.mark.parametrize(
    "change",
    [
        {"body": b'{"event": "recovered"}'},
        {"Nautilus-Lab-Delivery": "another"},
        {"Nautilus-Lab-Timestamp": "1001"},
        {"Nautilus-Lab-Timestamp": "1000 "},
        {"Nautilus-Lab-Timestamp": "\u0661\u0660\u0660\u0660"},
        {"Nautilus-Lab-Signature": "v1=é"},
        {"Nautilus-Lab-Signature": ""},
        {"secret": "another"},
    ],
)
def test_what_was_changed_on_its_way_does_not_verify(change):
    body = encode_notice(notice())
    headers = {
        "Nautilus-Lab-Delivery": "d-1",
        "Nautilus-Lab-Timestamp": "1000",
        "Nautilus-Lab-Signature": sign("secret", timestamp=1000, delivery="d-1", body=body),
    }
    assert verify_webhook("secret", headers, body, now_s=1000) == "d-1"
    told = dict(change)
    secret, sent = told.pop("secret", "secret"), told.pop("body", body)
    with pytest.raises(AccessDenied, match="must be signed"):
        verify_webhook(secret, headers | told, sent, now_s=1000)


@pytest.mark.parametrize("now_s", [1301.0, 699.0, float("nan")])
def test_what_is_too_old_does_not_verify(now_s):
    signature = sign("secret", timestamp=1000, delivery="d-1", body=b"{}")
    headers = {
        "nautilus-lab-delivery": "d-1",
        "nautilus-lab-timestamp": "1000",
        "nautilus-lab-signature": signature,
    }
    with pytest.raises(AccessDenied, match="must not be older"):
        verify_webhook("secret", headers, b"{}", now_s=now_s)


@pytest.mark.parametrize(
    ("answer", "how", "away"),
    [
        ("204 No Content", "sent", False),
        ("302 Found\r\nLocation: http://127.0.0.1:1/", "refused", False),
        ("400 Bad Request", "refused", False),
        ("404 Not Found", "refused", False),
        ("408 Request Timeout", "later", False),
        ("429 Too Many Requests", "later", False),
        ("500 Internal Server Error", "later", False),
        ("503 Service Unavailable\r\nRetry-After: 7", "later", True),
    ],
)
async def test_the_answer_says_whether_it_is_tried_again(webhook, answer, how, away):
    webhook.answers = [answer]
    outcome = await channel(webhook).send(notice())
    assert (outcome.how, outcome.away) == (how, away)
    assert outcome.retry_after_s == (7 if "Retry-After" in answer else None)
    assert len(webhook.requests) == 1  # a redirect is not followed


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ("0", 0, 0),
        ("99999999999999999999", 3600, 3600),
        (100, 90, 100),
        (-1e6, 0, 0),
    ],
)
async def test_it_is_left_in_peace_for_as_long_as_it_asks_but_no_longer_than_an_hour(
    webhook, told, least, most
):
    if not isinstance(told, str):
        told = formatdate(time.time() + told, usegmt=True)
    webhook.answers = [f"429 Too Many Requests\r\nRetry-After: {told}"]
    outcome = await channel(webhook).send(notice())
    assert least <= outcome.retry_after_s <= most


@pytest.mark.parametrize("told", ["soon", "-5", "1e9", "\u0661", ""])
async def test_a_retry_after_that_is_none_is_not_obeyed(webhook, told):
    webhook.answers = [
        f"429 Too Many\r\nRetry-After: {told}\r\nX: y".encode().join((b"HTTP/1.1 ", b"\r\n\r\n"))
    ]
    outcome = await channel(webhook).send(notice())
    assert (outcome.how, outcome.retry_after_s) == ("later", None)


async def test_an_interim_answer_is_not_the_answer(webhook):
    webhook.answers = [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"]
    assert (await channel(webhook).send(notice())).detail == "HTTP 200"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200\xff\r\n\r\n",
        b"HTTP/1.1 99 No\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10,
    ],
)
async def test_an_answer_that_is_none_is_tried_again_later(webhook, answer):
    webhook.answers = [answer]
    outcome = await channel(webhook).send(notice())
    assert (outcome.how, outcome.away) == ("later", True)


async def test_a_server_that_drips_is_given_up_in_time(webhook):
    async def drip(reader, writer):
        while True:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.02)

    webhook.answers = [drip]
    began = time.monotonic()
    outcome = await channel(webhook, timeout_s=0.3).send(notice())
    assert time.monotonic() - began < 5
    assert (outcome.how, outcome.away) == ("later", True)


async def test_the_certificate_of_the_server_is_checked_before_anything_is_said(
    certificate, monkeypatch
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = WebhookServer()
    await server.start(tls=context)
    settings = WebhookSettings(url=f"https://localhost:{server.port}/hook")
    outcome = await WebhookChannel("pager", settings).send(notice())
    assert (outcome.how, outcome.away, server.requests) == ("later", True, [])
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.detail
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    assert (await WebhookChannel("pager", settings).send(notice())).how == "sent"
    other = WebhookSettings(url=f"https://127.0.0.1:{server.port}/hook")  # not its name
    assert (await WebhookChannel("pager", other).send(notice())).how == "later"
    assert len(server.requests) == 1
    await server.stop()


async def test_a_server_that_is_not_there_is_away(webhook):
    await webhook.stop()
    outcome = await channel(webhook).send(notice())
    assert (outcome.how, outcome.away) == ("later", True)
    await webhook.start()


async def test_words_of_an_alert_cannot_end_a_header(webhook):
    told = notice(rule="a\r\nX-Evil: 1", detail="\r\n\r\nHTTP", trader="T\r\n-1")
    await channel(webhook).send(told)
    (request,) = webhook.requests
    assert not any("evil" in name.lower() for name in request.headers)
    assert json.loads(request.body)["alert"]["rule"] == "a\r\nX-Evil: 1"


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "http://example.com/hook"},
        {"url": "ftp://example.com/hook"},
        {"url": "https://user:word@example.com/hook"},
        {"url": "https:///hook"},
        {"url": "https://example.com/a b"},
        {"url": "https://example.com/\r\nX: y"},
        {"url": "https://example.com:99999/"},
        {"url": "https://example.com/", "least": "loud"},
        {"url": "https://example.com/", "timeout_s": float("nan")},
        {"url": "https://example.com/", "colour": "red"},
        {"url": "https://example.com/", "secret": ""},
    ],
)
def test_an_address_that_must_not_be_posted_to_is_refused_and_not_shown(tmp_path, settings):
    hooks = {"pager": {"secret": "not to be shown", **settings}}
    with pytest.raises(ConfigError) as refused:
        load_settings(tmp_path, monitoring={"webhooks": hooks})
    assert "not to be shown" not in str(refused.value)
    assert "word" not in str(refused.value)


def test_secrets_show_in_no_repr_and_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("NL_MONITORING__WEBHOOKS__PAGER__SECRET", "sesame")
    hooks = {"pager": {"url": "https://example.com/services/KEY"}}
    settings = load_settings(tmp_path, monitoring={"webhooks": hooks})
    assert settings.monitoring.webhooks["pager"].secret.get_secret_value() == "sesame"
    shown = repr(settings) + repr(WebhookChannel("pager", settings.monitoring.webhooks["pager"]))
    assert "sesame" not in shown
    assert "KEY" not in shown
    assert type(settings).model_validate_json(settings.to_private_json()) == settings
