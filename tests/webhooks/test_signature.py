"""Verification: the specification's scheme on raw bytes, under clocks and secrets that the tests set."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from farmlokal.errors import SignatureRefused
from farmlokal.formats.webhook_secrets import Scheme, WebhookKey, key_of
from farmlokal.webhooks.signature import TOLERANCE_S, Delivery, Verifier, sign, signed_bytes
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
        assert "holds no signature" in refused(delivery)


def test_every_live_secret_verifies() -> None:
    """During a rotation what the old secret signs is good, and afterwards no longer."""
    old = VECTOR._replace(signatures=sign(key_of(OLD_SECRET), VECTOR_ID, VECTOR_S, VECTOR_BODY))
    assert VECTOR_ID == verifier(SECRET, OLD_SECRET).verify(old)
    assert VECTOR_ID == verifier(SECRET, OLD_SECRET).verify(VECTOR)
    assert "holds no signature" in refused(old)


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


RAW = bytes(range(216, 240))  # in base64 with both characters that the two alphabets have apart


@pytest.mark.parametrize("raw", [RAW[:16], RAW, RAW + b"x", RAW * 3])
@pytest.mark.parametrize("prefix", ["whsec_", ""])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", ["", "="])
def test_a_secret_is_read_as_it_is_shown(
    raw: bytes, prefix: str, encode: Callable[[bytes], bytes], padding: str
) -> None:
    """16 to 72 bytes in either alphabet of base64, with its padding or without, with the prefix or without."""
    text = encode(raw).decode()
    assert WebhookKey(Scheme.HMAC, raw) == key_of(prefix + (text if padding else text.rstrip("=")))


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_%%%",
        "whsec_" + base64.b64encode(b"x" * 15).decode(),
        "whsec_" + base64.b64encode(b"x" * 73).decode(),
        base64.b64encode(b"x" * 24).decode() + "A",
        SECRET + " ",
        SECRET + "===",
        SECRET + "-+",
        "whpk_" + base64.b64encode(b"x" * 31).decode(),
        "whpk_" + base64.b64encode(b"x" * 33).decode(),
        "whsk_" + base64.b64encode(b"x" * 32).decode(),
    ],
)
def test_a_secret_must_be_one(secret: str) -> None:
    """What is no base64, too short or too long, or a private key is refused without being repeated."""
    with pytest.raises(ValueError, match=r"must be whsec_ and the base64 of 16 to 72 bytes|must not hold") as caught:
        key_of(secret)
    assert len(secret) < 10 or secret not in str(caught.value)


PRIVATE = Ed25519PrivateKey.from_private_bytes(RAW + b"8 more b")
PUBLIC = "whpk_" + base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()


def signed_by(key: Ed25519PrivateKey, body: bytes = VECTOR_BODY) -> str:
    """A signature of the vector's message by the sender's own key."""
    return "v1a," + base64.b64encode(key.sign(signed_bytes(VECTOR_ID, str(VECTOR_S), body))).decode()


def test_the_senders_own_key_verifies() -> None:
    """What it signs by Ed25519 is good beside the shared secret's signatures, or alone."""
    delivery = VECTOR._replace(signatures=signed_by(PRIVATE))
    assert VECTOR_ID == verifier(PUBLIC).verify(delivery)
    assert VECTOR_ID == verifier(SECRET, PUBLIC.rstrip("=")).verify(delivery)
    assert VECTOR_ID == verifier(SECRET, PUBLIC).verify(VECTOR)
    other = Ed25519PrivateKey.generate()
    assert VECTOR_ID == verifier(PUBLIC).verify(VECTOR._replace(signatures=f"{signed_by(other)} {signed_by(PRIVATE)}"))


@pytest.mark.parametrize(
    "signatures",
    [
        signed_by(Ed25519PrivateKey.generate()),
        signed_by(PRIVATE, VECTOR_BODY + b" "),
        signed_by(PRIVATE).replace("v1a,", "v1,"),
        signed_by(PRIVATE)[:-2],
        "v1a,é",
        "v1a,",
        # The public key is no secret: what is signed with it as one is anybody's.
        sign(WebhookKey(Scheme.HMAC, PRIVATE.public_key().public_bytes_raw()), VECTOR_ID, VECTOR_S, VECTOR_BODY),
        sign(
            WebhookKey(Scheme.HMAC, PRIVATE.public_key().public_bytes_raw()), VECTOR_ID, VECTOR_S, VECTOR_BODY
        ).replace("v1,", "v1a,"),
        # A long header does not make us work for long.
        " ".join([signed_by(Ed25519PrivateKey.generate())] * 4 + [signed_by(PRIVATE)]),
    ],
    # Of keys that are made anew, ids would differ from process to process.
    ids=[
        "another key",
        "another body",
        "as a secret's",
        "cut short",
        "not ASCII",
        "empty",
        "by the public key",
        "by the public key, as a key's",
        "the fifth of a header",
    ],
)
def test_nobody_else_signs_by_ed25519(signatures: str) -> None:
    """Another key, another message, another scheme, and the public key taken for a secret are refused."""
    with pytest.raises(SignatureRefused, match="holds no signature"):
        verifier(PUBLIC).verify(VECTOR._replace(signatures=signatures))
