"""Makes a database as an application with Flask-Security has one, through Flask-Security itself.

usage: flask_security.py DATABASE PLAN, where PLAN is JSON: [{"username", "email", "password", "roles", "confirmed",
"active", "tf", "phone", "us", "codes", "key"}]. It prints JSON: what each user would have been shown.
"""

import base64
import json
import os
import sys

sys.path[:] = [p for p in sys.path if p not in ("", os.path.dirname(os.path.abspath(__file__)))]

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_security import Security, SQLAlchemyUserDatastore, hash_password
from flask_security.models import fsqla_v3 as fsqla

database, plan = sys.argv[1], json.load(open(sys.argv[2]))
app = Flask(__name__)
app.config.update(
    SQLALCHEMY_DATABASE_URI="sqlite:///" + database,
    SECRET_KEY="a secret key",
    SECURITY_PASSWORD_SALT=plan["password_salt"],
    SECURITY_PASSWORD_HASH=plan["password_hash"],
    SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS=plan["passlib"],
    SECURITY_TOTP_SECRETS=plan["totp_secrets"],
    SECURITY_TOTP_ISSUER="An application",
    SECURITY_TWO_FACTOR=True,
    SECURITY_UNIFIED_SIGNIN=True,
    SECURITY_MULTI_FACTOR_RECOVERY_CODES=True,
    SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS=plan["recovery_keys"] or None,
)
db = SQLAlchemy(app)
fsqla.FsModels.set_db_info(db)


class Role(db.Model, fsqla.FsRoleMixin):
    pass


class User(db.Model, fsqla.FsUserMixin):
    pass


class WebAuthn(db.Model, fsqla.FsWebAuthnMixin):
    pass


store = SQLAlchemyUserDatastore(db, User, Role, WebAuthn)
security = Security(app, store)
shown = {}
with app.app_context(), app.test_request_context():
    db.create_all()
    security._totp_factory  # the wallet that seals
    for p in plan["users"]:
        normal = security._password_util.normalize(p["password"])
        user = store.create_user(
            username=p.get("username"), email=p["email"], password=hash_password(normal),
            roles=[store.find_or_create_role(r) for r in p.get("roles", [])], active=p.get("active", True),
        )
        if p.get("confirmed", True):
            store.activate_user(user) if p.get("active", True) else None
            user.confirmed_at = security.datetime_factory() if hasattr(security, "datetime_factory") else __import__("datetime").datetime(2024, 5, 6, 7, 8, 9)
        db.session.flush()
        told = {}
        if p.get("tf"):
            secret = security._totp_factory.generate_totp_secret()
            told["tf"] = security._totp_factory.get_totp_pretty_key(secret)
            store.tf_set(user, p["tf"], totp_secret=secret, phone=p.get("phone"))
        if p.get("us"):
            secret = security._totp_factory.generate_totp_secret()
            told["us"] = security._totp_factory.get_totp_pretty_key(secret)
            store.us_set(user, "authenticator", totp_secret=secret)
        if p.get("us_phone"):
            store.us_set(user, "sms", totp_secret=security._totp_factory.generate_totp_secret(), phone=p["us_phone"])
        if p.get("codes"):
            told["codes"] = security._mf_recovery_codes_util.create_recovery_codes(user)
        if p.get("key"):
            k = p["key"]
            db.session.add(WebAuthn(
                user_id=user.id, name=k["name"], credential_id=base64.b64decode(k["id"]),
                public_key=base64.b64decode(k["public_key"]), sign_count=k["sign_count"], transports=["usb", "nfc"],
                backup_state=False, device_type="single_device", usage=k["usage"], extensions=k.get("extensions"),
                lastuse_datetime=__import__("datetime").datetime(2024, 5, 6, 7, 8, 9),
            ))
            told["handle"] = user.fs_webauthn_user_handle
        shown[p["email"]] = told
    store.commit()
print(json.dumps(shown))
