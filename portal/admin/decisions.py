"""The forms by which staff decide on a payment. Each carries the version of the payment that the decider saw."""

from typing import Any

from wtforms import Field, SelectField, TextAreaField
from wtforms.validators import InputRequired, ValidationError

from portal.billing.payments.review import Review
from portal.billing.payments.service import MAX_REASON
from portal.billing.payments.states import Action
from portal.html.forms import VersionForm

PRESETS = (
    "No transfer with this reference arrived. Please check it on your statement, and report it again.",
    "The amount that arrived is not the amount of the invoice. Please send what is missing, or ask us what to do.",
    "The transfer was returned by the bank. Please check the account number, and send it again.",
    "This transfer belongs to another invoice. Please check which one you mean.",
)
"""Reasons that fit most rejections: what is wrong, and what to do."""


class DecisionForm(VersionForm):
    """What all decisions share. All forms stand on one page, so ids begin with the form's name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self:
            field.id = field.label.field_id = f"{type(self).__name__.lower()}-{field.short_name}"

    def show_for(self, shown: Review) -> None:
        """Go on from what is true now: who sends the form again has seen this version."""
        self.version.raw_data, self.version.data = None, str(shown.payment.version)

    @property
    def typed(self) -> str:
        """What the person wrote, so that a refusal never costs it."""
        return "\n".join(field.data for field in self if isinstance(field, TextAreaField) and field.data)


class Approval(DecisionForm):
    card_free = ("same_text_reason",)
    same_text_reason = TextAreaField(
        "Why is this another transfer?",
        default="",
        description="A transfer with this reference is booked. Say how you know that this one is not the same money.",
        render_kw={"maxlength": MAX_REASON},
    )

    def show_for(self, shown: Review) -> None:
        super().show_for(shown)
        self.same_text_reason.flags.required = shown.booked is not None


class Rejection(DecisionForm):
    card_free = ("reason",)
    preset = SelectField("Start from", choices={"": "Your own words", **{text: text for text in PRESETS}}, default="")
    reason = TextAreaField(
        "Reason",
        default="",
        description="The customer reads it. Say what is wrong and what to do.",
        render_kw={"maxlength": MAX_REASON},
    )

    def show_for(self, shown: Review) -> None:
        super().show_for(shown)
        self.reason.flags.required = True

    def validate_reason(self, field: Field) -> None:
        if not (field.data or self.preset.data):
            raise ValidationError("Say why: the customer reads it and has to know what to do.")

    @property
    def told(self) -> str:
        """The ready sentence, then the person's own words."""
        return " ".join(text for text in (self.preset.data, self.reason.data) if text)

    @property
    def typed(self) -> str:
        return self.told


class Cancellation(DecisionForm):
    pass


class Refund(DecisionForm):
    card_free = ("reason",)
    reason = TextAreaField(
        "Reason",
        [InputRequired("Say why the money goes back.")],
        default="",
        description="The customer reads it. The payment, and the credits that it granted, are taken back.",
        render_kw={"maxlength": MAX_REASON},
    )


FORMS: dict[str, type[DecisionForm]] = {
    "approve": Approval,
    "reject": Rejection,
    "cancel": Cancellation,
    "refund": Refund,
}


def forms_for(shown: Review, sent: Action | None = None, form: DecisionForm | None = None) -> dict[str, DecisionForm]:
    """A form for each decision on the payment as it is now; the one that was sent as it was filled in."""
    forms = {action: kind(formdata=None) for action, kind in FORMS.items()}
    if sent is not None and form is not None:
        forms[sent.value] = form
    for one in forms.values():
        one.show_for(shown)
    return forms
