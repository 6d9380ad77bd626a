"""Verification: the specification's scheme on raw bytes, under clocks and secrets that the tests set."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from farmlokal.errors import SignatureRefused
from farmlokal.formats.webhook_secrets import key_of
from farmlokal.webhooks.signature import TOLERANCE_S, Delivery, Verifier, sign
from tests.support.webhook_sender import OLD_SECRET, SECRET

# The vector of the reference libraries.
VECTOR_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
VECTOR_S = 1614265330
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
VECTOR = Delivery(VECTOR_ID, str(VECTOR_S), VECTOR_SIGNATURE, VECTOR_BODY)


def verifier(*secrets: str, now_s: float = VECTOR_S) -> Verifier:
    """A verifier with `secrets`, at a moment."""
    return Verifier([key_of(secret) for secret in secrets or (SECRET,)], clock=lambda: now_s)


def refused(delivery: Delivery, *, now_s: float = VECTOR_S) -> str:
    """Why a delivery is refused."""
    with pytest.raises(SignatureRefused) as caught:
        verifier(now_s=now_s).verify(delivery)
    return str(caught.value)


def test_the_reference_vector_verifies() -> None:
    """Message, secret and signature of the reference libraries agree with ours, both ways."""
    assert VECTOR_ID == verifier().verify(VECTOR)
    assert VECTOR_SIGNATURE == sign(key_of(SECRET), VECTOR_ID, VECTOR_S, VECTOR_BODY)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"a": "\xc3\xa9"}', b" {\n} "])
def test_the_librarys_signatures_verify(body: bytes) -> None:
    """What the `standardwebhooks` package signs we accept, byte for byte."""
    signature = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(VECTOR_S, UTC), body.decode())
    assert "msg_1" == verifier().verify(Delivery("msg_1", str(VECTOR_S), signature, body))


@pytest.mark.parametrize(
    "changed",
    [
        VECTOR._replace(body=VECTOR_BODY + b" "),
        VECTOR._replace(body=b'{"test":2432232314}'),
        VECTOR._replace(event_id="msg_p5jXN8AQM9LWM0D4loKWxJeK"),
        VECTOR._replace(timestamp=str(VECTOR_S + 1)),
        VECTOR._replace(timestamp=f"0{VECTOR_S}"),
        VECTOR._replace(signatures=VECTOR_SIGNATURE[:-2] + "F="),
        VECTOR._replace(signatures=VECTOR_SIGNATURE.replace("v1,", "v2,")),
        VECTOR._replace(signatures=VECTOR_SIGNATURE.replace("v1,", "v1a,")),
        VECTOR._replace(signatures=VECTOR_SIGNATURE.removeprefix("v1,")),
        VECTOR._replace(signatures="v1,"),
        VECTOR._replace(signatures="v1,é"),
        VECTOR._replace(signatures=""),
        VECTOR._replace(signatures=None),
        VECTOR._replace(event_id=None),
        VECTOR._replace(event_id=""),
        VECTOR._replace(timestamp=None),
        VECTOR._replace(timestamp=f" {VECTOR_S}"),
        VECTOR._replace(timestamp=f"{VECTOR_S}.0"),
        VECTOR._replace(timestamp="٣٣٣"),
        VECTOR._replace(timestamp="9" * 5000),
    ],
)
def test_whatever_is_changed_is_refused(changed: Delivery) -> None:
    """Body, id, timestamp and signature are each covered; a header may not be missing or malformed."""
    assert "webhook-" in refused(changed)


def test_the_border_between_id_and_timestamp_cannot_be_moved() -> None:
    """An id with a full stop is refused even where the signed bytes are the same."""
    shifted = Delivery(f"msg_1.{VECTOR_S}", str(VECTOR_S), "", b"{}")
    signature = sign(key_of(SECRET), f"msg_1.{VECTOR_S}", VECTOR_S, b"{}")
    assert "full stop" in refused(shifted._replace(signatures=signature))


@pytest.mark.parametrize(
    ("signatures", "verifies"),
    [
        (f"v1,{'A' * 43}= {VECTOR_SIGNATURE}", True),
        (f"{VECTOR_SIGNATURE} v1,{'A' * 43}=", True),
        (f"v1a,xyz {VECTOR_SIGNATURE}", True),
        (f"v1,{'A' * 43}= v1,{'B' * 43}=", False),
    ],
)
def test_one_good_signature_is_enough(signatures: str, verifies: bool) -> None:
    """A second signature that is wrong, or of another scheme, takes nothing from a good one."""
    delivery = VECTOR._replace(signatures=signatures)
    if verifies:
        assert VECTOR_ID == verifier().verify(delivery)
    else:
        assert "no v1 signature" in refused(delivery)


def test_every_live_secret_verifies() -> None:
    """During a rotation what the old secret signs is good, and afterwards no longer."""
    old = VECTOR._replace(signatures=sign(key_of(OLD_SECRET), VECTOR_ID, VECTOR_S, VECTOR_BODY))
    assert VECTOR_ID == verifier(SECRET, OLD_SECRET).verify(old)
    assert VECTOR_ID == verifier(SECRET, OLD_SECRET).verify(VECTOR)
    assert "no v1 signature" in refused(old)


@pytest.mark.parametrize(
    ("late_s", "accepted"), [(TOLERANCE_S, True), (-TOLERANCE_S, True), (TOLERANCE_S + 1, False), (-301, False)]
)
def test_five_minutes_either_way(late_s: int, accepted: bool) -> None:
    """At five minutes to the second a delivery is accepted, one second further it is not."""
    now_s = VECTOR_S + late_s
    if accepted:
        assert VECTOR_ID == verifier(now_s=now_s).verify(VECTOR)
    else:
        assert "more than 300 seconds" in refused(VECTOR, now_s=now_s)


@pytest.mark.parametrize(
    "secret",
    [
        SECRET.removeprefix("whsec_"),
        "whsec_",
        "whsec_%%%",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        SECRET + " ",
    ],
)
def test_a_secret_must_be_one(secret: str) -> None:
    """The prefix, base64, 24 to 64 bytes: everything else is refused without being repeated."""
    with pytest.raises(ValueError, match="must be whsec_ and the base64 of 24 to 64 bytes") as caught:
        key_of(secret)
    assert secret not in str(caught.value).replace("must be whsec_ and", "")
