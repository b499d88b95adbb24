"""What stands in mails that wait to be sent and nowhere else: the secrets of their links."""

from sqlalchemy import select

from portal.foundation.db import session
from portal.foundation.sealing import sealer
from portal.mail.kinds import Kind
from portal.mail.models import Mail


def newest_secret(kind: Kind) -> str:
    """The secret in the newest mail of this kind. In an app context, across accounts."""
    newest = select(Mail).where(Mail.kind == kind.value, Mail.sealed.is_not(None)).order_by(Mail.id.desc()).limit(1)
    mail = session.scalars(newest).one()
    return sealer.unseal(mail.sealed or "", bound_to=mail.id)
