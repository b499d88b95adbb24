"""What the forms of a page are made of."""

from typing import NamedTuple

from tests.pages import Node


class Control(NamedTuple):
    """Its type, and what it would send, or could."""

    kind: str
    value: str

    @property
    def is_text(self) -> bool:
        """Whether its value is read; of a box to tick only whether there is one, and a file is another matter."""
        return self.kind != "file" and (self.kind, self.value) != ("checkbox", "y")


def method_of(form: Node) -> str:
    """How the form is sent."""
    return form.attributes.get("method", "get").upper()


def addresses_of(form: Node, here: str) -> list[str]:
    """Where the form is sent, and where while somebody types."""
    asked = [node.attributes["hx-post"] for node in form.all() if "hx-post" in node.attributes]
    return [place.split("?")[0] or here for place in (form.attributes.get("action", ""), *asked)]


def filter_of(forms: list[Node], listed: str, here: str) -> dict[str, Control]:
    """The controls of the list's filter."""
    for form in forms:
        if method_of(form) == "GET" and addresses_of(form, here) == [listed]:
            return controls_of(form)
    return {}


def controls_of(form: Node) -> dict[str, Control]:
    """By name; of several boxes or buttons of one name the ticked one, or the first."""
    controls: dict[str, Control] = {}
    for control in form.all("input") + form.all("textarea") + form.all("select"):
        name = control.attributes.get("name")
        if name is None or (name in controls and "checked" not in control.attributes):
            continue
        chosen = [option.attributes["value"] for option in control.all("option") if "selected" in option.attributes]
        value = chosen[0] if chosen else control.attributes.get("value", "")
        controls[name] = Control(control.attributes.get("type", control.tag), value)
    return controls
