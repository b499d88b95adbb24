"""The audit log: who changed what."""

from typing import Any

from portal.api.blueprint import api, paged
from portal.api.schemas.audit import AuditEntryOut, AuditQuery
from portal.foundation.access import Permission, requires
from portal.foundation.audit_queries import AuditFilter, audit_page


@api.get("/audit-log/")
@api.arguments(AuditQuery, location="query")
@api.response(200, AuditEntryOut(many=True))
@requires(Permission.AUDIT_READ)
def audit_log(query: dict[str, Any]) -> list[Any]:
    """Entries, newest first."""
    cursor, page_size = query.pop("cursor"), query.pop("page_size")
    return paged(audit_page(AuditFilter(**query), cursor=cursor, page_size=page_size))
