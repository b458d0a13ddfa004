"""Alerts by mail, over a small real server."""

import base64
import email
import ssl
import time

import pytest

from nautilus_lab.config import MailSettings, load_settings
from nautilus_lab.exceptions import ConfigError
from nautilus_lab.monitoring import MailChannel, Notice
from tests.monitoring.conftest import an_alert
from tests.monitoring.servers import MailServer


def notice(**changes):
    alert = an_alert(**changes)
    return Notice(delivery=f"{alert.id}.1.desk", event="raised", attempt=1, alert=alert)


def channel(server, **settings):
    given = {
        "host": "127.0.0.1",
        "port": server.port,
        "sender": "lab@example.com",
        "recipients": ("ana@example.com", "ben@example.com"),
        "insecure": True,
    }
    return MailChannel("desk", MailSettings(**given | settings))


async def test_a_mail_says_what_the_alert_says_and_how_to_acknowledge_it(mail):
    told = notice()
    assert (await channel(mail).send(told)).how == "sent"
    (letter,) = mail.letters
    assert letter.sender == "lab@example.com"
    assert letter.recipients == ["ana@example.com", "ben@example.com"]
    read = email.message_from_bytes(letter.data)
    assert read["Subject"] == "[L0 critical] T-1 risk: gross must hold; 2.1 of 2"
    assert read["Message-ID"] == f"<{told.delivery}@nautilus-lab>"
    assert read["Auto-Submitted"] == "auto-generated"
    assert f"nautilus-lab alerts ack {told.alert.id}" in read.get_payload()


async def test_words_of_an_alert_cannot_begin_a_header_or_end_the_mail(mail):
    evil = "x\r\nBcc: eve@example.com\r\n\r\n.\r\nMAIL FROM:<eve@example.com>"
    await channel(mail).send(notice(rule=evil, detail=evil, remedy=evil, trader=evil))
    (letter,) = mail.letters
    read = email.message_from_bytes(letter.data)
    assert read["Bcc"] is None
    assert letter.recipients == ["ana@example.com", "ben@example.com"]
    assert sum(line.upper().startswith("MAIL") for line in mail.heard) == 1


async def test_a_subject_has_an_end_and_may_be_of_any_language(mail):
    await channel(mail).send(notice(rule="ä" * 500))
    subject = email.header.make_header(
        email.header.decode_header(email.message_from_bytes(mail.letters[0].data)["Subject"])
    )
    assert len(str(subject)) == 160


@pytest.mark.parametrize(
    ("answers", "how", "away"),
    [
        ({"END": ["451 try again"]}, "later", False),
        ({"END": ["554 no such mail"]}, "refused", False),
        ({"END": [""]}, "later", True),
        ({"MAIL": ["550 not you"]}, "refused", False),
        ({"RCPT": ["550 nobody", "550 nobody"]}, "refused", False),
        ({"RCPT": ["450 later", "450 later"]}, "later", False),
        ({"EHLO": ["500 what"], "HELO": ["500 what"]}, "later", True),
        ({"EHLO": ["x" * 20_000]}, "later", True),
    ],
)
async def test_the_answer_says_whether_it_is_tried_again(mail, answers, how, away):
    mail.answers = answers
    outcome = await channel(mail).send(notice())
    assert (outcome.how, outcome.away, mail.letters) == (how, away, [])


async def test_one_recipient_that_is_refused_is_named_and_the_other_has_it(mail):
    mail.answers = {"RCPT": ["550 nobody"]}
    outcome = await channel(mail).send(notice())
    assert (outcome.how, outcome.detail) == ("sent", "but not to ana@example.com")
    assert mail.letters[0].recipients == ["ben@example.com"]


@pytest.mark.parametrize("leave", ["", "500 what"])
async def test_a_mail_that_was_taken_is_sent_however_the_server_takes_its_leave(mail, leave):
    mail.answers = {"QUIT": [leave]}
    assert (await channel(mail).send(notice())).how == "sent"
    assert len(mail.letters) == 1


async def test_a_server_that_greets_nobody_is_given_up_in_time(mail):
    mail.silent = True
    began = time.monotonic()
    outcome = await channel(mail, timeout_s=0.3).send(notice())
    assert time.monotonic() - began < 5
    assert (outcome.how, outcome.away) == ("later", True)


async def test_a_server_that_is_not_there_is_away(mail):
    await mail.stop()
    outcome = await channel(mail).send(notice())
    assert (outcome.how, outcome.away) == ("later", True)
    await mail.start()


