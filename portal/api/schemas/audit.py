"""The audit log, field by field."""

from marshmallow import Schema, fields, validate

from portal.api.schemas.values import Id, Moment, PageQuery


class AuditQuery(PageQuery):
    """Which entries. ``action`` is a whole one or what stands before its dot. Times: from inclusive, to exclusive."""

    actor = fields.String(load_default="", validate=validate.Length(max=200))
    action = fields.String(load_default="", validate=validate.Length(max=60))
    account_id = Id(load_default=None)
    subject_id = Id(load_default=None)
    request_id = fields.String(load_default="", validate=validate.Length(max=64))
    since = Moment(load_default=None)
    until = Moment(load_default=None)


class AuditEntryOut(Schema):
    """One change, or one that was refused: by field what it was before and after."""

    id = Id()
    at = Moment()
    action = fields.String()
    subject_type = fields.String()
    subject_id = Id()
    account_id = Id()
    actor_id = Id()
    actor_label = fields.String()
    actor_role = fields.String()
    face = fields.String()
    address = fields.String()
    request_id = fields.String()
    changes = fields.Raw()
