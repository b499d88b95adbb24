"""The audit log, field by field."""

from marshmallow import fields

from portal.api.schemas.values import Id, Moment, Out, PageQuery, Search, Text, nothing


class AuditQuery(PageQuery):
    """Which entries. ``action`` is a whole one or what stands before its dot. Times: from inclusive, to exclusive."""

    actor = Search("Olga", 200)
    action = Search("payment.approve", 60)
    account_id = Id(load_default=nothing)
    subject_id = Id(load_default=nothing)
    request_id = Search(Id.EXAMPLE, 64)
    since = Moment(load_default=nothing)
    until = Moment(load_default=nothing)


class AuditEntryOut(Out):
    """One change, or one that was refused: by field what it was before and after."""

    id = Id()
    at = Moment()
    action = Text("invoice.issued")
    subject_type = Text("invoice")
    subject_id = Id()
    account_id = Id(allow_none=True)
    actor_id = Id(allow_none=True)
    actor_label = Text("Ada Admin")
    actor_role = Text("admin")
    face = Text("api")
    address = Text("203.0.113.7")
    request_id = Text(Id.EXAMPLE)
    changes = fields.Raw(metadata={"type": "object", "examples": [{"status": ["draft", "open"]}]})