async def test_without_encryption_nothing_is_said_unless_that_is_wanted(mail):
    outcome = await channel(mail, insecure=False).send(notice())
    assert (outcome.how, outcome.away) == ("later", True)
    assert "STARTTLS" in outcome.detail
    assert not any(line.upper().startswith("MAIL") for line in mail.heard)


async def test_a_certificate_is_checked_before_a_password_is_sent(certificate, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = MailServer(tls=context)
    await server.start()
    settings = {"host": "localhost", "insecure": False, "user": "lab", "password": "sesame"}
    outcome = await channel(server, **settings).send(notice())
    assert (outcome.how, outcome.away) == ("later", True)
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.detail
    assert not any("AUTH" in line for line in server.heard)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    assert (await channel(server, **settings).send(notice())).how == "sent"
    (letter,) = server.letters
    assert letter.encrypted
    assert letter.user
    server.answers = {"AUTH": ["535 no", "535 no"]}
    refused = await channel(server, **settings).send(notice())
    assert (refused.how, refused.away) == ("later", False)
    assert "sesame" not in refused.detail
    await server.stop()


def echoes(user, password):
    def base(text):
        return base64.b64encode(text.encode()).decode()

    plain = base(f"\0{user}\0{password}")
    return {
        "plain": password,
        "pair": f"{user}:{password}",
        "base64": base(password),
        "base64 of the pair": base(f"{user}:{password}"),
        "base64 as it is said": plain,
        "without its end": plain.rstrip("="),
        "its last part": plain[-14:],
        "upper": plain.upper(),
        "behind something": base("some@body\0x\0" + password),
    }


PASSWORD = "Open+Sesame/4711"


@pytest.mark.parametrize("echo", echoes("lab", PASSWORD).values(), ids=echoes("lab", PASSWORD))
@pytest.mark.parametrize(
    "answers",
    [
        {"MAIL": ["550 you said AUTH {} to me"]},
        {"RCPT": ["550 you said AUTH {} to me"] * 2},
        {"END": ["554-you said\r\n554 AUTH {} to me"]},
        {"AUTH": ["535 you said AUTH {} to me"]},
        {"EHLO": ["500 no"], "HELO": ["500 you said AUTH {} to me"]},
    ],
    ids=["MAIL", "RCPT", "END", "AUTH", "HELO"],
)
async def test_a_server_that_echoes_the_password_is_told_of_without_it(mail, answers, echo):
    mail.answers = {verb: [one.format(echo) for one in said] for verb, said in answers.items()}
    settings = MailSettings(
        host="localhost",
        port=mail.port,
        sender="lab@example.com",
        recipients=("ana@example.com", "ben@example.com"),
        user="lab",
        password=PASSWORD,
        insecure=True,
    )
    outcome = await MailChannel("desk", settings).send(notice())
    assert outcome.how in ("refused", "later")
    told = outcome.detail.lower()
    left = [echo[at : at + 6] for at in range(len(echo) - 5) if echo[at : at + 6].lower() in told]
    assert all(one in base64.b64encode(b"some@body\0x\0").decode() for one in left)
    assert "AUTH" in answers or "you said" in told
    assert outcome.detail.isprintable()


async def test_a_password_that_cannot_be_said_is_not_told_by_the_letter(mail):
    settings = MailSettings(
        host="localhost",
        port=mail.port,
        sender="lab@example.com",
        recipients=("ana@example.com",),
        user="lab",
        password="sesäme",
        insecure=True,
    )
    outcome = await MailChannel("desk", settings).send(notice())
    assert "ASCII" in outcome.detail
    assert "xe4" not in outcome.detail


@pytest.mark.parametrize(
    "settings",
    [
        {"recipients": ()},
        {"recipients": ("ana@example.com\r\nBcc: eve@example.com",)},
        {"recipients": ("ana@example.com, eve@example.com",)},
        {"sender": "lab"},
        {"sender": "Lab <lab@example.com>"},
        {"user": "lab"},
        {"password": "not to be shown"},
        {"user": "lab", "password": "not to be shown", "insecure": True},
        {"port": 0},
    ],
)
def test_settings_that_cannot_send_mail_are_refused(tmp_path, settings):
    given = {"host": "mail.example.com", "sender": "a@b.c", "recipients": ("a@b.c",)}
    with pytest.raises(ConfigError) as refused:
        load_settings(tmp_path, monitoring={"mails": {"desk": given | settings}})
    assert "not to be shown" not in str(refused.value)
