"""Secrets that the portal makes or is given to keep: of phones, webhooks and mailed links, and of its settings."""

import os
import re
from datetime import datetime, timedelta
from pathlib import Path

import pyotp

from portal.cli.worker import send_what_is_due
from portal.foundation import clock
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from portal.mail.post_office import post_office
from tests import authenticators
from tests.canaries.planting import METRICS_TOKEN, NEW_PASSWORD, SMTP_PASSWORD, World
from tests.canaries.search import ANSWER, TERMINAL, Planted
from tests.mail.mailbox import asking_who_comes
from tests.pages import Page, Pages
from tests.web.test_mailed_links import link_of

ENDPOINT = {"url": "http://127.0.0.1:1/in", "event_types": ["payment.approved"]}


def plant_what_is_kept(world: World, planted: Planted) -> None:
    _plant_a_webhook(world, planted)
    _plant_a_second_factor(world, planted)
    _plant_mailed_links(world, planted)
    _plant_settings(world, planted)
    _send(world)  # to a server of mails and an endpoint that do not answer
    _sign_in_to_send(world)
    planted.note(TERMINAL, world.app.test_cli_runner().invoke(args=["worker", "--once"]).output)


def _plant_a_webhook(world: World, planted: Planted) -> None:
    owner = world.pages["owner"]
    one = owner.post("/webhooks/new", ENDPOINT).location
    planted.secrets["a webhook's secret of before"] = _shown(owner.post(f"{one}secret"), planted, "asking for it")
    assert owner.post(f"{one}rotation").status == 303
    planted.secrets["a webhook's secret"] = _shown(owner.post(f"{one}secret"), planted, "asking for it")
    assert owner.post(f"{one}test").status == 303
    delivery = next(link for link in owner.get(one).links.values() if "/deliveries/" in link)
    world.ids |= {"endpoint_id": one.split("/")[2], "delivery_id": delivery.split("/")[3]}


def _plant_a_second_factor(world: World, planted: Planted) -> None:
    owner = world.pages["owner"]
    phones = authenticators.phones()
    planted.secrets["a phone's secret of staff"] = phones[world.users["admin"].id]
    owner.follow(owner.post("/profile/second-factor", {"password": NEW_PASSWORD}))
    page = owner.get("/profile/second-factor")
    secret = page.root.one("bdi", class_="value").text
    planted.secrets["a phone's secret"] = secret
    planted.note(f"{ANSWER}setting it up", page.response.data)
    done = owner.post("/profile/second-factor/activation", {"code": pyotp.TOTP(secret).now()})
    codes = _shown(done, planted, "setting it up").split()
    planted.secrets["a recovery code"] = codes[0].replace("-", "")
    planted.secrets["a recovery code that was used"] = codes[1].replace("-", "")
    cookie = owner.cookies()["portal_session"]
    planted.secrets["a session cookie since then"] = cookie
    visitor = Pages(world.app)
    visitor.get("/login")
    page = visitor.post("/login", {"email": world.users["owner"].email, "password": NEW_PASSWORD})
    visitor.follow(page)
    planted.note(f"{ANSWER}signing in with it", visitor.post("/login/code", {"code": "000000"}).response.data)
    assert visitor.post("/login/code", {"code": codes[1]}).status == 303


def _plant_mailed_links(world: World, planted: Planted) -> None:
    owner, visitor = world.pages["owner"], Pages(world.app)
    visitor.get("/password-reset")
    visitor.post("/password-reset", {"email": world.users["viewer"].email})
    asked = owner.post("/profile/email", {"email": "elsewhere@portal.example", "password": NEW_PASSWORD})
    assert asked.status == 303, asked.text
    world.make.invitation(world.account)
    for kind in ("password_reset", "email_change", "invitation"):
        address, _, secret = link_of(world.app, kind).partition("?token=")
        planted.secrets[f"a link of {kind}"] = secret
        page = visitor.get(address, token=secret)
        planted.note(f"{ANSWER}opening it", page.response.data)
        if kind != "email_change":  # whose form asks for nothing that could be wrong
            planted.note(f"{ANSWER}opening it", visitor.post(address, page.values | {"password": "x"}).response.data)


def _plant_settings(world: World, planted: Planted) -> None:
    planted.secrets |= {"the password for SMTP": SMTP_PASSWORD, "the token for the figures": METRICS_TOKEN}
    client, far = world.app.test_client(), {"REMOTE_ADDR": "10.0.0.7"}
    for token, status in ((METRICS_TOKEN, 200), (f"{METRICS_TOKEN}x", 404)):
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}, environ_base=far)
        assert answer.status_code == status
        planted.note(f"{ANSWER}asking with it", answer.data)


def _sign_in_to_send(world: World) -> None:
    """To a server of mails that refuses the password, and to one that takes it."""
    pem = Path(os.environ["SSL_CERT_FILE"])
    for minutes, password in ((10, "another"), (60, SMTP_PASSWORD)):
        with asking_who_comes(pem, password) as mailbox:
            world.app.config.update(SMTP_HOST="localhost", SMTP_PORT=mailbox.port, SMTP_SECURITY="starttls")
            post_office.use(world.app.config)
            _send(world, clock.now() + timedelta(minutes=minutes))
        assert set(mailbox.passwords) == {SMTP_PASSWORD}
        assert bool(mailbox.messages) == (password == SMTP_PASSWORD)


def _send(world: World, at: datetime | None = None) -> None:
    with world.app.app_context(), across_accounts(), by_login(Login.WORKER), clock.set_to(at or clock.now()):
        send_what_is_due()


def _shown(page: Page, planted: Planted, place: str) -> str:
    """The secret that the answer shows, this once."""
    planted.note(f"{ANSWER}{place}", page.response.data)
    found = re.search(r'class="secret value">([^<]+)<', page.response.text)
    assert found, page.text
    return found.group(1)
